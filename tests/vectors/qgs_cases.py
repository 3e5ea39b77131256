# SPDX-License-Identifier: Apache-2.0
"""Recorded messages of the TDX quote generation service.

A case that "parses" is read and written again byte for byte; what its expectation counts behind
the colon, such as ``quote 3000``, is compared where the words are known here, and left alone
where they are not. A case to "reject" must be refused by the strict reader, and must make no
server ask anything, unless all that is wrong is that more follows, which servers ignore.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    Ask,
    ErrorReply,
    Event,
    FramedReply,
    GetCollateralReply,
    GetCollateralRequest,
    GetPlatformInfoReply,
    GetQuoteReply,
    GetQuoteRequest,
    RawQuoteRequest,
    Request,
    ServerConnection,
    reply_from_stream,
    request_from_stream,
)
from tests.vectors import exchanges

_COUNT: Final = re.compile(r"(?P<name>[a-z][a-z ]*?) (?P<number>0x[0-9a-f]+|\d+)")
_LENGTH: Final = re.compile(r"(?P<number>\d+) bytes")
_PREFIX_BYTES: Final = 4

Message = Request | FramedReply


def check_case(folder: Path, case: Mapping[str, Any]) -> str | None:
    """Return what differs from the expectation of a case, or None.

    Args:
        folder: where the files are.
        case: its object in ``index.json``.
    """
    data = exchanges.read_hex(folder / case["frame"])
    role, expect = str(case["role"]), str(case["expect"])
    if role not in _READERS:
        return f"unknown role {role!r}"
    verdict, _, counts = expect.partition(":")
    if verdict.split()[:1] == ["reject"]:
        return _check_reject(role, data)
    if verdict.split()[:1] == ["parses"]:
        return _check_parses(role, data, counts)
    return f"unknown expectation {expect!r}"


def compare(case: exchanges.Case) -> Iterator[str]:
    """Yield what differs from the expectation."""
    difference = check_case(case.folder, case.record)
    if difference is not None:
        yield difference


COMPARE: Final[Mapping[str, exchanges.Compare]] = {"qgs": compare}
"""What compares each kind of case."""


def _check_reject(role: str, data: bytes) -> str | None:
    try:
        value = _READERS[role](data)
    except MalformedError:
        pass
    else:
        return f"expected a refusal, got {value}"
    if role != "request" or _has_more(data):
        return None
    for way, event in _serve(data):
        if isinstance(event, Ask):
            return f"expected a refusal, but the back end is asked, {way}"
    return None


def _has_more(data: bytes) -> bool:
    """Return whether bytes follow the request, which a server ignores."""
    length = int.from_bytes(data[:_PREFIX_BYTES], "big")
    return len(data) > (1024 if data[:1] == b"\x81" else _PREFIX_BYTES + length)


def _check_parses(role: str, data: bytes, counts: str) -> str | None:
    try:
        value = _READERS[role](data)
    except MalformedError as exc:
        return f"expected a message, got {exc.reason}: {exc.message}"
    prefix = b"" if isinstance(value, RawQuoteRequest) else data[:_PREFIX_BYTES]
    if prefix + value.to_bytes() != data:
        return "its bytes differ when written again"
    events = [event for _, event in _serve(data)] if role == "request" else []
    if any(event != events[0] or event is None for event in events):
        return "a server sees another request when it comes byte by byte"
    found = _counts(value, len(data) - len(prefix))
    for name, number in _expected(counts):
        if found.get(name, number) != number:
            return f"expected {name} {number}, got {found[name]}"
    return None


def _serve(data: bytes) -> Iterator[tuple[str, Event | None]]:
    for way, step in (("in one piece", max(1, len(data))), ("byte by byte", 1)):
        connection = ServerConnection()
        event: Event | None = None
        for start in range(0, len(data), step):
            event = connection.receive(data[start : start + step]) or event
        yield way, event


def _expected(counts: str) -> Iterator[tuple[str, int]]:
    for part in (part.strip().lower() for part in counts.split(",")):
        if count := _COUNT.match(part):
            yield count["name"], int(count["number"], 0)
        elif length := _LENGTH.match(part):
            yield "bytes", int(length["number"])


def _counts(value: Message, size: int) -> dict[str, int]:
    found = {"bytes": size}
    if not isinstance(value, RawQuoteRequest):
        error = int(value.code) if isinstance(value, ErrorReply) else 0
        found |= {"type": int(value.type), "error": error, "minor": value.minor}
    match value:
        case GetQuoteRequest():
            found |= {"report": len(value.report), "id list": 16 * len(value.key_ids)}
        case RawQuoteRequest():
            found["report"] = len(value.report)
        case GetCollateralRequest():
            found |= {"fmspc": len(value.fmspc), "ca": len(value.ca)}
        case GetQuoteReply():
            found |= {"quote": len(value.quote), "selected id": len(value.selected_id)}
        case GetCollateralReply():
            found["tcb info"] = len(value.tcb_info)
        case GetPlatformInfoReply():
            found |= {"tdqe svn": value.tdqe_svn, "pce svn": value.pce_svn}
        case ErrorReply():
            found |= {"sizes": 0, "quote": 0}
        case _:
            pass
    return found


_READERS: Final[Mapping[str, Callable[[bytes], Message]]] = {
    "request": request_from_stream,
    "response": reply_from_stream,
}
