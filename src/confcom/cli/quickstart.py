# SPDX-License-Identifier: Apache-2.0
"""``confcom quickstart``: the main job once from end to end, with the commands one would type.

Each step runs a command of this program in a temporary folder, shows it, and compares its exit
code with the expected one, so that the list at the end is a list of things that happened.
"""

import contextlib
import importlib.util
import shlex
import tempfile
import time
from pathlib import Path
from typing import Final

import click

from confcom.cli.command import Command, session_of
from confcom.cli.main import main
from confcom.cli.quickstart_daemon import quote_helper
from confcom.cli.quickstart_recorded import VARIABLE, find_recorded, verify_recorded
from confcom.cli.session import Session
from confcom.cli.style import Style, paint
from confcom.cli.table import Cell, columns
from confcom.dcap import Collateral, TcbStatus
from confcom.errors import UsageError
from confcom.reasons import ExitCode, Reason
from confcom.testing.collateral_documents import documents_from_bundles
from confcom.testing.collateral_server import CollateralServer
from confcom.testing.collateral_server import Style as Service

_REPORT_DATA: Final = b"quickstart".hex()
_TRUST: Final = ("--root", "demo/public/root.pem", "--allow-simulated")
_CHANGED_BYTE: Final = 48 + 64
"""Offset of the first byte of MRENCLAVE in a version 3 quote."""


class _WrongEndError(Exception):
    """A command did not end as this tour expects."""


@click.command(cls=Command, examples=("confcom quickstart",))
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Keep the files there, in a new folder, to go on with.",
)
@click.pass_context
def quickstart(ctx: click.Context, keep: Path | None) -> int:
    """Verify, break and explain quotes of simulated platforms.

    Needs no hardware and no network: collateral comes from a stand-in for Intel's service on
    this machine. Where recorded quotes of real machines are at hand (CONFCOM_VECTORS), they
    are verified under Intel's root too.
    """
    session = session_of(ctx)
    tour = _Tour(session)
    recorded = find_recorded()
    started = time.monotonic()
    with contextlib.ExitStack() as stack:
        if keep is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="confcom-")))
        else:
            folder = _make_folder(keep)
        stack.enter_context(contextlib.chdir(folder))
        try:
            _simulated(tour)
            if recorded is not None:
                _recorded(tour, recorded)
        except _WrongEndError as exc:
            session.say("error", Style.BAD, str(exc))
            return ExitCode.NO
    tour.summary(time.monotonic() - started)
    return ExitCode.YES


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True)
    except FileExistsError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE,
            f"cannot keep the files in {folder}: there is one already",
            hint="name a folder that does not exist yet",
        ) from exc
    except OSError as exc:
        raise UsageError(
            Reason.OUTPUT_UNWRITABLE, f"cannot keep the files in {folder}: {exc.strerror}"
        ) from exc
    return folder


