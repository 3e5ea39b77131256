# SPDX-License-Identifier: Apache-2.0
"""Numbers of QGS messages, and the calls that clients make with them.

Source: Intel DCAP ``qgs_msg_lib.h``.
"""

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

from confcom.wire import Value


class MessageType(IntEnum):
    """What a message is."""

    GET_QUOTE_REQ = 0
    GET_QUOTE_RESP = 1
    GET_COLLATERAL_REQ = 2
    GET_COLLATERAL_RESP = 3
    GET_PLATFORM_INFO_REQ = 4
    GET_PLATFORM_INFO_RESP = 5


class ErrorCode(IntEnum):
    """What an error reply says; Intel's service sends `UNEXPECTED` only."""

    UNEXPECTED = 0x12001
    OUT_OF_MEMORY = 0x12002
    INVALID_PARAMETER = 0x12003
    INVALID_VERSION = 0x12004
    INVALID_TYPE = 0x12005
    INVALID_SIZE = 0x12006
    INVALID_CODE = 0x12007


WORDS: Final[Mapping[ErrorCode, str]] = MappingProxyType(
    {
        ErrorCode.UNEXPECTED: "the service failed; its own log says why",
        ErrorCode.OUT_OF_MEMORY: "the service ran out of memory",
        ErrorCode.INVALID_PARAMETER: "a parameter is wrong",
        ErrorCode.INVALID_VERSION: "the version of the message is not known",
        ErrorCode.INVALID_TYPE: "the type of the message is not known",
        ErrorCode.INVALID_SIZE: "sizes in the message do not add up",
        ErrorCode.INVALID_CODE: "the error code of the message is not known",
    }
)
"""What each code means, for operators."""


class Call(StrEnum):
    """What a client wants, for logs and metrics."""

    GET_QUOTE = "get_quote"
    GET_COLLATERAL = "get_collateral"
    GET_PLATFORM_INFO = "get_platform_info"
    RAW_QUOTE = "raw_quote"


REPLY_TO: Final[Mapping[MessageType, MessageType]] = MappingProxyType(
    {
        MessageType.GET_QUOTE_REQ: MessageType.GET_QUOTE_RESP,
        MessageType.GET_COLLATERAL_REQ: MessageType.GET_COLLATERAL_RESP,
        MessageType.GET_PLATFORM_INFO_REQ: MessageType.GET_PLATFORM_INFO_RESP,
    }
)
"""Type of the reply to each request."""


def describe_type(value: Value) -> str:
    """Return the name of a message type."""
    return _TYPES.get(value, "unknown")


def describe_error(value: Value) -> str:
    """Return the name of an error code."""
    return _ERRORS.get(value, "unknown")


_TYPES: Final[dict[Value, str]] = {member.value: member.name for member in MessageType}
_ERRORS: Final[dict[Value, str]] = {
    0: "none",
    **{member.value: member.name for member in ErrorCode},
}
