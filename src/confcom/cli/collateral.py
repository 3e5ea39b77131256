# SPDX-License-Identifier: Apache-2.0
"""``confcom collateral``: fetch, look at, check and carry what verification needs."""

from confcom.cli.command import Entry, LazyGroup

collateral = LazyGroup(
    "collateral",
    table={
        "fetch": Entry("confcom.cli.collateral_fetch", "fetch", "Fetch documents into the cache."),
        "show": Entry("confcom.cli.collateral_show", "show", "Show documents and when they end."),
        "check": Entry(
            "confcom.cli.collateral_check", "check", "Check signatures and times of a bundle."
        ),
        "export": Entry(
            "confcom.cli.collateral_export", "export", "Write a bundle for sites without network."
        ),
        "import": Entry(
            "confcom.cli.collateral_import", "import_command", "Take a bundle into the cache."
        ),
    },
    help="Fetch, check and carry what verification needs.",
    examples=(
        "confcom collateral fetch quote.bin",
        "confcom collateral export --fmspc 00606A000000 bundle.json",
        "confcom collateral check bundle.json",
    ),
)
