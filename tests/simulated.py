# SPDX-License-Identifier: Apache-2.0
"""Simulated evidence for tests: one authority, one platform, and quotes with any identity."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from confcom.attestation import Endorsements, Evidence, verify
from confcom.dcap import BodyType, Collateral, QuoteVersion, TeeType, TrustedRoot, VerifiedQuote
from confcom.simulation import Enclave, Platform, SimulatedAuthority, TrustDomain, make_authority

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DAY = timedelta(days=1)
REPORT_DATA = bytes(range(64))


@cache
def authority() -> SimulatedAuthority:
    """The authority of all tests."""
    return make_authority(at=AT)


@cache
def platform() -> Platform:
    """Its platform."""
    return authority().add_platform(at=AT)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A quote with what it is verified with.

    Attributes:
        quote: bytes of the quote.
        collateral: fits it.
    """

    quote: bytes
    collateral: Collateral

    @property
    def root(self) -> TrustedRoot:
        """The root to name."""
        return authority().trusted_root

    def verified(self, *, at: datetime = AT) -> VerifiedQuote:
        """Verify the quote."""
        return verify(
            Evidence.from_bytes(self.quote),
            Endorsements(self.collateral),
            at=at,
            root=self.root,
            allow_simulated=True,
        )


def sgx(
    enclave: Enclave | None = None,
    *,
    version: QuoteVersion = QuoteVersion.V3,
    **collateral: Any,  # noqa: ANN401 passed on
) -> Sample:
    """Return a quote of an enclave; further arguments are those of ``collateral``."""
    enclave = enclave or Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    report = enclave.ereport(platform().qe_target_info, REPORT_DATA)
    quote = platform().quote_sgx(report, version=version)
    issued = collateral.pop("issued", AT)
    return Sample(
        quote=quote, collateral=authority().collateral(platform(), at=issued, **collateral)
    )


def tdx(
    td: TrustDomain | None = None,
    *,
    version: QuoteVersion = QuoteVersion.V5,
    body_type: BodyType | None = BodyType.TD_1_5,
    on: Platform | None = None,
    **collateral: Any,  # noqa: ANN401 passed on
) -> Sample:
    """Return a quote of a TD; further arguments are those of ``collateral``."""
    td = td or TrustDomain(mr_td=b"\x7d" * 48)
    host = on or platform()
    quote = host.quote_tdx(host.td_report(td, REPORT_DATA), version=version, body_type=body_type)
    issued = collateral.pop("issued", AT)
    return Sample(
        quote=quote,
        collateral=authority().collateral(host, at=issued, tee=TeeType.TDX, **collateral),
    )


FORMS: dict[str, Sample] = {
    "sgx-v3": sgx(),
    "sgx-v4": sgx(version=QuoteVersion.V4),
    "sgx-v5": sgx(version=QuoteVersion.V5),
    "tdx-v4": tdx(version=QuoteVersion.V4, body_type=BodyType.TD_1_0),
    "tdx-v5-1.0": tdx(body_type=BodyType.TD_1_0),
    "tdx-v5-1.5": tdx(body_type=BodyType.TD_1_5),
    "tdx-v5-1.5-ex": tdx(body_type=BodyType.TD_1_5_EX),
}
"""A quote of each version and body type."""
