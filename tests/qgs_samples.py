# SPDX-License-Identifier: Apache-2.0
"""QGS messages, as values and as bytes written without the code that is tested."""

import struct
from dataclasses import replace
from typing import Final

from confcom.protocols.qgs import (
    ErrorCode,
    ErrorReply,
    FramedReply,
    FramedRequest,
    GetCollateralReply,
    GetCollateralRequest,
    GetPlatformInfoReply,
    GetPlatformInfoRequest,
    GetQuoteReply,
    GetQuoteRequest,
    MessageType,
)

REPORT: Final = bytes(range(256)) * 4
KEY_ID: Final = bytes.fromhex("e86c046e8cc44d958173fc43c1fa4f3f")
OTHER_KEY_ID: Final = b"\x0d" * 16
FMSPC: Final = bytes.fromhex("00806f050000")
QUOTE: Final = b"\x04\0\x02\0\x81\0\0\0" + b"\x51" * 992
DOCUMENTS: Final = {
    "pck_crl_issuer_chain": b"PCK CRL chain",
    "root_ca_crl": b"root CRL",
    "pck_crl": b"PCK CRL",
    "tcb_info_issuer_chain": b"TCB info chain",
    "tcb_info": b"{TCB info}",
    "qe_identity_issuer_chain": b"identity chain",
    "qe_identity": b"{identity}",
}


def raw_report(version: int = 1) -> bytes:
    """Return 1024 bytes that are a TDREPORT for raw mode: not zero wherever they need not be."""
    return (
        bytes((0x81, 0, version, 0))
        + bytes(12)
        + b"\xa1" * 176
        + bytes(32)
        + b"\xb2" * 271
        + bytes(17)
        + b"\xc3" * 512
    )


def message(
    kind: int,
    *fixed: bytes,
    major: int = 1,
    minor: int = 1,
    size: int | None = None,
    error: int = 0,
) -> bytes:
    """Return a message of any content, its size right unless given."""
    content = b"".join(fixed)
    length = 16 + len(content) if size is None else size
    return struct.pack("<HHIII", major, minor, kind, length, error) + content


def frame(content: bytes, *, size: int | None = None) -> bytes:
    """Return a message behind its length, or behind another one."""
    return struct.pack(">I", len(content) if size is None else size) + content


def numbers(*values: int) -> bytes:
    """Return numbers of 32 bits."""
    return struct.pack(f"<{len(values)}I", *values)


REQUESTS: Final[tuple[tuple[FramedRequest, bytes], ...]] = (
    (GetQuoteRequest(report=REPORT), message(0, numbers(1024, 0), REPORT)),
    (
        GetQuoteRequest(report=REPORT, key_ids=(KEY_ID, OTHER_KEY_ID), minor=7),
        message(0, numbers(1024, 32), REPORT, KEY_ID, OTHER_KEY_ID, minor=7),
    ),
    (
        GetCollateralRequest(fmspc=FMSPC, ca=b"platform"),
        message(2, numbers(6, 8), FMSPC, b"platform"),
    ),
    (
        GetCollateralRequest(fmspc=FMSPC, ca=b"processor\0", minor=0),
        message(2, numbers(6, 10), FMSPC, b"processor\0", minor=0),
    ),
    (GetPlatformInfoRequest(), message(4)),
)
COLLATERAL: Final = GetCollateralReply(
    collateral_major=3,
    collateral_minor=1,
    pck_crl_issuer_chain=b"PCK CRL chain",
    root_ca_crl=b"root CRL",
    pck_crl=b"PCK CRL",
    tcb_info_issuer_chain=b"TCB info chain",
    tcb_info=b"{TCB info}",
    qe_identity_issuer_chain=b"identity chain",
    qe_identity=b"{identity}",
)
_COLLATERAL: Final = (
    struct.pack("<HH", 3, 1),
    numbers(*map(len, DOCUMENTS.values())),
    *DOCUMENTS.values(),
)
REPLIES: Final[tuple[tuple[FramedReply, bytes], ...]] = (
    (GetQuoteReply(quote=QUOTE), message(1, numbers(0, 1000), QUOTE)),
    (
        GetQuoteReply(quote=QUOTE, selected_id=KEY_ID, minor=0),
        message(1, numbers(16, 1000), KEY_ID, QUOTE, minor=0),
    ),
    (
        COLLATERAL,
        message(3, *_COLLATERAL),
    ),
    (
        replace(COLLATERAL, has_spare=True),
        message(3, *_COLLATERAL, bytes(4)),
    ),
    (
        GetPlatformInfoReply(tdqe_svn=5, pce_svn=13, platform_id=b"\x1d" * 16, cpu_svn=b"\x5c" * 9),
        message(5, struct.pack("<HHII", 5, 13, 16, 9), b"\x1d" * 16, b"\x5c" * 9, bytes(4)),
    ),
    (
        ErrorReply(type=MessageType.GET_QUOTE_RESP, code=ErrorCode.UNEXPECTED),
        message(1, bytes(8), error=0x12001),
    ),
    (
        ErrorReply(type=MessageType.GET_COLLATERAL_RESP, code=ErrorCode.INVALID_SIZE),
        message(3, bytes(32), error=0x12006),
    ),
    (
        ErrorReply(type=MessageType.GET_PLATFORM_INFO_RESP, code=ErrorCode.INVALID_CODE, minor=9),
        message(5, bytes(12), error=0x12007, minor=9),
    ),
    (
        ErrorReply(
            type=MessageType.GET_PLATFORM_INFO_RESP, code=ErrorCode.UNEXPECTED, has_spare=True
        ),
        message(5, bytes(16), error=0x12001),
    ),
)
