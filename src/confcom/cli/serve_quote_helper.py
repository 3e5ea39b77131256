# SPDX-License-Identifier: Apache-2.0
"""``confcom serve quote-helper``: quotes for enclaves that cannot load a quoting enclave."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.failure import missing_extra
from confcom.cli.simulate_options import open_store, platform_option
from confcom.errors import UsageError
from confcom.reasons import Reason

if TYPE_CHECKING:
    from confcom.adapters.quoting.dcap_backend import DcapBackend
    from confcom.adapters.quoting.simulated import SimulatedBackend
    from confcom.adapters.quoting.upstream import UpstreamBackend
    from confcom.services.quote_helper import Backend

DEFAULT_SOCKET: Final = "/var/run/aesmd/aesm.socket"
KINDS: Final = ("qe3", "pce", "provider", "id-enclave")


class Octal(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
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


class Address(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
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


class FileOfKind(click.ParamType):  # type: ignore[type-arg]  # not generic in older releases
    """One of the files that the libraries look for."""

    name = "kind=path"

    def convert(
        self,
        value: str | tuple[str, Path],
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> tuple[str, Path]:
        """Return kind and path."""
        if isinstance(value, tuple):
            return value
        kind, _, path = value.partition("=")
        if kind not in KINDS or not path:
            self.fail(f"{value!r} is not KIND=PATH with a KIND of {', '.join(KINDS)}", param, ctx)
        if not Path(path).is_file():
            self.fail(f"there is no file {path}", param, ctx)
        return kind, Path(path).absolute()


@click.command(
    cls=Command,
    examples=(
        "confcom serve quote-helper",
        "confcom serve quote-helper --pki demo --socket run/aesm.socket",
        "confcom serve quote-helper --backend dcap --library libsgx_dcap_ql.so.1",
    ),
)
@click.option(
    "--backend",
    type=click.Choice(("dcap", "upstream", "simulated")),
    help="Who makes quotes: Intel's libraries, another daemon, or a simulated platform. "
    "[default: dcap; with --pki: simulated]",
)
@click.option(
    "--pki",
    "folder",
    type=click.Path(path_type=Path, readable=False),
    metavar="DIR",
    help="Simulated: folder of the hierarchy.",
)
@platform_option
@click.option(
    "--library",
    metavar="NAME",
    default="libsgx_qe3_logic.so",
    show_default=True,
    help="DCAP: the library, by name or path; libsgx_dcap_ql.so.1 is the other that is known.",
)
@click.option(
    "--file",
    "files",
    type=FileOfKind(),
    multiple=True,
    metavar="KIND=PATH",
    help="DCAP: a file that the library would look for itself; KIND is qe3, pce, provider or "
    "id-enclave. May be repeated.",
)
@click.option(
    "--upstream",
    metavar="PATH",
    default=DEFAULT_SOCKET,
    show_default=True,
    help="Upstream: socket of the daemon behind.",
)
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
    "--rule",
    "rules",
    multiple=True,
    metavar="RULE",
    help="Who may have which enclave quoted, such as 'deny debug=yes' or 'allow namespace=prod'; "
    "may be repeated, the first that applies decides.",
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
    backend: str | None,
    folder: Path | None,
    name: str,
    library: str,
    files: Sequence[tuple[str, Path]],
    upstream: str,
    path: str,
    mode: int,
    rules: Sequence[str],
    drain_s: float,
    health: tuple[str, int] | None,
) -> None:
    """Serve quotes to enclaves over the AESM socket, as Intel's daemon does.

    Quotes of a simulated platform are under the SIMULATED root of --pki; a verifier accepts them
    only when it is given that root and consents.
    """
    chosen = backend or ("dcap" if folder is None else "simulated")
    if (chosen == "simulated") != (folder is not None):
        raise UsageError(
            Reason.USAGE,
            "cannot serve simulated quotes without --pki"
            if folder is None
            else "cannot use --pki with quotes of this machine's hardware",
            hint="confcom simulate pki DIR makes a hierarchy"
            if folder is None
            else "leave --pki out, or choose --backend simulated",
        )
    session_of(ctx).start_logging(is_daemon=True)
    made: Backend
    problem: Callable[[], str | None] | None = None
    if folder is not None:
        made = _simulated(folder, name)
    elif chosen == "upstream":
        made = _upstream(upstream, path)
    else:
        made = hardware = _dcap(library, files)
        problem = lambda: _why_not_ready(hardware)  # noqa: E731 a name of its own says no more
    with _packages():
        from confcom.adapters.quoting.socket_file import SocketFile  # noqa: PLC0415
        from confcom.protocols.quoting_rules import parse_rules  # noqa: PLC0415
        from confcom.services.quote_helper import QuoteHelperOptions, run  # noqa: PLC0415
    run(
        made,
        QuoteHelperOptions(
            socket=SocketFile(Path.cwd() / path, mode=mode),
            is_simulated=folder is not None,
            rules=parse_rules(rules),
            drain_s=drain_s,
            health=health,
            problem=problem,
        ),
    )


def _why_not_ready(backend: "DcapBackend") -> str | None:
    status = backend.status
    return None if status.is_ready else status.why or "the attestation key is not ready yet"


def _upstream(upstream: str, path: str) -> "UpstreamBackend":
    if Path(upstream).absolute() == Path(path).absolute():
        raise UsageError(
            Reason.USAGE,
            f"cannot ask the daemon at {upstream}: that is where we listen",
            hint="let the other daemon listen elsewhere, and name that with --upstream",
        )
    with _packages():
        from confcom.adapters.aesm import AsyncAesmClient  # noqa: PLC0415
        from confcom.adapters.quoting.upstream import UpstreamBackend  # noqa: PLC0415
    return UpstreamBackend(AsyncAesmClient(upstream))


def _simulated(folder: Path, name: str) -> "SimulatedBackend":
    store, authority = open_store(folder)
    platform = store.platform(name, authority)
    with _packages():
        from confcom.adapters.quoting.simulated import SimulatedBackend  # noqa: PLC0415
    return SimulatedBackend(platform, authority)


def _dcap(library: str, files: Sequence[tuple[str, Path]]) -> "DcapBackend":
    with _packages():
        from confcom.adapters.quoting.dcap_backend import DcapBackend  # noqa: PLC0415
        from confcom.adapters.quoting.dcap_library import PathKind  # noqa: PLC0415
        from confcom.adapters.quoting.dcap_process import ChildOptions  # noqa: PLC0415
        from confcom.services.quote_helper import log_event  # noqa: PLC0415
    options = ChildOptions(
        library=library,
        paths={PathKind(kind): path for kind, path in files},
        environment=os.environ,
    )
    return DcapBackend(options, observe=log_event)


@contextmanager
def _packages() -> Iterator[None]:
    """Say how to install what is missing."""
    try:
        yield
    except ModuleNotFoundError as exc:
        package = (exc.name or "").split(".")[0]
        if package not in {"google", "structlog"}:
            raise
        wanted = "protobuf" if package == "google" else package
        raise missing_extra("confcom serve quote-helper", wanted, "quote-helper") from exc
