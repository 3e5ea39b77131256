# SPDX-License-Identifier: Apache-2.0
"""Where ``confcom evidence collect`` gets evidence from, and what it says of it.

A source is made before anybody is asked: what it reads are the user's files.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from confcom.adapters.configfs_tsm import ConfigfsTsm
from confcom.attestation import Evidence
from confcom.cli.evidence_collect_options import Source, Wish
from confcom.cli.failure import missing_extra
from confcom.cli.session import Session
from confcom.cli.simulate_options import open_platform, read_binary, read_enclave, read_td
from confcom.dcap import TdxReport
from confcom.errors import MalformedError, UnavailableError
from confcom.reasons import Reason

if TYPE_CHECKING:
    from confcom.simulation import Enclave

_TDREPORT_BYTES: Final = 1024
_SHOWN_BYTES: Final = 8
_SNP: Final = "sev_guest"
_TDX: Final = "tdx_guest"
_KINDS: Final = {
    _SNP: "SEV-SNP report",
    "arm_cca_guest": "Arm CCA token",
    _TDX: "TDX evidence in another form than a quote",
}


class Collected(NamedTuple):
    """Evidence, not verified.

    Attributes:
        data: its bytes.
        origin: who made or gave it.
        kind: what it is if it is no quote.
        unsupported: why it cannot be verified here, or None where that can be tried.
    """

    data: bytes
    origin: str
    kind: str = "evidence of an unknown form"
    unsupported: UnavailableError | None = None

    def describe(self) -> str:
        """Return in words what it is."""
        try:
            quote = Evidence.from_bytes(self.data).quote
        except MalformedError:
            return f"{self.kind} of {len(self.data)} bytes, from {self.origin}"
        tee = "TDX" if quote.is_tdx else "SGX"
        data = quote.body.report_data.hex()
        shown = f"{data[: 2 * _SHOWN_BYTES]}…" if data.strip("0") else "all zero"
        return (
            f"{tee} quote of {len(self.data)} bytes, version {int(quote.header.version)}, "
            f"report data {shown}, from {self.origin}"
        )


class Question(NamedTuple):
    """Something that can be asked.

    Attributes:
        ask: gets the evidence.
        demanded: 64 bytes of report data that a verifier has to find; None if nobody chose them.
    """

    ask: Callable[[], Collected]
    demanded: bytes | None


def make_question(wish: Wish, source: Source, session: Session) -> Question:
    """Return what is asked of a source.

    Args:
        wish: options that fit the source.
        source: whom.
        session: its settings say where the kernel shows configfs-tsm; told what somebody should
            look at.

    Raises:
        UsageError: a file or hierarchy cannot be read.
        MalformedError: a file is not what it should be.
        MisconfiguredError: mistakes in settings, where they matter.
    """
    demanded = wish.data if wish.has_data else None
    match source:
        case Source.AESM:
            enclave = read_enclave(wish.enclave_file or "")
            return Question(lambda: _from_daemon(wish, enclave), demanded)
        case Source.CONFIGFS:
            client = ConfigfsTsm(session.settings.evidence.configfs_dir, warn=session.warn)
            return Question(lambda: _from_kernel(wish, client), demanded)
        case Source.SIMULATE:
            return Question(_simulation(wish), demanded)
        case Source.QGS:
            report = _td_report(wish)
            return Question(lambda: _from_service(wish, report), report.report_data)


def _from_daemon(wish: Wish, enclave: "Enclave") -> Collected:
    try:
        from confcom.adapters.aesm import AesmClient  # noqa: PLC0415 - loads protobuf
    except ModuleNotFoundError as exc:
        if (exc.name or "").split(".")[0] != "google":
            raise
        raise missing_extra("confcom evidence collect", "protobuf", "quote-helper") from exc
    client = AesmClient(wish.path)
    quote = client.quote(enclave.ereport(client.target_info(), wish.data)).quote
    return Collected(quote, f"the AESM daemon at {wish.path}")


def _from_kernel(wish: Wish, client: ConfigfsTsm) -> Collected:
    report = client.report(wish.data, privlevel=wish.privlevel)
    origin = f"the kernel's driver {report.provider}"
    collected = Collected(report.data, origin, _KINDS.get(report.provider, "evidence"))
    try:
        quote = Evidence.from_bytes(report.data).quote
    except MalformedError:
        if report.provider == _TDX:
            return collected
        return collected._replace(unsupported=_unsupported(collected, report.provider))
    if quote.body.report_data != wish.data:
        raise MalformedError(
            Reason.MESSAGE_FORMAT,
            f"the quote that came from {origin} is over other report data than was asked for",
            hint="ask again; if it stays so, something between this program and the host is broken",
        )
    return collected


def _unsupported(collected: Collected, provider: str) -> UnavailableError:
    """Make the error for the evidence of another guest: neither good nor broken, but unknown."""
    missing = "; it also needs the certificates in the attribute auxblob, which were not collected"
    return UnavailableError(
        Reason.EVIDENCE_UNSUPPORTED,
        f"cannot verify {collected.kind} from {collected.origin}: only quotes of SGX and TDX are "
        "verified here",
        hint="keep it with --out FILE, and give it to a verifier for that kind"
        + (missing if provider == _SNP else ""),
    )


def _from_service(wish: Wish, report: TdxReport) -> Collected:
    from confcom.adapters.qgs import QgsClient  # noqa: PLC0415 - for one source

    client = QgsClient(wish.qgs_socket)
    return Collected(client.get_quote(report), f"QGS at {client.address}")


def _simulation(wish: Wish) -> Callable[[], Collected]:
    assert wish.hierarchy is not None  # noqa: S101 - this source is named by it
    platform = open_platform(wish.hierarchy, wish.name)
    origin = f"simulated platform {wish.name}, which proves nothing"
    if wish.td_file is not None:
        td_report = platform.td_report(read_td(wish.td_file), wish.data)
        return lambda: Collected(platform.quote_tdx(td_report), origin)
    report = read_enclave(wish.enclave_file or "").ereport(platform.qe_target_info, wish.data)
    return lambda: Collected(platform.quote_sgx(report), origin)


def _td_report(wish: Wish) -> TdxReport:
    if wish.hierarchy is not None:
        platform = open_platform(wish.hierarchy, wish.name)
        return platform.td_report(read_td(wish.td_file or ""), wish.data)
    return read_binary(
        wish.td_report_file or "",
        size=_TDREPORT_BYTES,
        what="TDREPORT",
        parse=TdxReport.from_bytes,
    )
