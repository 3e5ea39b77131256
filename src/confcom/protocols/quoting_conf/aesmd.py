# SPDX-License-Identifier: Apache-2.0
"""``/etc/aesmd.conf``, the configuration of Intel's AESM service.

Source: intel/linux-sgx, ``psw/ae/aesm_service``. Lines ``key = value`` without regard to case,
comments after ``#``. Intel's reader wants exactly one blank after the equals sign where the value
is a word; ours takes any.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from confcom.protocols.quoting_conf.notes import (
    Note,
    Notebook,
    WebAddress,
    is_too_large,
    parse_address,
    shown_name,
    text_lines,
)

_LONGEST_LINE: Final = 1023
_COMMENT: Final = re.compile(r"(?:^|\s)#")
_ONE_BLANK: Final = re.compile(r"[ \t]\S")


class ProxyType(StrEnum):
    """How Intel's service reaches the network."""

    DIRECT = "direct"
    DEFAULT = "default"
    MANUAL = "manual"


class QuotingType(StrEnum):
    """Which kind of quote is made where a client does not choose."""

    ECDSA_256 = "ecdsa_256"
    EPID_LINKABLE = "epid_linkable"
    EPID_UNLINKABLE = "epid_unlinkable"


class QplLogLevel(StrEnum):
    """How much of what the certificate provider says is logged."""

    ERROR = "error"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class AesmdConf:
    """What the file says; defaults where it says nothing that can be used.

    Attributes:
        proxy_type: how Intel's service reaches the network.
        aesm_proxy: the proxy, needed where the type is manual.
        whitelist_url: where launch white lists came from.
        quoting_type: the default kind of quote.
        qpl_log_level: how much the certificate provider says.
        given: keys whose values are used, and the numbers of their lines.
        notes: mistakes, and what has no meaning for our daemon.
    """

    proxy_type: ProxyType = ProxyType.DEFAULT
    aesm_proxy: WebAddress | None = None
    whitelist_url: WebAddress | None = None
    quoting_type: QuotingType = QuotingType.ECDSA_256
    qpl_log_level: QplLogLevel = QplLogLevel.ERROR
    given: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    notes: tuple[Note, ...] = ()


NO_MEANING: Final[Mapping[str, str]] = {
    "whitelist url": "launch white lists are not needed with the driver of the kernel",
    "qpl log level": "our daemon does not log what the certificate provider says",
}
"""Keys without a meaning for our daemon, and why."""
PROXY_KEYS: Final = ("proxy type", "aesm proxy")
"""Keys that count for verifying our own quotes, and for nothing else."""
_CHOICES: Final[Mapping[str, type[StrEnum]]] = {
    "proxy type": ProxyType,
    "default quoting type": QuotingType,
    "qpl log level": QplLogLevel,
}
_ADDRESSES: Final = ("aesm proxy", "whitelist url")


def read_aesmd_conf(data: bytes) -> AesmdConf:
    """Read the file; what is wrong with it is in the notes, all of it.

    Args:
        data: content, at most 64 KiB.
    """
    notebook = Notebook()
    if is_too_large(data, notebook):
        return AesmdConf(notes=notebook.notes())
    choices: dict[str, str] = {}
    addresses: dict[str, WebAddress] = {}
    lines: dict[str, int] = {}
    for number, text in text_lines(data, notebook):
        if len(text.encode()) > _LONGEST_LINE:
            notebook.mistake(f"is longer than {_LONGEST_LINE} bytes", number)
            continue
        found = _pair(text, number, notebook)
        if found is None:
            continue
        key, value = found
        if key in lines:
            notebook.warn(
                f"{key!r} was given on line {lines[key]} already; this one counts", number
            )
        lines[key] = number
        if key in _ADDRESSES:
            _take_address(key, value, number, addresses, notebook)
        else:
            _take_choice(key, value, number, choices, notebook)
    conf = AesmdConf(
        proxy_type=ProxyType(choices.get("proxy type", ProxyType.DEFAULT)),
        aesm_proxy=addresses.get("aesm proxy"),
        whitelist_url=addresses.get("whitelist url"),
        quoting_type=QuotingType(choices.get("default quoting type", QuotingType.ECDSA_256)),
        qpl_log_level=QplLogLevel(choices.get("qpl log level", QplLogLevel.ERROR)),
    )
    _look_at_whole(conf, lines, notebook)
    used = {key: line for key, line in lines.items() if key in choices or key in addresses}
    return replace(conf, given=used, notes=notebook.notes())


def _pair(text: str, number: int, notebook: Notebook) -> tuple[str, str] | None:
    comment = _COMMENT.search(text)
    line = (text[: comment.start()] if comment else text).rstrip()
    if not line.strip():
        return None
    name, equals, value = line.partition("=")
    key = " ".join(name.lower().split())
    if not equals:
        notebook.mistake("expected a key, = and a value", number)
        return None
    if key not in _CHOICES and key not in _ADDRESSES:
        notebook.warn(f"{shown_name(key)} is no key that Intel's service knows", number)
        return None
    if key in _CHOICES and not _ONE_BLANK.match(value):
        notebook.warn("Intel's own service reads this only with one blank after the =", number)
    return key, value.strip()


def _take_address(
    key: str, value: str, number: int, found: dict[str, WebAddress], notebook: Notebook
) -> None:
    address = parse_address(value)
    if address is None:
        notebook.mistake(f"{key!r} is no http or https address", number)
        return
    found[key] = address


def _take_choice(
    key: str, value: str, number: int, found: dict[str, str], notebook: Notebook
) -> None:
    possible = [member.value for member in _CHOICES[key]]
    if value.lower() not in possible:
        notebook.mistake(f"{key!r} is none of {', '.join(possible)}", number)
        return
    found[key] = value.lower()


def _look_at_whole(conf: AesmdConf, lines: Mapping[str, int], notebook: Notebook) -> None:
    if conf.proxy_type is ProxyType.MANUAL and conf.aesm_proxy is None:
        notebook.mistake("a manual proxy needs 'aesm proxy' with an address", lines["proxy type"])
    if conf.aesm_proxy is not None and conf.proxy_type is not ProxyType.MANUAL:
        notebook.warn("'aesm proxy' counts only where 'proxy type' is manual", lines["aesm proxy"])
    for key in PROXY_KEYS:
        if key in lines:
            notebook.warn(
                f"{key!r} counts for verifying our own quotes only: the certificate provider takes "
                "the usual proxy variables of the daemon's environment",
                lines[key],
            )
    for key, why in NO_MEANING.items():
        if key in lines:
            notebook.warn(f"{key!r} has no meaning here: {why}", lines[key])
    if conf.quoting_type is not QuotingType.ECDSA_256:
        notebook.warn(
            "EPID quotes are made neither by our daemon nor by current processors; quotes are "
            "ecdsa_256",
            lines["default quoting type"],
        )
