# SPDX-License-Identifier: Apache-2.0
"""``confcom node``: what the daemons of this machine do."""

from confcom.cli.command import Entry, LazyGroup

node = LazyGroup(
    "node",
    table={
        "aesm": Entry(
            "confcom.cli.node_aesm", "aesm", "Ask the AESM daemon; make a unit for systemd."
        ),
    },
    help="Look after the daemons of one machine.",
    examples=("confcom node aesm ping",),
)
