# SPDX-License-Identifier: Apache-2.0
"""Take secrets out of what is about to be logged or shown in a report of a bug.

Two nets: names under which secrets usually travel, and the shapes that secrets usually have.
Both err on the side of hiding too much; a digest loses its tail, never its meaning.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from confcom.runtime.secret import MASK, Secret

# Cut before anything else, so that one event cannot fill a disk or a regular expression's time.
MAX_TEXT = 16 * 1024
MAX_DEPTH = 6
SHOWN_DIGITS = 8

_SECRET_NAME = re.compile(
    r"""(?ix)
    authori[sz]ation | cookie | password | passwd | passphrase | secret | credential | bearer
    | (^|[_\-.\s]) (token|jwt|pin|pwd|sealed|plaintext) s? ([_\-.\s]|$)
    | (user|admin|access|refresh|id|auth|api|service|session|csrf) [_\-]? token
    | (private|secret|seal|sealing|report|signing|encryption|wrapping|session|api|subscription
       |launch|provision(ing)?|symmetric|master|content|data|shared|hmac|mac|aes|ecdh|access)
      [_\-\s]? key s? ([_\-.\s]|$)
    | ^key s? $
    """
)
# Arguments and environment of guest containers: their values are the tenant's, not ours.
_GUEST_NAMES = frozenset({"args", "argv", "arguments", "env", "environ", "environment"})

_PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|\Z)", re.DOTALL
)
# Repetitions are bounded: text of strangers must not cost quadratic time.
_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    (_PEM, f"[private key {MASK}]"),
    # JSON web tokens: three (signed) or five (encrypted) base64url parts, the first a JSON object.
    (re.compile(r"\beyJ[\w-]+\.[\w-]*(?:\.[\w-]*){1,3}"), f"[token {MASK}]"),
    # A header takes the whole line, whatever the scheme.
    (
        re.compile(
            r"(?i)\b((?:proxy-)?authori[sz]ation|(?:set-)?cookie)(['\"]?\s?[:=]\s?)[^\r\n]+"
        ),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(?i)\b(bearer)\s+[\w+/.~=-]{6,}"), rf"\1 {MASK}"),
    # "Basic Constraints" is a certificate extension: credentials mix cases or hold digits.
    (re.compile(r"\b(Basic)\s+(?=\S*(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}"), rf"\1 {MASK}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{0,20}://)[^\s/@:]*(?::[^\s/@]*)?@"), rf"\1{MASK}@"),
    (
        re.compile(
            r"""(?ix)(
            [\w-]{0,32} (?: password | passwd | passphrase | secret | token | credentials?
              | (?:private|subscription|api|seal|signing)[_-]?key ) ["']? \s? [=:] \s?
            ) (?: b?"[^"]*" | b?'[^']*' | [^\s,;&}\])]+ )"""
        ),
        rf"\1{MASK}",
    ),
    # Bytes inside the text of an object.
    (re.compile(r"""\bb(?:'(?:[^'\\]|\\.){4,}'|"(?:[^"\\]|\\.){4,}")"""), "<bytes>"),
)
# Most values are words, numbers and times. Text of these characters alone is too short for a raw
# value and has no blank, colon, equals sign or quote, so that no pattern above can match it.
_PLAIN = re.compile(r"[A-Za-z0-9_./+-]{0,39}|[0-9TZ:.+-]{0,39}")
# What an enclave or a TD is: public, and worthless to an audit when shortened.
_MEASUREMENTS = frozenset({"mr_config_id", "mr_enclave", "mr_seam", "mr_signer", "mr_td"})
_MEASUREMENT = re.compile(r"(?:[0-9a-f]{64}|[0-9a-f]{96})")
_LONG_HEX = re.compile(r"(?<![0-9A-Za-z])(?:0x)?[0-9a-fA-F]{64,}(?![0-9A-Za-z])")
# Keys of 32 bytes in base64 have 43 or 44 characters. Paths and words are told apart below.
_LONG_BASE64 = re.compile(r"(?<![\w+/.-])[A-Za-z0-9+/_-]{40,}={0,2}(?![\w+/])")


def is_measurement(name: str, value: object) -> bool:
    """Tell whether a field of an event is a measurement by its name and its form."""
    return (
        name in _MEASUREMENTS
        and isinstance(value, str)
        and _MEASUREMENT.fullmatch(value) is not None
    )


def redact_text(text: str, *, limit: int = MAX_TEXT) -> str:
    """Return the text without private keys, tokens, credentials and long raw values.

    Args:
        text: any text.
        limit: how many characters are kept; the rest is cut and counted.
    """
    if _PLAIN.fullmatch(text) is not None and "eyJ" not in text and len(text) <= limit:
        return text
    if len(text) > limit:
        text = f"{text[:limit]}… ({len(text)} characters)"
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    text = _LONG_HEX.sub(_shorten, text)
    return _LONG_BASE64.sub(_shorten_base64, text)


def redact_value(value: object, *, name: str = "", depth: int = 0) -> object:
    """Return plain data (None, bool, numbers, text, dict, list) without secrets.

    Args:
        value: anything; objects other than plain data are shown by their text.
        name: the field it is logged under; some names hide any value.
        depth: how deep inside other values it lies; beyond six levels nothing is shown.
    """
    if isinstance(value, Secret) or is_secret_name(name):
        return value if value is None else MASK
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if depth >= MAX_DEPTH:
        return "…"
    if isinstance(value, Mapping):
        return {
            redact_text(str(key)): redact_value(item, name=str(key), depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value(item, depth=depth + 1) for item in value]
    return redact_text(str(value))


@lru_cache(maxsize=1024)
def redact_name(name: str) -> str:
    """Return the name of a field without secrets; events use the same few names."""
    return redact_text(name)


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Tell whether values under this name are hidden whatever they look like."""
    # camelCase names of JSON fields become words, so that privateKey reads like private_key.
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return words.lower() in _GUEST_NAMES or _SECRET_NAME.search(words) is not None


def _shorten(match: re.Match[str]) -> str:
    digits = match[0].removeprefix("0x")
    return f"{digits[:SHOWN_DIGITS]}… ({len(digits)} digits)"


def _shorten_base64(match: re.Match[str]) -> str:
    token = match[0]
    kinds = (str.isupper, str.islower, str.isdigit)
    # One character of base64 in 64 is a slash; a path has more.
    is_path = token.count("/") * 16 > len(token)
    if not is_path and all(sum(map(kind, token)) >= 2 for kind in kinds):
        return f"{token[:SHOWN_DIGITS]}… ({len(token)} characters)"
    return token
