# SPDX-License-Identifier: Apache-2.0
"""``confcom node``: what this machine has, and what its daemons do."""

from confcom.cli.command import Entry, LazyGroup

node = LazyGroup(
    "node",
    table={
        "aesm": Entry(
            "confcom.cli.node_aesm", "aesm", "Ask the AESM daemon; make a unit for systemd."
        ),
        "facts": Entry("confcom.cli.node_facts", "facts", "Write down what this node has for SGX."),
    },
    help="Look after the daemons of one machine.",
    examples=("confcom node aesm ping",),
)
