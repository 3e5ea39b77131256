# SPDX-License-Identifier: Apache-2.0
"""``confcom serve``: the daemons."""

from confcom.cli.command import Entry, LazyGroup

serve = LazyGroup(
    "serve",
    table={
        "device-plugin": Entry(
            "confcom.cli.serve_device_plugin",
            "device_plugin",
            "Offer a node's enclave memory to Kubernetes.",
        ),
        "quote-helper": Entry(
            "confcom.cli.serve_quote_helper",
            "quote_helper",
            "Serve quotes to enclaves over the AESM socket.",
        ),
    },
    help="Run a daemon until it is told to stop.",
    examples=("confcom serve quote-helper --pki demo --socket /tmp/demo/aesm.socket",),
)