class _Tour:
    """Runs commands, shows them, and remembers what they proved."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._color = session.colors_stdout()
        self._proved: list[str] = []
        self._options = _global_options(session, color=self._color)

    def title(self, text: str) -> None:
        """Begin a step."""
        number = len(self._proved) + 1
        self.say(f"\n{paint(f'{number}. {text}', Style.TITLE, color=self._color)}")

    def say(self, text: str) -> None:
        """Write a line."""
        if not self._session.quiet:
            click.echo(text)

    def show(self, *arguments: str) -> None:
        """Show a command."""
        words = shlex.join(arguments).replace("'&'", "&")
        self.say(paint(f"$ confcom {words}", Style.FAINT, color=self._color))

    def run(self, *arguments: str, end: ExitCode = ExitCode.YES) -> None:
        """Show a command and run it."""
        self.show(*arguments)
        code = main([*arguments, *self._options])
        if code != end:
            raise _WrongEndError(
                f"confcom {shlex.join(arguments)} ended with exit code {code:d}, "
                f"expected {end:d} ({end.name})"
            )

    def proved(self, text: str) -> None:
        """Note what the step has shown."""
        self._proved.append(text)

    def summary(self, seconds: float) -> None:
        """Write what all steps have shown."""
        self.say(f"\n{paint('Shown just now, on this machine', Style.TITLE, color=self._color)}")
        mark = paint("ok", Style.GOOD, color=self._color)
        for text in self._proved:
            self.say(f"  {mark}  {text}")
        self.say(f"\nIt took {seconds:.1f} s. Next: confcom evidence --help")

    @property
    def color(self) -> bool:
        """Whether tables are coloured."""
        return self._color


def _global_options(session: Session, *, color: bool) -> list[str]:
    options = ["--color", "always" if color else "never"]
    if session.quiet:
        options.append("--quiet")
    if session.debug:
        options.append("--debug")
    if session.config is not None:
        options += ["--config", str(Path(session.config).absolute())]
    return options


def _simulated(tour: _Tour) -> None:
    tour.title("Make a simulated hierarchy, a platform, an SGX quote and a TDX quote")
    tour.run("simulate", "pki", "demo")
    tour.run("simulate", "platform", "--pki", "demo")
    tour.run("simulate", "enclave", "--product-id", "7", "--isv-svn", "2", "--out", "enclave.json")
    tour.run("simulate", "td", "--out", "td.json")
    common = ("simulate", "quote", "--pki", "demo", "--report-data", _REPORT_DATA)
    tour.run(*common, "--enclave", "enclave.json", "--out", "sgx.quote")
    tour.run(*common, "--td", "td.json", "--out", "tdx.quote")
    tour.proved("a platform in software makes SGX and TDX quotes in Intel's formats")
    _ask_daemon(tour)
    bundles = [
        Collateral.from_json(path.read_bytes()) for path in Path("demo/public").glob("*.json")
    ]
    with CollateralServer(documents_from_bundles(bundles), style=Service.PCCS) as server:
        _verify(tour, server)
        _break(tour, server)
        _recover(tour, server)


def _ask_daemon(tour: _Tour) -> None:
    if importlib.util.find_spec("google.protobuf") is None:
        return  # the extra quote-helper is not installed
    tour.title("Let a daemon sign, over the socket that Intel's libraries use")
    tour.show("serve", "quote-helper", "--pki", "demo", "--socket", "aesm.socket", "&")
    with quote_helper("demo", "aesm.socket") as daemon:
        ask = ("--aesm", "--socket", "aesm.socket", "--enclave", "enclave.json")
        data = ("--report-data", _REPORT_DATA)
        tour.run("evidence", "collect", *ask, *data, "--out", "daemon.quote")
        bundle = ("--collateral", "demo/public/simulated-sgx.json", "--offline")
        tour.run("evidence", "verify", "daemon.quote", *bundle, *_TRUST, *data)
        tour.say(f"\nThe daemon wrote: {daemon.stop()}")
    tour.proved("a daemon gives an enclave its quote out of process, and says who asked")


def _verify(tour: _Tour, server: CollateralServer) -> None:
    tour.title("Verify both, with collateral from a stand-in for Intel's service")
    common = ("--collateral", server.url, *_TRUST, "--report-data", _REPORT_DATA)
    tour.run("evidence", "verify", "sgx.quote", *common, "--product-id", "7", "--min-isv-svn", "2")
    tour.say("")
    tour.run("evidence", "verify", "tdx.quote", *common)
    tour.proved(f"both are genuine and as demanded; {server.count()} documents came over HTTP")
    tour.title("Take the consent away: a simulated root is never trusted by itself")
    arguments = ("--collateral", server.url, "--root", "demo/public/root.pem")
    tour.run("evidence", "verify", "sgx.quote", *arguments, end=ExitCode.NO)
    tour.proved("a simulated quote is refused unless both its root and consent are given")


def _break(tour: _Tour, server: CollateralServer) -> None:
    tour.title("Change one bit of MRENCLAVE")
    data = bytearray(Path("sgx.quote").read_bytes())
    data[_CHANGED_BYTE] ^= 1
    Path("broken.quote").write_bytes(data)
    arguments = ("--collateral", server.url, *_TRUST)
    tour.run("evidence", "verify", "broken.quote", *arguments, end=ExitCode.NO)
    tour.proved("one changed bit, and the quote is refused with a reason")


def _recover(tour: _Tour, server: CollateralServer) -> None:
    tour.title("A weakness becomes known: a higher evaluation data number asks for more")
    wish = ("--evaluation-data-number", "21", "--status", "OutOfDate")
    tour.run("simulate", "collateral", "--pki", "demo", *wish, "--out", "recovery.json")
    arguments = ("--collateral", server.url, "--compare-collateral", "recovery.json")
    tour.run("evidence", "explain", "sgx.quote", *arguments, *_TRUST)
    tour.proved("the same quote becomes OutOfDate, and it is said what is short and what to do")


def _recorded(tour: _Tour, folder: Path) -> None:
    tour.title(f"Verify recorded quotes of real machines under Intel's root ({VARIABLE})")
    results = list(verify_recorded(folder))
    rows = [
        (result.name, result.quote, f"{result.at:%Y-%m-%d}", _status(result.status))
        for result in results
    ]
    table = columns(("RECORDED QUOTE", "KIND", "AS OF", "TCB STATUS"), rows, color=tour.color)
    tour.say(table.removesuffix("\n"))
    refused = [result for result in results if result.status is None]
    if refused:
        raise _WrongEndError(f"recorded quote {refused[0].name}: {refused[0].message}")
    tour.proved(
        f"{len(results)} recorded quotes of real machines are genuine under Intel's root, "
        "each as of its own time"
    )


def _status(status: TcbStatus | None) -> Cell:
    if status is None:
        return Cell("refused", Style.BAD)
    return Cell(status, Style.GOOD if status is TcbStatus.UP_TO_DATE else Style.WARNING)
