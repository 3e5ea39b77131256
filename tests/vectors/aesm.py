# SPDX-License-Identifier: Apache-2.0
"""Recorded AESM requests with Intel's replies, replies for a client, and simulated REPORTs.

The server has a back end that knows one quote, that of ``backend``.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from confcom.errors import MalformedError, NotAuthenticError
from confcom.protocols.aesm import (
    Ask,
    Close,
    Event,
    Exchange,
    Refusal,
    ServerConnection,
    SignedQuote,
    ask_key_id_count,
    ask_key_ids,
    ask_key_info,
    ask_public_key_id_size,
    ask_quote,
    ask_quote_size,
    ask_selection,
)
from confcom.sgx import Report, TargetInfo
from confcom.simulation import check_report
from confcom.testing.aesm_quotes import CannedQuotes
from tests.vectors.exchanges import Case, Compare, read_hex

_BUFFER: Final = re.compile(r"quote buf_size (\d+)")
_TYPED: Final = re.compile(r"typed error (\d+)\b")
_QUOTE_LENGTH: Final = re.compile(r"quote length (\d+)")
_VERDICTS: Final = {"MAC verifies": True, "MAC does not verify": False}


def _back_end(case: Case) -> CannedQuotes:
    return CannedQuotes(
        target_info=read_hex(case.folder / "backend" / "target_info.hex"),
        public_key_id=read_hex(case.folder / "backend" / "pub_key_id.hex"),
        quote=read_hex(case.folder / "backend" / "quote.hex"),
    )


def _key_ids(case: Case) -> tuple[bytes, ...]:
    return (read_hex(case.folder / "backend" / "att_key_id.hex"),)


def _serve(case: Case, request: bytes, *, step: int) -> Event | None:
    connection = ServerConnection(_key_ids(case))
    event: Event | None = None
    for start in range(0, len(request), step):
        event = connection.receive(request[start : start + step]) or event
    return connection.answer(_back_end(case)(event.operation)) if isinstance(event, Ask) else event


def compare_server(case: Case) -> Iterator[str]:
    """Yield what a server answers differently, to the request in one piece and byte by byte."""
    request = case.read("request")
    for way, step in (("in one piece", len(request)), ("byte by byte", 1)):
        event = _serve(case, request, step=step)
        data = None if event is None or isinstance(event, Close | Ask) else event.data
        if event is None:
            yield f"{way}: the request never ends"
        elif case.record["response"] is None:
            if data is not None:
                yield f"{way}: expected to be closed, got a reply of {len(data)} bytes"
        elif data is None:
            yield f"{way}: expected a reply, but closed"
        elif data != case.read("response"):
            yield f"{way}: reply differs: {data[:64].hex()}"


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
    if expect == "error" or expect.startswith("error:"):
        return None if expect.removeprefix("error").removeprefix(": ") in words and words else found
    if code := _TYPED.match(expect):
        same = isinstance(answer, Refusal) and answer.code == int(code[1])
        return None if same else found
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
    expected = _VERDICTS.get(case.expect.partition(" (")[0])
    if expected is None:
        yield f"unknown expectation {case.expect!r}"
    elif fits != expected:
        yield f"expected {case.expect!r}, got {fits}"


COMPARE: Final[Mapping[str, Compare]] = {
    "server": compare_server,
    "client": compare_client,
    "sim_report": compare_report,
}
"""What compares each kind of case."""
