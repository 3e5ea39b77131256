# SPDX-License-Identifier: Apache-2.0
"""``confcom serve quote-helper``: quotes for enclaves that cannot load a quoting enclave."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.platform_option import (
    DEFAULT_NAME,
    folder_and_name,
    platform_or_folder_option,
)
from confcom.cli.seconds import Seconds
from confcom.cli.serve_backends import (
    DEFAULT_SOCKET,
    Served,
    Verify,
    dcap,
    packages,
    simulated,
    upstream,
)
from confcom.cli.serve_options import Address, FileOfKind, Octal, RateOf
from confcom.cli.session import Session
from confcom.cli.version import version
from confcom.errors import UsageError
from confcom.protocols.quotas import Limits, Rate
from confcom.reasons import Reason

if TYPE_CHECKING:
    import structlog

    from confcom.protocols.quoting_rules import QuotingRules
    from confcom.services.quote_records import QuoteRecords
    from confcom.services.td_quotes import TdQuoteOptions, TdxBackend

STATUS_SOCKET: Final = "/run/confcom/quote-helper.sock"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Flags:
    """Values of the options, by their names."""

    backend: str | None
    folder: Path | None
    name: str
    state: Path | None
    accepts_unauthenticated: bool
    library: str
    files: Sequence[tuple[str, Path]]
    upstream: str
    path: str
    mode: int
    rules: Sequence[str]
    peer_rate: Rate | None
    total_rate: Rate | None
    most_waiting: int
    qgs_socket: str | None
    qgs_mode: int
    qgs_vsock: int | None
    qgs_upstream: str | None
    every: int
    drain_s: float
    health: tuple[str, int] | None
    status: str | None

    @property
    def chosen(self) -> str:
        """The back end."""
        return self.backend or ("dcap" if self.folder is None else "simulated")

    def check(self) -> None:
        """Refuse options that do not go together.

        Raises:
            UsageError: with what to do instead.
        """
        is_simulated = self.chosen == "simulated"
        given = {
            "--pki": self.folder is not None,
            "--platform": self.name != DEFAULT_NAME,
            "--state": self.state is not None,
            "--accept-unauthenticated-reports": self.accepts_unauthenticated,
        }
        for option, is_given in given.items():
            if is_given and not is_simulated:
                raise UsageError(
                    Reason.USAGE,
                    f"cannot use {option} with quotes of this machine's hardware",
                    hint="leave it out, or choose --backend simulated",
                )
        if self.qgs_upstream is not None and is_simulated:
            raise UsageError(
                Reason.USAGE,
                "cannot use --qgs-upstream with a simulated platform, which quotes TDs itself",
                hint="leave it out, or choose --backend upstream",
            )
        if self.qgs_upstream is not None and self.qgs_upstream == self.qgs_socket:
            raise UsageError(
                Reason.USAGE,
                f"cannot ask the service at {self.qgs_upstream}: that is where we listen",
                hint="let the other service listen elsewhere, and name that with --qgs-upstream",
            )
        if self.has_tds and self.qgs_upstream is None and not is_simulated:
            raise UsageError(
                Reason.USAGE,
                "cannot serve TDs: nothing makes their quotes",
                hint="name the service that does with --qgs-upstream",
            )

    @property
    def has_tds(self) -> bool:
        """Whether TDs are served."""
        return self.qgs_socket is not None or self.qgs_vsock is not None


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
    help="Simulated: folder of the hierarchy; without it one is made below --state.",
)
@platform_or_folder_option
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Simulated: where a platform of our own is kept. "
    "[default: $STATE_DIRECTORY, else /var/lib/confcom]",
)
@click.option(
    "--accept-unauthenticated-reports",
    "accepts_unauthenticated",
    is_flag=True,
    help="Simulated: sign REPORTs whose MAC does not fit too, such as recorded ones.",
)
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
    help="Who may have which enclave or TD quoted, such as 'deny debug=yes' or 'allow tee=sgx "
    "namespace=prod'; may be repeated, the first that applies decides.",
)
@click.option(
    "--peer-rate",
    type=RateOf(),
    metavar="RATE[:BURST]",
    help="How often a second one pod, one user outside of pods, or one virtual machine may ask; "
    "more is told busy.",
)
@click.option(
    "--total-rate",
    type=RateOf(),
    metavar="RATE[:BURST]",
    help="How often a second all together are served; more waits, in fair turns. Enclaves and TDs "
    "each.",
)
@click.option(
    "--most-waiting",
    type=click.IntRange(2, 65536),
    metavar="N",
    default=256,
    show_default=True,
    help="Requests that may wait, half of them of one peer; more is told busy. Enclaves and TDs "
    "each.",
)
@click.option(
    "--qgs-socket",
    metavar="PATH",
    help="Serve quotes of TDs there too, as Intel's quote generation service does.",
)
@click.option(
    "--qgs-socket-mode",
    "qgs_mode",
    type=Octal(),
    metavar="MODE",
    default="0660",
    show_default=True,
    help="Who may ask for quotes of TDs there: those who may write the socket.",
)
@click.option(
    "--qgs-vsock",
    type=click.IntRange(1, 2**32 - 2),
    metavar="PORT",
    help="Serve quotes of TDs on this port of vsock too; Intel's is 4050.",
)
@click.option(
    "--qgs-upstream",
    metavar="ADDRESS",
    help="DCAP and upstream: the service that makes quotes of TDs: PATH, or vsock:CID:PORT.",
)
@click.option(
    "--verify-every",
    "every",
    type=click.IntRange(0),
    metavar="N",
    default=1000,
    show_default=True,
    help="Verify the first quote and each N-th after it in the background; 0 for none.",
)
@click.option(
    "--drain",
    "drain_s",
    type=Seconds(0, 300),
    metavar="SECONDS",
    default=5.0,
    show_default=True,
    help="How long requests may still take after a signal to stop.",
)
@click.option(
    "--health",
    type=Address(),
    metavar="HOST:PORT",
    help="Answer /livez, /readyz and /metrics over HTTP there, for example on 127.0.0.1:8081.",
)
@click.option(
    "--status",
    metavar="PATH",
    help="UNIX socket that answers /status over HTTP too: who asked for what, what our quotes are "
    f"worth. [default: {STATUS_SOCKET} if --socket is the default one]",
)
@click.pass_context
def quote_helper(ctx: click.Context, /, **given: Any) -> None:  # noqa: ANN401 checked by click
    """Serve quotes to enclaves over the AESM socket, as Intel's daemon does.

    Quotes of a simulated platform are under a SIMULATED root; a verifier accepts them only when it
    is given that root and consents.
    """
    folder, name = folder_and_name(given["folder"], given["name"])
    flags = _Flags(**given | {"folder": folder, "name": name})
    flags.check()
    session = session_of(ctx)
    session.start_logging(is_daemon=True)
    with packages():
        import structlog  # noqa: PLC0415 - loads for long

        from confcom.runtime.log import OWN_LOGGER  # noqa: PLC0415
        from confcom.services.quote_records import QuoteRecords  # noqa: PLC0415
    log = structlog.get_logger(OWN_LOGGER).bind()
    # Whose quotes another daemon hands out, it does not say.
    is_simulated = None if flags.chosen == "upstream" else flags.chosen == "simulated"
    records = QuoteRecords(log, is_simulated=is_simulated, version=version())
    served = _backend(flags, session, records, log)
    if served.public is not None and flags.folder is None:
        log.info("quote_helper.simulated", public=str(served.public))
    if flags.accepts_unauthenticated:
        log.warning("reports.unauthenticated", why="REPORTs are signed whoever made them")
    _run(flags, served, records)


def _backend(
    flags: _Flags,
    session: Session,
    records: "QuoteRecords",
    log: "structlog.stdlib.BoundLogger",
) -> Served:
    if flags.chosen == "simulated":
        state = flags.state or Path(os.environ.get("STATE_DIRECTORY", "/var/lib/confcom"))
        return simulated(
            flags.folder,
            flags.name,
            state,
            accepts_unauthenticated=flags.accepts_unauthenticated,
        )
    from confcom.cli.own_collateral import verifier_of_hardware  # noqa: PLC0415

    def verifier() -> Verify:
        return verifier_of_hardware(
            session.effective, log, has_libraries=flags.chosen == "dcap", is_used=flags.every > 0
        )

    if flags.chosen == "upstream":
        return upstream(flags.upstream, flags.path, flags.qgs_upstream, verifier)
    return dcap(flags.library, flags.files, flags.qgs_upstream, verifier, records)


def _tds(
    flags: _Flags, served: Served, limits: Limits, rules: "QuotingRules | None"
) -> "tuple[TdxBackend, TdQuoteOptions] | None":
    tds = served.tds() if flags.has_tds else None
    if tds is None:
        return None
    from confcom.cli.serve_tds import td_options, td_places  # noqa: PLC0415 - memory

    return tds.backend, td_options(
        td_places(flags.qgs_socket, flags.qgs_mode, flags.qgs_vsock),
        limits=limits,
        rules=rules,
        is_simulated=served.name == "simulated",
        verify=tds.verify,
        every=flags.every,
    )


def _rules(texts: Sequence[str]) -> "QuotingRules | None":
    if not texts:
        return None
    from confcom.protocols.quoting_rules import parse_rules  # noqa: PLC0415 - where there are any

    return parse_rules(texts)


def _run(flags: _Flags, served: Served, records: "QuoteRecords") -> None:
    with packages():
        from confcom.adapters.quoting.listener import ListenerOptions  # noqa: PLC0415
        from confcom.adapters.quoting.socket_file import SocketFile  # noqa: PLC0415
        from confcom.services.quote_helper import (  # noqa: PLC0415
            OwnChecks,
            QuoteHelperOptions,
            run,
        )
    status = flags.status or (STATUS_SOCKET if flags.path == DEFAULT_SOCKET else None)
    limits = Limits(
        per_peer=flags.peer_rate,
        total=flags.total_rate,
        waiting=flags.most_waiting,
        waiting_per_peer=flags.most_waiting // 2,
    )
    rules = _rules(flags.rules)
    run(
        served.quotes,
        QuoteHelperOptions(
            socket=SocketFile(Path.cwd() / flags.path, mode=flags.mode),
            listener=ListenerOptions(limits=limits, at_once=served.at_once, wait_s=served.wait_s),
            is_simulated=served.name == "simulated",
            rules=rules,
            drain_s=flags.drain_s,
            health=flags.health,
            status=None
            if status is None
            else SocketFile(Path.cwd() / status, mode=0o600, option="--status"),
            problem=served.problem,
            checks=OwnChecks(verify=served.verify, every=flags.every) if flags.every else None,
            tds=_tds(flags, served, limits, rules),
            backend_name=served.name,
        ),
        records,
    )
