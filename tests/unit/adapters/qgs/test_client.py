# SPDX-License-Identifier: Apache-2.0
"""Both clients against a service on a real socket: good, refusing, and misbehaving."""

import asyncio
import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests import simulated
from tests.qgs_samples import (
    COLLATERAL,
    FMSPC,
    KEY_ID,
    OTHER_KEY_ID,
    REQUESTS,
    frame,
    message,
    numbers,
)
from tests.qgs_service import Daemon, stand_in, td_report
from tests.rights import without_rights_of_root
from tests.simulated import authority, platform

from confcom.adapters.qgs import Address, AsyncQgsClient, QgsClient, UnixAddress, VsockAddress
from confcom.adapters.qgs.exchange import FramedExchange, RawExchange
from confcom.adapters.qgs.failures import hung, unreachable
from confcom.dcap import Quote, TdxReport, TeeType, verify
from confcom.errors import (
    ConfcomError,
    MalformedError,
    UnavailableError,
    UsageError,
)
from confcom.protocols.qgs import (
    Answer,
    CollateralDocuments,
    DescribePlatform,
    FetchCollateral,
    MakeTdQuote,
    Operation,
    PckCa,
    PlatformInfo,
    Refusal,
)
from confcom.reasons import Reason

REPORT = td_report(b"\x07" * 64)
SHORT_S = 0.3
THIS_MACHINE = 1  # vsock(7): VMADDR_CID_LOCAL


class _Blocking:
    """The asynchronous client with the methods of the other, each in a loop of its own."""

    def __init__(self, where: Address | Path | str, **more: Any) -> None:  # noqa: ANN401 passed on
        self._client = AsyncQgsClient(where, **more)

    def get_quote(self, report: TdxReport | bytes, **more: Any) -> bytes:  # noqa: ANN401 passed on
        return asyncio.run(self._client.get_quote(report, **more))

    def get_collateral(self, fmspc: bytes, ca: PckCa) -> CollateralDocuments:
        return asyncio.run(self._client.get_collateral(fmspc, ca))

    def get_platform_info(self) -> PlatformInfo:
        return asyncio.run(self._client.get_platform_info())

    def ask(self, operation: Operation) -> Answer:
        return asyncio.run(self._client.ask(operation))


Client = QgsClient | _Blocking
Make = Callable[..., Client]


@pytest.fixture(params=[QgsClient, _Blocking], ids=["sync", "async"])
def make(request: pytest.FixtureRequest) -> Make:
    kind: Make = request.param
    return kind


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("qgs.socket")


@pytest.fixture
def daemon(path: Path) -> Iterator[Daemon]:
    with Daemon(path) as running:
        yield running


def sends(data: bytes) -> Callable[[socket.socket, bytes], None]:
    return lambda client, _: client.sendall(data)


def fails(kind: type[ConfcomError], call: Callable[[], object]) -> ConfcomError:
    with pytest.raises(kind) as caught:
        call()
    return caught.value


# --- what is answered ---


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize("is_raw", [False, True], ids=["framed", "raw"])
def test_quote_in_two_lines_verifies(path: Path, make: Make, is_raw: bool) -> None:
    client = make(path)
    quote = client.get_quote(TdxReport.from_bytes(REPORT), is_raw=is_raw)
    verify(
        quote,
        authority().collateral(platform(), at=simulated.AT, tee=TeeType.TDX),
        at=simulated.AT,
        root=authority().trusted_root,
        allow_simulated=True,
    )


@pytest.mark.usefixtures("daemon")
def test_platform_and_collateral_are_told(path: Path, make: Make) -> None:
    client = make(path)
    assert client.get_platform_info().platform_id == platform().qe_id
    documents = client.get_collateral(platform().fmspc, PckCa.PLATFORM)
    assert documents.tcb_info.startswith(b'{"tcbInfo":')


