# SPDX-License-Identifier: Apache-2.0
"""``/etc/sgx_default_qcnl.conf``, the configuration of Intel's certificate provider.

Source: Intel DCAP, ``QuoteGeneration/qcnl``. Two forms: a JSON object in which comments are
allowed, and older lines ``NAME=value`` with comments after ``#`` at their start. The provider
reads the file itself and passes over what it does not understand without a word.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import Any, Final, assert_never

from confcom.protocols.quoting_conf.json_members import (
    SyntaxMistakeError,
    is_json,
    read_members,
)
from confcom.protocols.quoting_conf.notes import (
    Note,
    Notebook,
    WebAddress,
    is_too_large,
    parse_address,
    shown_name,
    text_lines,
)

CLIENT_PATIENCE_S: Final = 15
"""How long Intel's library in the application waits for a quote, seconds."""
_DEFAULT_PCCS: Final = WebAddress(
    "https",
    "localhost",
    8081,
    "/sgx/certification/v4/",
    "https://localhost:8081/sgx/certification/v4/",
)
_LARGEST_NUMBER: Final = 2**31 - 1
_MARK: Final = "\ufeff"


class QcnlForm(StrEnum):
    """How the file is written."""

    JSON = "json"
    LINES = "lines"


@dataclass(frozen=True, slots=True, kw_only=True)
class QcnlConf:
    """What the file says; the provider's defaults where it says nothing that can be used.

    Attributes:
        form: how it is written.
        pccs_url: the caching service that is asked for certificates.
        use_secure_cert: whether the service's TLS certificate is checked.
        collateral_service: asked for what verifies quotes, if not the caching service.
        tcb_update_type: which edition of that, as written.
        pccs_api_version: of the requests.
        retry_times: further tries.
        retry_delay_s: between them, seconds.
        local_pck_url: asked for certificates before the caching service.
        pck_cache_expire_hours: how long certificates are kept.
        verify_collateral_cache_expire_hours: how long what verifies quotes is kept.
        local_cache_only: ask nobody, use what is kept.
        request_options: names of the headers and parameters that are added to requests, never
            their values.
        given: keys whose values are used, and the numbers of their lines.
        notes: mistakes, and what has no meaning for our daemon or should be known.
    """

    form: QcnlForm = QcnlForm.JSON
    pccs_url: WebAddress = _DEFAULT_PCCS
    use_secure_cert: bool = True
    collateral_service: WebAddress | None = None
    tcb_update_type: str | None = None
    pccs_api_version: str = "3.1"
    retry_times: int = 6
    retry_delay_s: int = 10
    local_pck_url: WebAddress | None = None
    pck_cache_expire_hours: float = 168
    verify_collateral_cache_expire_hours: float = 168
    local_cache_only: bool = False
    request_options: tuple[str, ...] = ()
    given: Mapping[str, int] = field(default_factory=dict, compare=False, repr=False)
    notes: tuple[Note, ...] = ()

    @property
    def pauses_s(self) -> int:
        """How long the provider pauses in all before it gives up, seconds."""
        return self.retry_times * self.retry_delay_s


class _Kind(Enum):
    ADDRESS = "an http or https address"
    SWITCH = "true or false"
    COUNT = "a whole number from 0 to 2147483647"
    HOURS = "a number of hours, at least 0"
    WORD = "a text"
    REQUEST = "an object get_cert with objects headers and params"


_KEYS: Final[Mapping[str, tuple[str, _Kind]]] = {
    "pccs_url": ("pccs_url", _Kind.ADDRESS),
    "use_secure_cert": ("use_secure_cert", _Kind.SWITCH),
    "collateral_service": ("collateral_service", _Kind.ADDRESS),
    "tcb_update_type": ("tcb_update_type", _Kind.WORD),
    "pccs_api_version": ("pccs_api_version", _Kind.WORD),
    "retry_times": ("retry_times", _Kind.COUNT),
    "retry_delay": ("retry_delay_s", _Kind.COUNT),
    "local_pck_url": ("local_pck_url", _Kind.ADDRESS),
    "pck_cache_expire_hours": ("pck_cache_expire_hours", _Kind.HOURS),
    "verify_collateral_cache_expire_hours": (
        "verify_collateral_cache_expire_hours",
        _Kind.HOURS,
    ),
    "local_cache_only": ("local_cache_only", _Kind.SWITCH),
    "custom_request_options": ("request_options", _Kind.REQUEST),
}
NO_MEANING: Final[Mapping[str, str]] = {
    "verify_collateral_cache_expire_hours": "it is for Intel's verification library; our daemon "
    "keeps collateral for as long as the setting collateral.max_age_s says",
}
"""Keys without a meaning for our daemon, and why."""
_ONLY_IN_JSON: Final = frozenset({"tcb_update_type", "custom_request_options"})
_WORDS: Final[Mapping[str, bool]] = {"TRUE": True, "true": True, "FALSE": False, "false": False}

_Given = tuple[str, object, int]


