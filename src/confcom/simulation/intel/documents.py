# SPDX-License-Identifier: Apache-2.0
"""TCB Info, enclave identities and lists of evaluation data numbers, from values to JSON.

The results are the inner objects: compact, in Intel's order of members, and signed as they are.
The parsers in `confcom.dcap` read them back to equal values.

Source: Intel PCS REST specification, versions 3 (TCB Info 2) and 4 (TCB Info 3).
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from confcom.dcap.documents import SignedDocument
from confcom.dcap.evaluation import EvaluationNumbers
from confcom.dcap.identity import EnclaveIdentity, IdentityLevel
from confcom.dcap.tcb_info import Component, TcbInfo, TcbLevel, TdxModule, TdxModuleIdentity

Json = dict[str, object]


def render_tcb_info(info: TcbInfo) -> bytes:
    """Return a TCB Info of version 2 or 3."""
    document: Json = {} if info.version == 2 else {"id": info.id}
    document |= {
        "version": info.version,
        "issueDate": _date(info.issue_date),
        "nextUpdate": _date(info.next_update),
        "fmspc": _hex(info.fmspc),
        "pceId": _hex(info.pce_id),
        "tcbType": info.tcb_type,
        "tcbEvaluationDataNumber": info.evaluation_data_number,
    }
    if info.tdx_module is not None:
        document["tdxModule"] = _module(info.tdx_module)
    if info.module_identities:
        document["tdxModuleIdentities"] = [
            {"id": identity.id, **_module(identity), "tcbLevels": _identity_levels(identity.levels)}
            for identity in info.module_identities
        ]
    document["tcbLevels"] = [_tcb_level(info, level) for level in info.levels]
    return msgspec.json.encode(document)


def render_identity(identity: EnclaveIdentity) -> bytes:
    """Return an enclave identity of version 2."""
    return msgspec.json.encode(
        {
            "id": identity.id,
            "version": identity.version,
            "issueDate": _date(identity.issue_date),
            "nextUpdate": _date(identity.next_update),
            "tcbEvaluationDataNumber": identity.evaluation_data_number,
            "miscselect": _hex(identity.misc_select),
            "miscselectMask": _hex(identity.misc_select_mask),
            "attributes": _hex(identity.attributes),
            "attributesMask": _hex(identity.attributes_mask),
            "mrsigner": _hex(identity.mr_signer),
            "isvprodid": identity.isv_prod_id,
            "tcbLevels": _identity_levels(identity.levels),
        }
    )


def render_evaluation_numbers(numbers: EvaluationNumbers) -> bytes:
    """Return a list of evaluation data numbers of version 1."""
    return msgspec.json.encode(
        {
            "id": numbers.id,
            "version": 1,
            "issueDate": _date(numbers.issue_date),
            "nextUpdate": _date(numbers.next_update),
            "tcbEvalNumbers": [
                {
                    "tcbEvaluationDataNumber": entry.number,
                    "tcbRecoveryEventDate": _date(entry.recovery_event_date),
                    "tcbDate": _date(entry.tcb_date),
                }
                for entry in numbers.numbers
            ],
        }
    )


def render_envelope(member: str, document: SignedDocument) -> bytes:
    """Return the body that a service sends: the inner object under its name, and the signature.

    Args:
        member: ``tcbInfo``, ``enclaveIdentity`` or ``tcbEvaluationDataNumbers``.
        document: content and 64-byte signature.
    """
    return b'{"%b":%b,"signature":"%b"}' % (
        member.encode(),
        document.content,
        document.signature.hex().encode(),
    )


def _tcb_level(info: TcbInfo, level: TcbLevel) -> Json:
    tcb: Json = {}
    if info.version == 2:
        for number, svn in enumerate(level.sgx, start=1):
            tcb[f"sgxtcbcomp{number:02d}svn"] = svn
    else:
        tcb["sgxtcbcomponents"] = _components(level.sgx, info.components)
    tcb["pcesvn"] = level.pce_svn
    if level.tdx is not None:
        tcb["tdxtcbcomponents"] = _components(level.tdx, info.tdx_components)
    return {"tcb": tcb, **_verdict(level)}


def _components(svns: Sequence[int], names: Sequence[Component]) -> list[Json]:
    return [_component(svn, name) for svn, name in zip(svns, names, strict=True)]


def _component(svn: int, name: Component) -> Json:
    component: Json = {"svn": svn}
    if name.category:
        component["category"] = name.category
    if name.type:
        component["type"] = name.type
    return component


def _identity_levels(levels: Sequence[IdentityLevel]) -> list[Json]:
    return [{"tcb": {"isvsvn": level.isv_svn}, **_verdict(level)} for level in levels]


def _verdict(level: TcbLevel | IdentityLevel) -> Json:
    verdict: Json = {"tcbDate": _date(level.date), "tcbStatus": level.status.value}
    if level.advisory_ids:
        verdict["advisoryIDs"] = list(level.advisory_ids)
    return verdict


def _module(module: TdxModule | TdxModuleIdentity) -> Json:
    return {
        "mrsigner": _hex(module.mr_signer),
        "attributes": _hex(module.attributes),
        "attributesMask": _hex(module.attributes_mask),
    }


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _hex(value: bytes) -> str:
    return value.hex().upper()