def test_key_ids_are_asked_for(daemon: Daemon, path: Path, make: Make) -> None:
    make(path).get_quote(REPORT, key_ids=(OTHER_KEY_ID, KEY_ID))
    assert daemon.wait_for(1)[0].operation == MakeTdQuote(REPORT, (OTHER_KEY_ID, KEY_ID))


@pytest.mark.parametrize("is_raw", [False, True], ids=["framed", "raw"])
@pytest.mark.parametrize("padding", [0, 70, 3065])
def test_padding_of_buffers_is_taken_off(
    path: Path, make: Make, is_raw: bool, padding: int
) -> None:
    quote = platform().quote_tdx(REPORT)
    padded = quote + bytes(padding)
    reply = padded if is_raw else frame(message(1, numbers(0, len(padded)), padded))
    with stand_in(path, sends(reply)):
        assert make(path).get_quote(REPORT, is_raw=is_raw) == quote


def test_reply_may_come_byte_by_byte(path: Path, make: Make) -> None:
    def drip(client: socket.socket, _request: bytes) -> None:
        for byte in frame(message(5, numbers(0x000D0005, 1, 1), b"\1", b"\2", bytes(4))):
            client.send(bytes((byte,)))

    with stand_in(path, drip):
        assert make(path).get_platform_info() == PlatformInfo(
            tdqe_svn=5, pce_svn=13, platform_id=b"\1", cpu_svn=b"\2"
        )


def test_requests_are_exact_and_names_end_as_strings_of_c(path: Path, make: Make) -> None:
    expected = frame(message(2, numbers(6, 10), FMSPC, b"processor\0"))
    with stand_in(path, sends(frame(message(3, bytes(32), error=0x12001)))) as requests:
        fails(
            UnavailableError,
            lambda: make(path).get_collateral(FMSPC, PckCa.PROCESSOR),
        )
        fails(MalformedError, lambda: make(path).get_platform_info())
    assert requests == [expected, frame(REQUESTS[-1][1])]


def test_collateral_comes_back_as_it_was_sent(path: Path, make: Make) -> None:
    with stand_in(path, sends(frame(COLLATERAL.to_bytes()))):
        documents = make(path).get_collateral(FMSPC, PckCa.PLATFORM)
    assert (documents.major_version, documents.minor_version) == (3, 1)
    assert documents.qe_identity == COLLATERAL.qe_identity


# --- refusals ---


@pytest.mark.usefixtures("daemon")
@pytest.mark.parametrize(
    "operation",
    [
        MakeTdQuote(bytes(1024)),
        MakeTdQuote(REPORT, (OTHER_KEY_ID,)),
        FetchCollateral(FMSPC, PckCa.PLATFORM),
    ],
)
def test_refusal_is_told_with_its_number(path: Path, make: Make, operation: Operation) -> None:
    answer = make(path).ask(operation)
    assert isinstance(answer, Refusal)
    assert "0x12001" in answer.why


@pytest.mark.usefixtures("daemon")
def test_refused_quote_says_what_place_and_cure(path: Path, make: Make) -> None:
    error = fails(UnavailableError, lambda: make(path).get_quote(bytes(1024)))
    assert error.reason is Reason.QUOTING_FAILED
    assert error.message.startswith("cannot get a quote from QGS at socket qgs.socket: the service")
    assert "0x12001" in error.message
    assert "own machine" in str(error.hint)


@pytest.mark.usefixtures("daemon")
def test_raw_refusal_is_a_closed_connection(path: Path, make: Make) -> None:
    changed = REPORT[:16] + b"\xff" + REPORT[17:]
    error = fails(UnavailableError, lambda: make(path).get_quote(changed, is_raw=True))
    assert error.reason is Reason.QUOTING_UNREACHABLE
    assert "in raw mode" in str(error.hint)


@pytest.mark.parametrize("is_raw", [False, True], ids=["framed", "raw"])
def test_quote_of_another_report_is_refused(path: Path, make: Make, is_raw: bool) -> None:
    quote = platform().quote_tdx(td_report(b"\x08" * 64))
    reply = quote if is_raw else frame(message(1, numbers(0, len(quote)), quote))
    with stand_in(path, sends(reply)):
        error = fails(MalformedError, lambda: make(path).get_quote(REPORT, is_raw=is_raw))
    assert "not of the TDREPORT" in error.message


