# SPDX-License-Identifier: Apache-2.0
"""``confcom node aesm info``: which keys, which quoting enclave, how long quotes are."""

import click

from confcom.cli.command import Command, session_of
from confcom.cli.node_aesm_options import aesm_packages, say_failure, socket_option, timeout_option
from confcom.cli.options import output_option
from confcom.cli.output import Output
from confcom.reasons import ExitCode


@click.command(
    cls=Command,
    examples=(
        "confcom node aesm info",
        "confcom node aesm info --socket run/aesm.socket --output json",
    ),
)
@socket_option
@timeout_option
@output_option("table", "json", "yaml")
@click.pass_context
def info(ctx: click.Context, path: str, timeout_s: float) -> int:
    """Ask the daemon for all that it tells without a REPORT.

    The keys it offers, the identity of its quoting enclave, the size of its quotes, and how long
    each call took. This makes the attestation key ready, if it is not. What the daemon says is
    shown, not verified: only a quote proves which enclave signs.
    """
    with aesm_packages("node aesm info"):
        from confcom.adapters.aesm import AesmClient  # noqa: PLC0415 - loads protobuf
        from confcom.cli.node_aesm_offer import ask_all  # noqa: PLC0415 - loads protobuf
    offer = ask_all(AesmClient(path, timeout_s=timeout_s))
    session = session_of(ctx)
    output = Output(session)
    output.write(offer.to_json(path), lambda: offer.table(path, color=output.color))
    return ExitCode.YES if offer.error is None else say_failure(session, offer.error)
