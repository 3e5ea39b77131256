# SPDX-License-Identifier: Apache-2.0
"""What is measured: recorded real quotes where they are, simulated ones elsewhere."""

import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from confcom.dcap import Collateral, QuoteVersion, TeeType, TrustedRoot
from confcom.simulation import Enclave, TrustDomain, make_authority

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ENCLAVE = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
_REPOSITORY = Path(__file__).parent.parent
_RECORDED = {"SGX v3": "real-sgx-606a-eval17", "TDX v4": "real-tdx-v4-uptodate-padded"}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A quote with all that its verification needs.

    Attributes:
        origin: recorded or simulated, for the heading.
        quote: bytes of the quote.
        collateral: that fits.
        root: to trust.
        root_pem: the same, as a file holds it.
        at: time of verification.
    """

    origin: str
    quote: bytes
    collateral: Collateral
    root: TrustedRoot
    root_pem: bytes
    at: datetime


def sgx() -> Sample:
    """Return an SGX quote of version 3."""
    recorded = _recorded("SGX v3")
    if recorded is not None:
        return recorded
    authority = make_authority(at=AT)
    platform = authority.add_platform(at=AT)
    return Sample(
        origin="simulated",
        quote=platform.quote_sgx(ENCLAVE.ereport(platform.qe_target_info, bytes(64))),
        collateral=authority.collateral(platform, at=AT),
        root=authority.trusted_root,
        root_pem=authority.root.pem,
        at=AT,
    )


def tdx() -> Sample:
    """Return a TDX quote of version 4."""
    recorded = _recorded("TDX v4")
    if recorded is not None:
        return recorded
    authority = make_authority(at=AT)
    platform = authority.add_platform(at=AT)
    report = platform.td_report(TrustDomain(mr_td=b"\x7d" * 48), bytes(64))
    return Sample(
        origin="simulated",
        quote=platform.quote_tdx(report, version=QuoteVersion.V4),
        collateral=authority.collateral(platform, at=AT, tee=TeeType.TDX),
        root=authority.trusted_root,
        root_pem=authority.root.pem,
        at=AT,
    )


def _recorded(form: str) -> Sample | None:
    vectors = _REPOSITORY / os.environ.get("CONFCOM_VECTORS", "../shared/vectors")
    folder = vectors.resolve() / "dcap"
    cases = folder / "cases.json"
    if not cases.is_file():
        return None
    for case in json.loads(cases.read_text(encoding="utf-8")):
        if case["id"] == _RECORDED[form]:
            root_pem = (folder / "roots" / f"{case['root']}.pem").read_bytes()
            return Sample(
                origin="recorded",
                quote=(folder / case["quote"]).read_bytes(),
                collateral=Collateral.from_json((folder / case["collateral"]).read_bytes()),
                root=TrustedRoot.from_pem(root_pem),
                root_pem=root_pem,
                at=datetime.fromtimestamp(case["now"], UTC),
            )
    return None