def test_quote_of_an_enclave_is_refused(path: Path, make: Make) -> None:
    quote = simulated.sgx().quote
    assert not Quote.from_bytes(quote).is_tdx
    with stand_in(path, sends(quote)):
        error = fails(MalformedError, lambda: make(path).get_quote(REPORT, is_raw=True))
    assert "not of the TDREPORT" in error.message


@pytest.mark.parametrize(
    ("data", "kind", "reason"),
    [
        (b"", UnavailableError, Reason.QUOTING_UNREACHABLE),
        (b"\0\0", MalformedError, Reason.MESSAGE_FORMAT),
        (
            frame(message(1, numbers(0, 100), bytes(100)))[:-1],
            MalformedError,
            Reason.MESSAGE_FORMAT,
        ),
        (frame(b"\xff" * 64), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(message(5, bytes(12))), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(message(0, numbers(0, 0))), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(message(1, numbers(0, 0))), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(message(1, bytes(8), error=1)), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(b"", size=2**32 - 1), MalformedError, Reason.TOO_LARGE),
        (frame(b"", size=3), MalformedError, Reason.MESSAGE_FORMAT),
        (frame(message(1, numbers(0, 9), b"no quote!")), MalformedError, Reason.QUOTE_FORMAT),
        (
            frame(message(1, numbers(16, 9), OTHER_KEY_ID, b"no quote!")),
            MalformedError,
            Reason.MESSAGE_FORMAT,
        ),
    ],
    ids=[
        "nothing",
        "half a length",
        "cut",
        "garbage",
        "another type",
        "a request",
        "no quote",
        "unknown error",
        "4 GiB",
        "no header",
        "no quote either",
        "another key",
    ],
)
def test_nonsense_is_told_apart(
    path: Path, make: Make, data: bytes, kind: type[ConfcomError], reason: Reason
) -> None:
    with stand_in(path, sends(data)):
        error = fails(kind, lambda: make(path).get_quote(REPORT, key_ids=(KEY_ID,)))
    assert error.reason is reason
    assert error.message.startswith("cannot get a quote from QGS at socket qgs.socket: ")
    assert error.hint


def test_raw_reply_without_end_is_cut_off(path: Path, make: Make) -> None:
    def flood(client: socket.socket, _request: bytes) -> None:
        for _ in range(40):
            client.sendall(bytes(64 * 1024))

    with stand_in(path, flood):
        error = fails(MalformedError, lambda: make(path).get_quote(REPORT, is_raw=True))
    assert error.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "closed the connection without a reply"), (b"\0", "broke off its reply")],
)
def test_connection_that_breaks_is_told(path: Path, make: Make, data: bytes, words: str) -> None:
    with stand_in(path, sends(data), most=10):
        error = fails(UnavailableError, lambda: make(path).get_quote(REPORT))
    assert error.reason is Reason.QUOTING_UNREACHABLE
    assert words in error.message


# --- nobody there, nobody answers ---


def test_no_socket_is_told(path: Path, make: Make) -> None:
    error = fails(UnavailableError, lambda: make(path).get_platform_info())
    assert error.reason is Reason.QUOTING_UNREACHABLE
    assert "there is no socket" in error.message
    assert "mount the folder" in str(error.hint)


def test_nobody_listens_is_told(path: Path, make: Make) -> None:
    with socket.socket(socket.AF_UNIX) as left_over:
        left_over.bind(str(path))
    error = fails(UnavailableError, lambda: make(path).get_platform_info())
    assert "nobody listens there" in error.message


def test_what_is_no_socket_is_told(path: Path, make: Make) -> None:
    path.touch()
    error = fails(UnavailableError, lambda: make(path).get_platform_info())
    assert "what is there is no socket" in error.message
    assert error.hint == "name the socket of the service"


