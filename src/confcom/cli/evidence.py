# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence``: look at quotes, judge them, explain the verdict."""

from confcom.cli.command import Entry, LazyGroup

evidence = LazyGroup(
    "evidence",
    table={
        "inspect": Entry(
            "confcom.cli.evidence_inspect", "inspect", "Show what is in a quote or other file."
        ),
        "collect": Entry("confcom.cli.evidence_collect", "collect", "Get evidence where it runs."),
        "verify": Entry(
            "confcom.cli.evidence_verify", "verify", "Tell whether quotes are genuine and expected."
        ),
        "explain": Entry(
            "confcom.cli.evidence_explain", "explain", "Say why a quote has its TCB status."
        ),
    },
    help="Inspect, verify and explain SGX and TDX quotes.",
    examples=(
        "confcom evidence inspect quote.bin",
        "confcom evidence verify quote.bin --collateral bundle.json",
        "confcom evidence explain quote.bin --collateral bundle.json",
    ),
)
