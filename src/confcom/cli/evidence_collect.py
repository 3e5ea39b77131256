# SPDX-License-Identifier: Apache-2.0
"""``confcom evidence collect``: get evidence where it runs; verify nothing."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.failure import missing_extra
from confcom.cli.simulate_options import (
    REPORT_DATA_BYTES,
    HexBytes,
    Shorter,
    enclave_option,
    open_platform,
    out_option,
    platform_option,
    read_enclave,
    write_binary,
)
from confcom.cli.style import Style
from confcom.errors import UnavailableError, UsageError
from confcom.reasons import Reason

if TYPE_CHECKING:
    from confcom.simulation import Enclave

OPT_IN: Final = "SGX_AESM_ADDR"
_SOCKET: Final = "/var/run/aesmd/aesm.socket"


@click.command(
    cls=Command,
    examples=(
        "confcom evidence collect --aesm --enclave enclave.json --out quote.bin",
        "confcom evidence collect --aesm --socket run/aesm.socket --enclave enclave.json",
        "confcom evidence collect --simulate demo --enclave enclave.json --nonce 0badcafe",
    ),
)
@click.option(
    "--aesm",
    is_flag=True,
    help="Ask the AESM daemon, also without SGX_AESM_ADDR in the environment.",
)
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    default=_SOCKET,
    show_default=True,
    help="AESM: where the daemon listens.",
)
@click.option(
    "--simulate",
    "folder",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="No daemon: let a platform of this simulated hierarchy sign.",
)
@platform_option
@enclave_option
@click.option(
    "--report-data",
    type=HexBytes(REPORT_DATA_BYTES, Shorter.PAD),
    metavar="HEX",
    help="What the report vouches for: up to 64 bytes, zeros are added at the end.",
)
@click.option(
    "--nonce",
    type=HexBytes(REPORT_DATA_BYTES, Shorter.PAD),
    metavar="HEX",
    help="A relying party's nonce, up to 64 bytes; becomes the report data.",
)
@out_option
@click.pass_context
def collect(
    ctx: click.Context,
    aesm: bool,
    path: str,
    folder: Path | None,
    name: str,
    enclave_file: str,
    report_data: bytes | None,
    nonce: bytes | None,
    out: str,
) -> None:
    """Make the REPORT of an enclave in software, and get a quote of it.

    Without --aesm or --simulate the daemon is asked only if SGX_AESM_ADDR is set, to whatever: so
    do Intel's libraries.
    """
    if aesm and folder is not None:
        raise UsageError(Reason.USAGE, "cannot use --aesm and --simulate together")
    if report_data is not None and nonce is not None:
        raise UsageError(
            Reason.USAGE,
            "cannot use --report-data and --nonce together",
            hint="--nonce is the report data",
        )
    data = report_data or nonce or bytes(REPORT_DATA_BYTES)
    enclave = read_enclave(enclave_file)
    if folder is not None:
        platform = open_platform(folder, name)
        quote = platform.quote_sgx(enclave.ereport(platform.qe_target_info, data))
    elif aesm or OPT_IN in os.environ:
        quote = _ask_daemon(enclave, data, Path(path))
    else:
        raise UnavailableError(
            Reason.QUOTING_UNREACHABLE,
            f"cannot collect evidence: no source was named, and {OPT_IN} is not set",
            hint=f"ask the daemon with --aesm, or set {OPT_IN}=1 in the container's environment",
        )
    write_binary(ctx, out, quote)
    session = session_of(ctx)
    if not session.quiet:
        session.say(
            "collected", Style.FAINT, f"SGX quote of {len(quote)} bytes; it was not verified"
        )


def _ask_daemon(enclave: "Enclave", data: bytes, path: Path) -> bytes:
    try:
        from confcom.adapters.aesm import AesmClient  # noqa: PLC0415 - loads protobuf
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "google":
            raise
        raise missing_extra("confcom evidence collect", "protobuf", "quote-helper") from exc
    client = AesmClient(path)
    return client.quote(enclave.ereport(client.target_info(), data)).quote
