# SPDX-License-Identifier: Apache-2.0
"""Recorded AESM requests with Intel's replies, and REPORTs of the SDK's simulation mode.

The server has a back end that knows one quote, that of ``backend``.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from confcom.errors import NotAuthenticError
from confcom.protocols.aesm import Ask, Close, Event, ServerConnection
from confcom.sgx import Report, TargetInfo
from confcom.simulation import check_report
from confcom.testing.aesm_quotes import CannedQuotes
from tests.vectors.exchanges import Case, Compare, read_hex

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
    "sim_report": compare_report,
}
"""What compares each kind of case."""
