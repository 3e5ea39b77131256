# SPDX-License-Identifier: Apache-2.0
"""Recorded AESM requests with Intel's replies, replies for a client, and simulated REPORTs.

The server has a back end that knows one quote, that of ``backend``.
"""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from confcom.adapters.peers import PeerReader
from confcom.adapters.quoting.listener import AesmListener
from confcom.adapters.quoting.socket_file import SocketFile
from confcom.errors import MalformedError, NotAuthenticError
from confcom.protocols.aesm import (
    Answer,
    Ask,
    Operation,
    Refusal,
    Reply,
    ServerConnection,
    SignedQuote,
)
from confcom.protocols.aesm.client import (
    Exchange,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_public_key_id_size,
    ask_quote,
    ask_quote_size,
    ask_selection,
)
from confcom.protocols.pb.aesm_pb2 import Response
from confcom.sgx import Report, TargetInfo
from confcom.simulation import check_report
from confcom.testing.aesm_quotes import CannedQuotes
from tests.vectors.exchanges import Case, Compare, read_hex

_LIMIT_S: Final = 10.0
_PIECE_BYTES: Final = 64 * 1024
_BUFFER: Final = re.compile(r"quote buf_size (\d+)")
_TYPED: Final = re.compile(r"(?:typed )?error (\d+)\b")
_KNOWN_ERRORS: Final = ("wrong message", "short read")
_QUOTE_LENGTH: Final = re.compile(r"quote length (\d+)")
_FITS: Final = re.compile(r"MAC (verifies|does not verify)\b")


def _back_end(case: Case) -> CannedQuotes:
    return CannedQuotes(
        target_info=read_hex(case.folder / "backend" / "target_info.hex"),
        public_key_id=read_hex(case.folder / "backend" / "pub_key_id.hex"),
        quote=read_hex(case.folder / "backend" / "quote.hex"),
    )


def _key_ids(case: Case) -> tuple[bytes, ...]:
    return (read_hex(case.folder / "backend" / "att_key_id.hex"),)


def _serve(case: Case, request: bytes, *, step: int) -> bytes:
    """Return what a server sends until it closes; the client's end comes after its request."""
    connection = ServerConnection(_key_ids(case))
    for start in range(0, len(request), step):
        event = connection.receive(request[start : start + step])
        if isinstance(event, Ask):
            event = connection.answer(_back_end(case)(event.operation))
        if event is not None:
            return event.data if isinstance(event, Reply) else b""
    return b""


async def _serve_socket(case: Case, request: bytes) -> bytes:
    back_end, key_ids = _back_end(case), _key_ids(case)

    async def ask(operation: Operation, _peer: object) -> Answer:
        return back_end(operation)

    with TemporaryDirectory() as folder:
        path = Path(folder) / "aesm.socket"
        async with (
            asyncio.timeout(_LIMIT_S),
            AesmListener(
                SocketFile(path),
                ask=ask,
                identify=PeerReader().read,
                key_ids=lambda: key_ids,
                record=lambda _: None,
            ),
        ):
            return await _exchange(path, request)


async def _exchange(path: Path, request: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    received = bytearray()
    with contextlib.suppress(ConnectionError):  # the server may close before it has read all
        writer.write(request)
        writer.write_eof()
        while data := await reader.read(_PIECE_BYTES):
            received += data
    writer.close()
    return bytes(received)


def compare_server(case: Case) -> Iterator[str]:
    """Yield what a server sends differently: the state machine, and our daemon's real socket."""
    request = case.read("request")
    expected = b"" if case.record["response"] is None else case.read("response")
    is_exact = case.record.get("byte_exact_with_canned_backend", True)
    for way, found in (
        ("in one piece", _serve(case, request, step=max(1, len(request)))),
        ("byte by byte", _serve(case, request, step=1)),
        ("over a socket", asyncio.run(_serve_socket(case, request))),
    ):
        if bool(found) != bool(expected):
            what = [
                f"{len(one)} bytes" if one else "a closed connection" for one in (expected, found)
            ]
            yield f"{way}: expected {what[0]}, got {what[1]}"
        elif found != expected and (is_exact or _outcome(found) != _outcome(expected)):
            yield f"{way}: expected {expected[:64].hex()}, got {found[:64].hex()}"


def _outcome(reply: bytes) -> list[tuple[str, int]]:
    fields = Response.FromString(reply[4:]).ListFields()
    return [(field.name, content.error_code) for field, content in fields]


def _ask(case: Case) -> Exchange[Any]:
    operation = str(case.record["operation"])
    [key_id] = _key_ids(case)
    if size := _BUFFER.fullmatch(operation):
        return ask_quote(read_hex(case.folder / "backend" / "report.hex"), key_id, int(size[1]))
    asks: Mapping[str, Callable[[], Exchange[Any]]] = {
        "num": ask_key_id_count,
        "ids": lambda: ask_key_ids(1),
        "select": ask_selection,
        "init size": lambda: ask_public_key_id_size(key_id),
        "init": lambda: ask_key_info(key_id),
        "size": lambda: ask_quote_size(key_id),
    }
    return asks[operation]()


def _receive(case: Case, *, step: int) -> Any:  # noqa: ANN401 of whatever was asked
    reply, exchange = case.read("response"), _ask(case)
    for start in range(0, len(reply), step):
        answer = exchange.receive(reply[start : start + step])
        if answer is not None:
            return answer
    raise exchange.end()


def compare_client(case: Case) -> Iterator[str]:
    """Yield what our client makes differently of a reply, in one piece and byte by byte."""
    for way, step in (("in one piece", 1 << 30), ("byte by byte", 1)):
        try:
            answer, words = _receive(case, step=step), ""
        except MalformedError as exc:
            answer, words = None, exc.message
        if difference := _differs(case.expect, answer, words):
            yield f"{way}: {difference}"


def _differs(expect: str, answer: object, words: str) -> str | None:
    found = f"expected {expect!r}, got {answer!r} {words}"
    if code := _TYPED.match(expect):
        same = isinstance(answer, Refusal) and answer.code == int(code[1])
        return None if same else found
    if expect == "error" or expect.startswith("error:"):
        known = [one for one in _KNOWN_ERRORS if one in expect]
        return None if words and all(one in words for one in known) else found
    if expect.startswith("accepted"):
        size = _QUOTE_LENGTH.search(expect)
        good = answer is not None and not isinstance(answer, Refusal)
        if size is not None:
            good = isinstance(answer, SignedQuote) and len(answer.quote) == int(size[1])
        return None if good else found
    return f"unknown expectation {expect!r}"


def compare_report(case: Case) -> Iterator[str]:
    """Yield how the verdict on the MAC of a REPORT differs."""
    report = Report.from_bytes(case.read("report"))
    target = TargetInfo.from_bytes(case.read("target_info"))
    try:
        check_report(report, target)
        fits = True
    except NotAuthenticError:
        fits = False
    expected = _FITS.match(case.expect)
    if expected is None:
        yield f"unknown expectation {case.expect!r}"
    elif fits != (expected[1] == "verifies"):
        yield f"expected {case.expect!r}, but the MAC {'fits' if fits else 'does not fit'}"


COMPARE: Final[Mapping[str, Compare]] = {
    "server": compare_server,
    "client": compare_client,
    "sim_report": compare_report,
}
"""What compares each kind of case."""
