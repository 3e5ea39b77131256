# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm``: the daemon behind the AESM socket of this machine."""

from confcom.cli.command import Entry, LazyGroup

aesm = LazyGroup(
    "aesm",
    table={
        "ping": Entry(
            "confcom.cli.node_aesm_ping", "ping", "Tell whether the daemon answers, or why not."
        ),
        "info": Entry("confcom.cli.node_aesm_info", "info", "Show what the daemon offers."),
        "bench": Entry(
            "confcom.cli.node_aesm_bench", "bench", "Measure how many quotes it makes a second."
        ),
        "unit": Entry(
            "confcom.cli.node_aesm_unit", "unit", "Print a systemd unit for the quote helper."
        ),
    },
    help="Ask the AESM daemon of this machine, and run ours without Kubernetes.",
    examples=(
        "confcom node aesm ping",
        "confcom node aesm bench --simulate --clients 8",
        "confcom node aesm unit --backend dcap",
    ),
)
