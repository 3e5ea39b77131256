# SPDX-License-Identifier: Apache-2.0
"""Inspection of what Intel signs: TCB Info, enclave identities, lists of evaluation numbers."""

from collections.abc import Iterator, Sequence
from typing import Final

from confcom.attestation.inspection.model import Inspection, Item, Section, time_text
from confcom.attestation.inspection.structures import NOT_VERIFIED
from confcom.dcap import (
    EnclaveIdentity,
    EvaluationNumbers,
    IdentityLevel,
    TcbInfo,
    TcbLevel,
    TdxModuleIdentity,
)
from confcom.sgx import flag_names, misc_names

_NOT_SIGNED: Final = "the inner object only, without the signature over it"
_COMPARED: Final = "bits that are compared"


def inspect_tcb_info(info: TcbInfo, signature: bytes | None) -> Inspection:
    """Inspect a TCB Info."""
    return Inspection(
        kind="tcb-info",
        title=f"TCB Info version {info.version} for {info.id}, FMSPC {info.fmspc.hex().upper()}",
        sections=tuple(tcb_info_sections(info, signature)),
        notes=_notes(signature),
    )


def inspect_identity(identity: EnclaveIdentity, signature: bytes | None) -> Inspection:
    """Inspect the identity of a quoting enclave."""
    return Inspection(
        kind="enclave-identity",
        title=f"Identity of the enclave {identity.id}",
        sections=tuple(identity_sections(identity, signature)),
        notes=_notes(signature),
    )


def inspect_evaluation_numbers(numbers: EvaluationNumbers, signature: bytes | None) -> Inspection:
    """Inspect a list of TCB evaluation data numbers."""
    items = (
        Item("id", numbers.id),
        Item("issueDate", time_text(numbers.issue_date)),
        Item("nextUpdate", time_text(numbers.next_update)),
        *_signature(signature),
    )
    rows = tuple(
        Section(
            f"number{row.number}",
            f"Number {row.number}",
            (
                Item("tcbRecoveryEventDate", time_text(row.recovery_event_date)),
                Item("tcbDate", time_text(row.tcb_date)),
            ),
        )
        for row in numbers.numbers
    )
    return Inspection(
        kind="tcb-evaluation-data-numbers",
        title=f"TCB evaluation data numbers for {numbers.id}",
        sections=(Section("document", "Document", items), Section("numbers", "Numbers", (), rows)),
        notes=_notes(signature),
    )


def tcb_info_sections(info: TcbInfo, signature: bytes | None) -> Iterator[Section]:
    """Yield the document, the TDX module identities and the levels of a TCB Info."""
    items = (
        Item("id", info.id),
        Item("version", info.version),
        Item("issueDate", time_text(info.issue_date)),
        Item("nextUpdate", time_text(info.next_update)),
        Item("fmspc", info.fmspc.hex().upper(), "kind of platform"),
        Item("pceId", info.pce_id.hex().upper()),
        Item("tcbType", info.tcb_type),
        Item("tcbEvaluationDataNumber", info.evaluation_data_number),
        *_signature(signature),
    )
    yield Section("document", "Document", items)
    if info.tdx_module is not None:
        module = info.tdx_module
        yield Section(
            "tdxModule",
            "TDX module of major version 0",
            _module_items(module.mr_signer, module.attributes, module.attributes_mask),
        )
    if info.module_identities:
        modules = tuple(
            _module(number, module) for number, module in enumerate(info.module_identities, 1)
        )
        yield Section("tdxModuleIdentities", "TDX modules", (), modules)
    rows = (_level(number, level) for number, level in enumerate(info.levels, start=1))
    yield Section("tcbLevels", "TCB levels, the highest first", (), tuple(rows))


def identity_sections(identity: EnclaveIdentity, signature: bytes | None) -> Iterator[Section]:
    """Yield the document and the levels of an enclave identity."""
    flags = int.from_bytes(identity.attributes[:8], "little")
    items = (
        Item("id", identity.id),
        Item("version", identity.version),
        Item("issueDate", time_text(identity.issue_date)),
        Item("nextUpdate", time_text(identity.next_update)),
        Item("tcbEvaluationDataNumber", identity.evaluation_data_number),
        Item("mrSigner", identity.mr_signer.hex()),
        Item("isvProdId", identity.isv_prod_id),
        Item("miscSelect", identity.misc_select.hex(), misc_names(identity.misc_select)),
        Item("miscSelectMask", identity.misc_select_mask.hex(), _COMPARED),
        Item("attributes", identity.attributes.hex(), flag_names(flags)),
        Item("attributesMask", identity.attributes_mask.hex(), _COMPARED),
        *_signature(signature),
    )
    yield Section("document", "Document", items)
    yield Section("tcbLevels", "Levels, the highest first", (), _identity_levels(identity.levels))


def _module(number: int, module: TdxModuleIdentity) -> Section:
    items = _module_items(module.mr_signer, module.attributes, module.attributes_mask)
    levels = _identity_levels(module.levels)
    return Section(f"module{number}", module.id, (Item("id", module.id), *items), levels)


def _module_items(signer: bytes, attributes: bytes, mask: bytes) -> tuple[Item, ...]:
    return (
        Item("mrSigner", signer.hex()),
        Item("attributes", attributes.hex()),
        Item("attributesMask", mask.hex(), _COMPARED),
    )


def _level(number: int, level: TcbLevel) -> Section:
    tdx = () if level.tdx is None else (Item("tdxTcbComponents", level.tdx),)
    items = (
        Item("tcbDate", time_text(level.date)),
        Item("sgxTcbComponents", level.sgx),
        Item("pceSvn", level.pce_svn),
        *tdx,
        Item("advisoryIds", tuple(level.advisory_ids)),
    )
    return Section(f"level{number}", f"Level {number}", _status(level) + items)


def _identity_levels(levels: Sequence[IdentityLevel]) -> tuple[Section, ...]:
    return tuple(
        Section(
            f"level{number}",
            f"Level {number}",
            (
                *_status(level),
                Item("isvSvn", level.isv_svn),
                Item("tcbDate", time_text(level.date)),
                Item("advisoryIds", tuple(level.advisory_ids)),
            ),
        )
        for number, level in enumerate(levels, start=1)
    )


def _status(level: TcbLevel | IdentityLevel) -> tuple[Item, ...]:
    return (Item("tcbStatus", str(level.status)),)


def _signature(signature: bytes | None) -> tuple[Item, ...]:
    if signature is None:
        return ()
    return (Item("signature", signature.hex(), "not verified"),)


def _notes(signature: bytes | None) -> tuple[str, ...]:
    return (NOT_VERIFIED,) if signature is not None else (NOT_VERIFIED, _NOT_SIGNED)
