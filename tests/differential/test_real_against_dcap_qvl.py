# SPDX-License-Identifier: Apache-2.0
"""Recorded cases, also judged by dcap-qvl: verdicts differ only for reasons that are known.

An explanation looks at the structure of the evidence, never at the name of a case. The list is
that of ``docs/explanation/differences.md``.
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import dcap_qvl
import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate
from tests import vectors_path
from tests.vectors.cases import Case, read_cases, run

from confcom.dcap import CertType, Crl, Quote, TeeType, parse_pem_chain
from confcom.dcap.td_report import TdReport
from confcom.errors import ConfcomError
from confcom.reasons import Reason

pytestmark = pytest.mark.timeout(60)
SEPT_VE_DISABLE = 1 << 28


def ours(case: Case) -> tuple[Reason | None, str | None, list[str]]:
    """Return our reason, status and advisories."""
    result = run(case)
    if result.tcb is None:
        return result.reason, None, []
    return result.reason, str(result.tcb.status), list(result.tcb.advisory_ids)


def theirs(case: Case) -> tuple[str, list[str]] | None:
    """Return their status and advisories, or None for a refusal."""
    root = load_pem_x509_certificate(
        (case.folder / "roots" / f"{case.record['root']}.pem").read_bytes()
    ).public_bytes(Encoding.DER)
    try:
        bundle = dcap_qvl.QuoteCollateralV3.from_json(case.collateral.decode())
        at = int(case.at.timestamp())
        verified = dcap_qvl.verify_with_root_ca(case.quote, bundle, root, at)
    except (ValueError, RuntimeError):
        return None
    return verified.status, sorted(set(verified.advisory_ids))


class Evidence:
    """What an explanation may look at."""

    def __init__(self, case: Case, reason: Reason | None) -> None:
        self.raw, self.at, self.reason = case.quote, case.at, reason
        self.collateral: dict[str, Any] = json.loads(case.collateral)
        try:
            self.quote: Quote | None = Quote.from_bytes(self.raw)
        except ConfcomError:
            self.quote = None

    def document(self, name: str) -> dict[str, Any]:
        """Return a signed document."""
        return dict(json.loads(self.collateral[name]))

    @property
    def body(self) -> TdReport | None:
        """The TD report, if it is one."""
        return self.quote.body if self.quote and isinstance(self.quote.body, TdReport) else None


def _root_first(evidence: Evidence) -> bool:
    quote = evidence.quote
    if quote is None or quote.signature.certification.type is not CertType.PCK_CHAIN:
        return False
    chain = parse_pem_chain(quote.signature.certification.data)
    return chain[0].subject == chain[0].issuer


def _list_from_the_future(evidence: Evidence) -> bool:
    lists = (evidence.collateral[name].encode() for name in ("root_ca_crl", "pck_crl"))
    now = evidence.at.timestamp()
    return any(Crl.from_bytes(one).this_update > now for one in lists)


def _unsorted_levels(evidence: Evidence) -> bool:
    levels = evidence.document("qe_identity")["tcbLevels"]
    svns = [level["tcb"]["isvsvn"] for level in levels]
    return svns != sorted(svns, reverse=True)


def _signer_is_not_tcb_signing(evidence: Evidence) -> bool:
    chain = parse_pem_chain(evidence.collateral["tcb_info_issuer_chain"].encode())
    return not any("SGX TCB Signing" in one.subject_cn for one in chain)


def _is_debug(evidence: Evidence) -> bool:
    quote = evidence.quote
    if quote is None:
        return False
    if isinstance(quote.body, TdReport):
        return bool(int(quote.body.td_attributes) & 0xFF)
    return quote.body.is_debug


WE_ACCEPT: dict[str, Callable[[Evidence], bool]] = {
    "SGX in version 4 or 5": lambda e: (
        e.quote is not None
        and e.quote.header.tee_type is TeeType.SGX
        and int(e.quote.header.version) > 3
    ),
    "TCB Info version 2": lambda e: e.document("tcb_info")["version"] == 2,
    "authentication data of another length": lambda e: (
        e.quote is not None and len(e.quote.signature.auth_data) != 32
    ),
    "root first in the chain": _root_first,
    "debug that was allowed": _is_debug,
    "MRSERVICETD is not zero": lambda e: e.body is not None and any(e.body.mr_service_td or b""),
    "SEPT_VE_DISABLE is not set": lambda e: (
        e.body is not None and not int(e.body.td_attributes) & SEPT_VE_DISABLE
    ),
}
THEY_ACCEPT: dict[str, Callable[[Evidence], bool]] = {
    "revocation list from the future": _list_from_the_future,
    "structure of signature data": lambda e: e.reason in {Reason.CERT_TYPE, Reason.QUOTE_FORMAT},
    "bytes that are not zero behind the quote": lambda e: e.reason is Reason.TRAILING_DATA,
    "TCB Info version": lambda e: e.document("tcb_info")["version"] not in {2, 3},
    "TCB type": lambda e: e.document("tcb_info")["tcbType"] != 0,
    "signer of documents": _signer_is_not_tcb_signing,
    "PCE id": lambda e: e.reason is Reason.TCB_INFO_MISMATCH,
}
OTHER_STATUS: dict[str, Callable[[Evidence], bool]] = {
    "levels of the QE identity out of order": _unsorted_levels,
}


@cache
def cases() -> tuple[Case, ...]:
    """Return the cases of which a verdict is expected."""
    folder = vectors_path.require("dcap")
    return tuple(one for one in read_cases(folder) if one.expect["verdict"] != "either")


def test_verdicts_differ_only_where_it_is_explained() -> None:
    unexplained, explained = [], set()
    for case in cases():
        reason, status, advisories = ours(case)
        other = theirs(case)
        if reason is None and other is None:
            table = WE_ACCEPT
        elif reason is not None and other is not None:
            table = THEY_ACCEPT
        elif other is not None and other != (status, advisories):
            table = OTHER_STATUS
        else:
            continue
        evidence = Evidence(case, reason)
        names = [name for name, applies in table.items() if applies(evidence)]
        explained.update(names)
        if not names:
            unexplained.append(f"{case.id}: {reason or status}, they: {other}")
    assert not unexplained
    assert explained


@pytest.mark.parametrize("name", [*WE_ACCEPT, *THEY_ACCEPT, *OTHER_STATUS])
def test_each_explanation_is_documented(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "explanation" / "differences.md"
    assert name in page.read_text(encoding="utf-8")
