# SPDX-License-Identifier: Apache-2.0
"""``confcom serve quote-helper``: quotes for enclaves that cannot load a quoting enclave."""

from pathlib import Path
from typing import Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.failure import missing_extra
from confcom.cli.simulate_options import open_store, pki_option, platform_option

DEFAULT_SOCKET: Final = "/var/run/aesmd/aesm.socket"


class Octal(click.ParamType[int]):
    """A file mode, written as `chmod` takes it."""

    name = "octal"

    def convert(
        self, value: str | int, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Return the mode."""
        if isinstance(value, int):
            return value
        try:
            mode = int(value, 8)
        except ValueError:
            mode = -1
        if not 0 <= mode <= 0o777:
            self.fail(f"{value!r} is not a file mode such as 0666", param, ctx)
        return mode


class Address(click.ParamType[tuple[str, int]]):
    """A host and a port to bind."""

    name = "address"

    def convert(
        self,
        value: str | tuple[str, int],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, int]:
        """Return host and port."""
        if isinstance(value, tuple):
            return value
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port[:6]) <= 65535:
            self.fail(f"{value!r} is not an address such as 127.0.0.1:8081", param, ctx)
        return host.removeprefix("[").removesuffix("]"), int(port)


@click.command(
    cls=Command,
    examples=(
        "confcom serve quote-helper --pki demo --socket /tmp/demo/aesm.socket",
        "confcom serve quote-helper --pki demo --platform simulated --socket-mode 0660",
    ),
)
@pki_option
@platform_option
@click.option(
    "--socket",
    "path",
    metavar="PATH",
    default=DEFAULT_SOCKET,
    show_default=True,
    help="Where to listen. Intel's libraries know no other place than the default.",
)
@click.option(
    "--socket-mode",
    "mode",
    type=Octal(),
    metavar="MODE",
    default="0666",
    show_default=True,
    help="Who may connect: those who may write the socket.",
)
@click.option(
    "--drain",
    "drain_s",
    type=click.FloatRange(0, 300),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long requests may still take after a signal to stop.",
)
@click.option(
    "--health",
    type=Address(),
    metavar="HOST:PORT",
    help="Answer /livez and /readyz over HTTP there, for example on 127.0.0.1:8081.",
)
@click.pass_context
def quote_helper(
    ctx: click.Context,
    folder: Path,
    name: str,
    path: str,
    mode: int,
    drain_s: float,
    health: tuple[str, int] | None,
) -> None:
    """Serve quotes of a simulated platform to enclaves in software.

    Speaks the protocol of Intel's AESM daemon. Every quote is under the SIMULATED root of --pki; a
    verifier accepts it only when it is given that root and consents.
    """
    session_of(ctx).start_logging(is_daemon=True)
    store, authority = open_store(folder)
    platform = store.platform(name, authority)
    try:
        import google.protobuf  # noqa: F401, PLC0415 - may be missing

        from confcom.adapters.quoting.simulated import SimulatedBackend  # noqa: PLC0415
        from confcom.adapters.quoting.socket_file import SocketFile  # noqa: PLC0415
        from confcom.services.quote_helper import QuoteHelperOptions, run  # noqa: PLC0415
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.split(".")[0] not in {"google", "structlog"}:
            raise
        raise missing_extra("confcom serve quote-helper", "protobuf", "quote-helper") from exc
    run(
        SimulatedBackend(platform, authority),
        QuoteHelperOptions(
            socket=SocketFile(Path.cwd() / path, mode=mode),
            is_simulated=True,
            drain_s=drain_s,
            health=health,
        ),
    )