def read_qcnl_conf(data: bytes) -> QcnlConf:
    """Read the file; what is wrong with it is in the notes, all of it.

    Args:
        data: content, at most 64 KiB.
    """
    notebook = Notebook()
    if is_too_large(data, notebook):
        return QcnlConf(notes=notebook.notes())
    text = data.decode("utf-8", "replace")
    if text.startswith(_MARK):
        notebook.mistake("a byte order mark, which the provider stumbles on", 1)
        text = text.removeprefix(_MARK)
    form = QcnlForm.JSON if is_json(text) else QcnlForm.LINES
    is_object = form is QcnlForm.JSON
    given = _of_json(text, notebook) if is_object else list(_of_lines(data, notebook))
    values: dict[str, Any] = {}
    lines: dict[str, int] = {}
    used: dict[str, int] = {}
    for key, value, line in given:
        if _is_repeated(key, line, lines, form, notebook):
            continue
        lines[key] = line
        name, kind = _KEYS[key]
        taken = _taken(value, kind)
        if taken is None:
            notebook.mistake(f"{key}: expected {kind.value}", line)
        else:
            values[name] = taken
            used[key] = line
    conf = QcnlConf(form=form, given=used, **values)
    _look_at_whole(conf, lines, notebook)
    return replace(conf, notes=notebook.notes())


def _of_json(text: str, notebook: Notebook) -> list[_Given]:
    try:
        members = read_members(text)
    except SyntaxMistakeError as exc:
        notebook.mistake(f"{exc}; the provider uses nothing of the file", exc.line)
        return []
    known = []
    for member in members:
        if member.name in _KEYS:
            known.append((member.name, member.value, member.line))
        else:
            _note_unknown(member.name, member.line, notebook)
    return known


def _of_lines(data: bytes, notebook: Notebook) -> Iterator[_Given]:
    for number, text in text_lines(data, notebook):
        line = "".join(text.removeprefix(_MARK).split())  # the provider removes all blanks
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        key = name.lower()
        if not equals:
            notebook.mistake("expected NAME=value", number)
        elif name != name.upper() or key not in _KEYS:
            _note_unknown(name, number, notebook)
        elif key in _ONLY_IN_JSON:
            notebook.warn(f"{name} has a meaning in the JSON form only", number)
        else:
            yield key, _of_word(value, _KEYS[key][1]), number


def _of_word(value: str, kind: _Kind) -> object:
    if kind is _Kind.SWITCH:
        return _WORDS.get(value)
    if kind in {_Kind.COUNT, _Kind.HOURS}:
        return int(value) if value.isascii() and value.isdigit() and len(value) < 12 else None
    return value


def _note_unknown(name: str, line: int, notebook: Notebook) -> None:
    if name == "PCS_URL":
        hint = "; it wants PCCS_URL"
    elif name.lower() in _KEYS:
        hint = "; JSON wants lower case, lines want capitals"
    else:
        hint = ""
    notebook.warn(f"{shown_name(name)} is no key that the provider knows{hint}", line)


def _is_repeated(
    key: str, line: int, lines: Mapping[str, int], form: QcnlForm, notebook: Notebook
) -> bool:
    """Note a key that comes twice; tell whether the first one counts, as it does in JSON."""
    if key not in lines:
        return False
    is_first = form is QcnlForm.JSON
    which = "that one" if is_first else "this one"
    notebook.warn(f"{key} was given on line {lines[key]} already; {which} counts", line)
    return is_first


def _taken(value: object, kind: _Kind) -> object:
    """Return the value as the provider takes it, or None where it would pass over it."""
    match kind:
        case _Kind.ADDRESS:
            return parse_address(value) if isinstance(value, str) else None
        case _Kind.SWITCH:
            return value if isinstance(value, bool) else None
        case _Kind.COUNT:
            is_number = isinstance(value, int) and not isinstance(value, bool)
            return value if is_number and 0 <= _number(value) <= _LARGEST_NUMBER else None
        case _Kind.HOURS:
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            return value if is_number and 0 <= _number(value) <= _LARGEST_NUMBER else None
        case _Kind.WORD:
            return value if isinstance(value, str) and value else None
        case _Kind.REQUEST:
            return _option_names(value)
        case _:
            assert_never(kind)


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else -1


def _option_names(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, dict):
        return None
    request = value.get("get_cert", {})
    if not isinstance(request, dict):
        return None
    names: list[str] = []
    for part in ("headers", "params"):
        given = request.get(part, {})
        if not isinstance(given, dict):
            return None
        names += given
    return tuple(shown_name(name) for name in names)


def _look_at_whole(conf: QcnlConf, lines: Mapping[str, int], notebook: Notebook) -> None:
    for key, why in NO_MEANING.items():
        if key in lines:
            notebook.warn(f"{key} has no meaning here: {why}", lines[key])
    if not conf.use_secure_cert:
        notebook.warn(
            "use_secure_cert is false: whoever can answer in place of the certificate service is "
            "believed",
            lines.get("use_secure_cert"),
        )
    if conf.pauses_s >= CLIENT_PATIENCE_S and not conf.local_cache_only:
        notebook.warn(
            f"retry_times × retry_delay is {conf.pauses_s} s: applications wait for a quote "
            f"{CLIENT_PATIENCE_S} s at most, so keep it lower",
            lines.get("retry_delay", lines.get("retry_times")),
        )