@pytest.mark.usefixtures("daemon")
def test_no_permission_is_told(path: Path, make: Make) -> None:
    path.chmod(0)
    with without_rights_of_root():
        error = fails(UnavailableError, lambda: make(path).get_platform_info())
    assert f"user {os.geteuid()} has no permission" in error.message


def test_path_too_long_is_told(make: Make) -> None:
    error = fails(UnavailableError, lambda: make("/" + "x" * 200).get_platform_info())
    assert "too long" in error.message


def test_service_that_hangs_is_told(daemon: Daemon, path: Path, make: Make) -> None:
    daemon.close_gate()
    client = make(path, timeout_s=SHORT_S)
    error = fails(UnavailableError, client.get_platform_info)
    assert "took the connection but did not reply within 0.3 s" in error.message


def test_reply_that_stops_is_told(path: Path, make: Make) -> None:
    is_over = threading.Event()

    def stall(client: socket.socket, _request: bytes) -> None:
        client.sendall(b"\0")
        is_over.wait(5)

    with stand_in(path, stall):
        error = fails(UnavailableError, make(path, timeout_s=SHORT_S).get_platform_info)
        is_over.set()
    assert "began to reply but did not end within 0.3 s" in error.message


def test_full_queue_is_waited_for(path: Path, make: Make) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as first:
        listening.bind(str(path))
        listening.listen(0)
        first.connect(str(path))
        error = fails(UnavailableError, make(path, timeout_s=SHORT_S).get_platform_info)
    assert "no connection within 0.3 s" in error.message


# --- vsock, as far as a machine without another one can tell ---


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EAFNOSUPPORT, "unsupported"), "there is no vsock here"),
        (OSError(errno.ENODEV, "No such device"), "there is no vsock here"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "nobody listens there"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), "nobody listens there"),
        (OSError(errno.EHOSTUNREACH, "unreachable"), "no machine with this context id"),
        (OSError(errno.ENOMEM, "no memory"), "no memory"),
    ],
)
def test_each_failure_of_vsock_is_told(error: OSError, words: str) -> None:
    made = unreachable(FramedExchange(DescribePlatform()), VsockAddress(), error)
    assert made.message.startswith("cannot get platform information from QGS at vsock:2:4050: ")
    assert words in made.message


@pytest.mark.parametrize(
    ("address", "hint"),
    [(VsockAddress(), "filters vsock"), (UnixAddress(), "the service hangs")],
)
def test_nobody_takes_the_connection_is_told(address: Address, hint: str) -> None:
    made = hung(RawExchange(REPORT), address, 0.5, is_connected=False)
    assert "no connection within 0.5 s" in made.message
    assert hint in str(made.hint)


# --- what callers give ---


@pytest.mark.parametrize("size", [0, 432, 1023, 1025])
def test_reports_of_another_size_are_refused(path: Path, make: Make, size: int) -> None:
    error = fails(UsageError, lambda: make(path).get_quote(bytes(size)))
    assert f"TDREPORT has {size} bytes, expected 1024" in error.message


@pytest.mark.parametrize("size", [0, 5, 12])
def test_fmspcs_of_another_size_are_refused(path: Path, make: Make, size: int) -> None:
    fails(UsageError, lambda: make(path).get_collateral(bytes(size), PckCa.PLATFORM))


def test_what_no_request_can_say_is_refused(path: Path, make: Make) -> None:
    fails(MalformedError, lambda: make(path).get_quote(REPORT, key_ids=(b"short",)))
    fails(MalformedError, lambda: make(path).get_quote(bytes(1024), is_raw=True))
    error = fails(MalformedError, lambda: make(path).get_quote(REPORT, key_ids=(KEY_ID,) * 1000))
    assert error.reason is Reason.TOO_LARGE


def test_exchange_that_is_over_cannot_end_again() -> None:
    exchange = FramedExchange(DescribePlatform())
    exchange.receive(frame(message(5, numbers(0, 1, 1), b"\1", b"\2", bytes(4))))
    with pytest.raises(RuntimeError):
        exchange.end()
