# SPDX-License-Identifier: Apache-2.0
"""Hostile bytes for both sides of the TDX quote generation service's protocol."""

import contextlib
from typing import Final

from confcom.errors import MalformedError
from confcom.protocols.qgs import (
    Answer,
    Ask,
    ClientConnection,
    Close,
    CollateralDocuments,
    PlatformInfo,
    Reply,
    ServerConnection,
    TdQuote,
    read_reply,
    request_from_stream,
)
from confcom.protocols.qgs.codes import REPLY_TO, Call, MessageType
from tests.qgs_samples import REPLIES, REQUESTS, frame, raw_report

_ANSWERS: Final[tuple[Answer, ...]] = (
    TdQuote(b"\x51" * 100),
    CollateralDocuments(
        major_version=3,
        minor_version=1,
        pck_crl_issuer_chain=b"1",
        root_ca_crl=b"2",
        pck_crl=b"3",
        tcb_info_issuer_chain=b"4",
        tcb_info=b"5",
        qe_identity_issuer_chain=b"6",
        qe_identity=b"7",
    ),
    PlatformInfo(tdqe_svn=1, pce_svn=2, platform_id=b"8", cpu_svn=b"9"),
)


def requests() -> tuple[bytes, ...]:
    """Return what clients send, framed and raw."""
    return (*(frame(data) for _, data in REQUESTS), raw_report())


def replies() -> tuple[bytes, ...]:
    """Return the number of a request and the frame of a reply, each with each."""
    numbers = range(len(REQUESTS))
    return tuple(bytes([number]) + frame(data) for number in numbers for _, data in REPLIES)


def run_request(data: bytes) -> None:
    """Serve a client: it gets a reply of its request's type, or a closed connection."""
    with contextlib.suppress(MalformedError):
        assert request_from_stream(data).to_bytes() in {data, data[4:]}
    for answer in _ANSWERS:
        connection = ServerConnection()
        event = connection.receive(data)
        if isinstance(event, Ask):
            event = connection.answer(answer)
        if not isinstance(event, Reply):
            assert event is None or isinstance(event, Close)
        elif event.call is not Call.RAW_QUOTE:
            asked = MessageType(int.from_bytes(data[8:12], "little"))
            assert read_reply(event.data[4:]).type is REPLY_TO[asked]


def run_reply(data: bytes) -> None:
    """Read a server's reply; the first byte chooses the request."""
    request = REQUESTS[data[0] % len(REQUESTS) if data else 0][0]
    reply = ClientConnection(request).receive(data[1:])
    if reply is not None:
        assert reply.type is REPLY_TO[request.type]
        assert data[1:].startswith(frame(reply.to_bytes()))
