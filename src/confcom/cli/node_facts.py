# SPDX-License-Identifier: Apache-2.0
"""``confcom node facts``: what a node has for SGX, as it was read, to be looked at elsewhere."""

from pathlib import Path

import click

from confcom.adapters.files import PUBLIC, write_file_atomically
from confcom.cli.command import Command, session_of
from confcom.cli.output import Output, to_json


@click.command(
    cls=Command,
    examples=("confcom node facts", "confcom node facts --out node.json"),
)
@click.option(
    "--dev",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/dev"),
    show_default=True,
    help="Where /dev of the node is for us.",
)
@click.option(
    "--sys",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/sys"),
    show_default=True,
    help="Where /sys of the node is for us.",
)
@click.option(
    "--proc",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/proc"),
    show_default=True,
    help="Where /proc of the node is for us.",
)
@click.option(
    "--kubelet-folder",
    "plugins",
    type=click.Path(path_type=Path),
    metavar="DIR",
    default=Path("/var/lib/kubelet/device-plugins"),
    show_default=True,
    help="Where the kubelet and its plugins have their sockets.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to a file instead of standard output.",
)
@click.pass_context
def facts(
    ctx: click.Context,
    /,
    dev: Path,
    sys: Path,
    proc: Path,
    plugins: Path,
    out: Path | None,
) -> None:
    """Write down what this node has for SGX: registers, files of the kernel, device nodes.

    Nothing is concluded and nothing of it is secret; root sees a little more than others.
    """
    from confcom.adapters.sgx_node import NodeRoots, read_facts  # noqa: PLC0415 - not for --help
    from confcom.epc.facts_json import facts_to_json  # noqa: PLC0415 - not for --help

    document = facts_to_json(read_facts(NodeRoots(sys=sys, dev=dev, proc=proc, plugins=plugins)))
    text = to_json(document)
    if out is None:
        Output(session_of(ctx)).write_text(text)
    else:
        write_file_atomically(out, text.encode(), mode=PUBLIC)
