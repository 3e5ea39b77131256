# SPDX-License-Identifier: Apache-2.0
"""TCB Info, versions 2 and 3 (Intel PCS REST specification, "Get TCB Info")."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Self

from confcom.dcap import _json as js
from confcom.dcap._json import DocumentError, Object
from confcom.errors import MalformedError
from confcom.reasons import Reason

COMPONENTS: Final = 16
MAX_LEVELS: Final = 256
MAX_MODULES: Final = 64
MAX_ADVISORIES: Final = 512
_UINT32: Final = 2**32 - 1


class TcbStatus(StrEnum):
    """TCB statuses; the last two come of the relaunch rule, no document carries them."""

    UP_TO_DATE = "UpToDate"
    SW_HARDENING_NEEDED = "SWHardeningNeeded"
    CONFIGURATION_NEEDED = "ConfigurationNeeded"
    CONFIGURATION_AND_SW_HARDENING_NEEDED = "ConfigurationAndSWHardeningNeeded"
    OUT_OF_DATE = "OutOfDate"
    OUT_OF_DATE_CONFIGURATION_NEEDED = "OutOfDateConfigurationNeeded"
    REVOKED = "Revoked"
    TD_RELAUNCH_ADVISED = "TDRelaunchAdvised"
    TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED = "TDRelaunchAdvisedConfigurationNeeded"


_RELAUNCH: Final = frozenset(
    {TcbStatus.TD_RELAUNCH_ADVISED, TcbStatus.TD_RELAUNCH_ADVISED_CONFIGURATION_NEEDED}
)
PLATFORM_STATUSES: Final = frozenset(TcbStatus) - _RELAUNCH
ENCLAVE_STATUSES: Final = frozenset(
    {TcbStatus.UP_TO_DATE, TcbStatus.OUT_OF_DATE, TcbStatus.REVOKED}
)


@dataclass(frozen=True, slots=True)
class Component:
    """Words for a TCB component, empty where the document gives none."""

    category: str = ""
    type: str = ""


@dataclass(frozen=True, slots=True)
class TcbLevel:
    """A platform level: 16 SGX SVNs, PCESVN, for TDX 16 more SVNs, and what they are worth.

    ``date`` is tcbDate in Unix seconds.
    """

    sgx: tuple[int, ...]
    pce_svn: int
    tdx: tuple[int, ...] | None
    status: TcbStatus
    date: int
    advisory_ids: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[tuple[int, ...], int, tuple[int, ...]]:
        """The key by which levels are sorted."""
        return (self.sgx, self.pce_svn, self.tdx or ())


@dataclass(frozen=True, slots=True)
class IdentityLevel:
    """A level of an enclave or module: lowest ISVSVN, and what it is worth."""

    isv_svn: int
    status: TcbStatus
    date: int
    advisory_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TdxModule:
    """Signer (48 bytes), attributes and mask (8 bytes each) of the TDX module of version 0."""

    mr_signer: bytes
    attributes: bytes
    attributes_mask: bytes


@dataclass(frozen=True, slots=True)
class TdxModuleIdentity:
    """Identity of a TDX module of a later major version, with levels from high to low."""

    id: str
    mr_signer: bytes
    attributes: bytes
    attributes_mask: bytes
    levels: tuple[IdentityLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """A TCB Info; times are Unix seconds, levels are sorted from high to low.

    Attributes:
        id: ``SGX`` or ``TDX``.
        version: 2 or 3.
        issue_date: first second of validity.
        next_update: last second of validity.
        fmspc: 6 bytes.
        pce_id: 2 bytes.
        tcb_type: 0.
        evaluation_data_number: of this document.
        tdx_module: TDX only.
        module_identities: TDX only.
        levels: platform levels.
        components: words for the 16 SGX components.
        tdx_components: words for the 16 TDX components, or none.
    """

    id: str
    version: int
    issue_date: int
    next_update: int
    fmspc: bytes
    pce_id: bytes
    tcb_type: int
    evaluation_data_number: int
    tdx_module: TdxModule | None = None
    module_identities: tuple[TdxModuleIdentity, ...] = ()
    levels: tuple[TcbLevel, ...] = field(repr=False)
    components: tuple[Component, ...] = field(default=(), repr=False)
    tdx_components: tuple[Component, ...] = field(default=(), repr=False)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse the inner object.

        Raises:
            MalformedError: reasons ``collateral_format``, ``too_large``.
        """
        document = js.load(data, "TCB Info")
        try:
            return cls(**_fields(document))  # type: ignore[arg-type]
        except DocumentError as exc:
            raise MalformedError(Reason.COLLATERAL_FORMAT, f"cannot use TCB Info: {exc}") from exc


def read_status(parent: Object, allowed: frozenset[TcbStatus]) -> TcbStatus:
    """Return the member ``tcbStatus``."""
    value = js.text(parent, "tcbStatus")
    for status in allowed:
        if status.value == value:
            return status
    raise DocumentError(f"tcbStatus {value[:40]!r} is not known")


