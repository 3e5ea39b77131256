# SPDX-License-Identifier: Apache-2.0
"""``confcom simulate``: platforms, reports and quotes in software, under SIMULATED roots."""

from confcom.cli.command import Entry, LazyGroup

_HIERARCHY = "confcom.cli.simulate_hierarchy"
_DESCRIPTIONS = "confcom.cli.simulate_descriptions"
_REPORTS = "confcom.cli.simulate_reports"

simulate = LazyGroup(
    "simulate",
    table={
        "pki": Entry(_HIERARCHY, "pki", "Make a fresh simulated hierarchy."),
        "platform": Entry(_HIERARCHY, "platform", "Add a platform to a hierarchy."),
        "show": Entry(_HIERARCHY, "show", "Show platforms, bundles and revocations."),
        "collateral": Entry(
            "confcom.cli.simulate_collateral", "collateral", "Issue collateral with a TCB status."
        ),
        "revoke": Entry(
            "confcom.cli.simulate_collateral", "revoke", "Revoke a platform, CA or TCB signing."
        ),
        "enclave": Entry(_DESCRIPTIONS, "enclave", "Describe an enclave in software."),
        "td": Entry(_DESCRIPTIONS, "td", "Describe a TD in software."),
        "target-info": Entry(_REPORTS, "target_info", "Write the TARGETINFO of an enclave."),
        "report": Entry(_REPORTS, "report", "Make the REPORT of an enclave for a target."),
        "check": Entry(_REPORTS, "check", "Check a REPORT that was made for an enclave."),
        "td-report": Entry(_REPORTS, "td_report", "Make the TDREPORT of a TD."),
        "quote": Entry("confcom.cli.simulate_quote", "quote", "Make a quote from a report."),
    },
    help="Make platforms, reports and quotes in software, for machines without the hardware.\n\n"
    "All certificates say SIMULATED. A verifier accepts them only when it is given the root "
    "by --root and consents by --allow-simulated.",
    examples=(
        "confcom simulate pki demo",
        "confcom simulate platform --pki demo",
        "confcom simulate enclave --out enclave.json",
        "confcom simulate quote --pki demo --enclave enclave.json --out quote.bin",
    ),
)