def read_identity_levels(parent: Object, largest: int) -> tuple[IdentityLevel, ...]:
    """Return the levels of an enclave or module, from high to low."""
    levels = [
        IdentityLevel(
            js.integer(js.child(entry, "tcb"), "isvsvn", largest),
            read_status(entry, ENCLAVE_STATUSES),
            js.date(entry, "tcbDate"),
            js.texts(entry, "advisoryIDs", most=MAX_ADVISORIES),
        )
        for entry in js.objects(parent, "tcbLevels", most=MAX_LEVELS)
    ]
    if len({level.isv_svn for level in levels}) != len(levels):
        raise DocumentError("tcbLevels has an isvsvn twice")
    return tuple(sorted(levels, key=lambda level: level.isv_svn, reverse=True))


def _fields(document: Object) -> dict[str, object]:
    version = js.integer(document, "version", _UINT32)
    if version not in {2, 3}:
        raise DocumentError(f"version {version} is not supported; 2 and 3 are")
    id_ = "SGX" if version == 2 else js.text(document, "id")
    if id_ not in {"SGX", "TDX"}:
        raise DocumentError(f"id {id_[:20]!r} is neither SGX nor TDX")
    tcb_type = js.integer(document, "tcbType", _UINT32)
    if tcb_type != 0:
        raise DocumentError(f"tcbType {tcb_type} is not supported; 0 is")
    is_tdx = id_ == "TDX"
    if not is_tdx and ("tdxModule" in document or "tdxModuleIdentities" in document):
        raise DocumentError("an SGX document speaks of TDX modules")
    entries = js.objects(document, "tcbLevels", most=MAX_LEVELS)
    levels = [_level(entry, version, is_tdx=is_tdx) for entry in entries]
    if len({level.order for level in levels}) != len(levels):
        raise DocumentError("tcbLevels has a level twice")
    first = js.child(entries[0], "tcb")
    return {
        "id": id_,
        "version": version,
        "issue_date": js.date(document, "issueDate"),
        "next_update": js.date(document, "nextUpdate"),
        "fmspc": js.raw(document, "fmspc", 6),
        "pce_id": js.raw(document, "pceId", 2),
        "tcb_type": tcb_type,
        "evaluation_data_number": js.integer(document, "tcbEvaluationDataNumber", _UINT32),
        "tdx_module": _module(js.child(document, "tdxModule")) if is_tdx else None,
        "module_identities": _module_identities(document),
        "levels": tuple(sorted(levels, key=lambda level: level.order, reverse=True)),
        "components": _words(first, "sgxtcbcomponents"),
        "tdx_components": _words(first, "tdxtcbcomponents") if is_tdx else (),
    }


def _level(entry: Object, version: int, *, is_tdx: bool) -> TcbLevel:
    tcb = js.child(entry, "tcb")
    if version == 2:
        sgx = tuple(
            js.integer(tcb, f"sgxtcbcomp{number:02d}svn", 255)
            for number in range(1, COMPONENTS + 1)
        )
    else:
        sgx = _svns(tcb, "sgxtcbcomponents")
    return TcbLevel(
        sgx,
        js.integer(tcb, "pcesvn", 65535),
        _svns(tcb, "tdxtcbcomponents") if is_tdx else None,
        read_status(entry, PLATFORM_STATUSES),
        js.date(entry, "tcbDate"),
        js.texts(entry, "advisoryIDs", most=MAX_ADVISORIES),
    )


def _svns(tcb: Object, name: str) -> tuple[int, ...]:
    entries = js.objects(tcb, name, most=COMPONENTS)
    if len(entries) != COMPONENTS:
        raise DocumentError(f"{name} has {len(entries)} entries, expected {COMPONENTS}")
    return tuple(js.integer(entry, "svn", 255) for entry in entries)


def _words(tcb: Object, name: str) -> tuple[Component, ...]:
    entries = tcb.get(name)
    if not isinstance(entries, list):
        return (Component(),) * COMPONENTS
    return tuple(Component(_word(entry, "category"), _word(entry, "type")) for entry in entries)


def _word(entry: Object, name: str) -> str:
    value = entry.get(name, "")
    return value[:64] if isinstance(value, str) and value.isprintable() else ""


def _module(parent: Object) -> TdxModule:
    return TdxModule(
        js.raw(parent, "mrsigner", 48),
        js.raw(parent, "attributes", 8),
        js.raw(parent, "attributesMask", 8),
    )


def _module_identities(document: Object) -> tuple[TdxModuleIdentity, ...]:
    if "tdxModuleIdentities" not in document:
        return ()
    identities = []
    for entry in js.objects(document, "tdxModuleIdentities", most=MAX_MODULES):
        module = _module(entry)
        identities.append(
            TdxModuleIdentity(
                js.text(entry, "id"),
                module.mr_signer,
                module.attributes,
                module.attributes_mask,
                read_identity_levels(entry, 255),
            )
        )
    if len({identity.id.upper() for identity in identities}) != len(identities):
        raise DocumentError("tdxModuleIdentities has an id twice")
    return tuple(identities)
