# SPDX-License-Identifier: Apache-2.0
"""What an attacker may try at the seams of verification, each with what it must be refused for."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from cryptography import x509
from tests.forging import (
    certificate,
    check,
    key_usage,
    outcome,
    revocation_list,
    with_qe_identity,
    with_tcb_info,
)
from tests.simulated import AT, Sample, authority, platform, sgx, tdx

from confcom.dcap import (
    Caches,
    Certificate,
    CertificationData,
    CertType,
    Collateral,
    PckCa,
    Quote,
    diagnose,
    verify,
)
from confcom.errors import NotAuthenticError
from confcom.reasons import Reason
from confcom.simulation import CertifiedKey

SGX, TDX = sgx(), tdx()
FMSPC = check(SGX.quote, SGX.collateral).pck.extension.fmspc.hex().upper()
both = pytest.mark.parametrize("sample", [SGX, TDX], ids=["sgx", "tdx"])


def refusal(quote: bytes, collateral: Collateral, **options: Any) -> NotAuthenticError:  # noqa: ANN401
    with pytest.raises(NotAuthenticError) as caught:
        check(quote, collateral, **options)
    return caught.value


@both
@pytest.mark.parametrize("function", [verify, diagnose])
def test_nobody_accepts_a_simulator_without_saying_so(
    sample: Sample, function: Callable[..., object]
) -> None:
    with pytest.raises(NotAuthenticError) as caught:
        function(sample.quote, sample.collateral, at=AT, root=sample.root)
    assert caught.value.reason is Reason.SIMULATED_ROOT


def another(of: CertifiedKey, serial: int) -> CertifiedKey:
    """Return a second certificate for the name and the key of a CA, as issuers do make them."""
    made = certificate(
        of.certificate.subject,
        authority().root,
        is_ca=True,
        usage=key_usage(is_ca=True),
        public_key=of.key.public_key(),
        serial=serial,
    )
    return CertifiedKey(of.key, made.certificate)


def revoking(collateral: Collateral, *serials: int) -> Collateral:
    """Return collateral whose root revokes these certificates of its own."""
    return replace(collateral, root_ca_crl=revocation_list(authority().root, serials=serials))


@both
def test_the_list_of_a_revoked_ca_is_worth_nothing(sample: Sample) -> None:
    ca = another(authority().intermediate(PckCa.PLATFORM), serial=4711)
    changed = replace(sample.collateral, pck_crl_issuer_chain=ca.pem + authority().root.pem)
    assert outcome(sample.quote, changed) is None
    error = refusal(sample.quote, revoking(changed, 4711))
    assert (error.reason, error.step) == (Reason.CERT_REVOKED, "pck_crl")


@both
def test_the_chain_of_a_revoked_ca_is_worth_nothing(sample: Sample) -> None:
    quote = Quote.from_bytes(sample.quote)
    ca = another(authority().intermediate(PckCa.PLATFORM), serial=4712)
    leaf = quote.signature.certification.data.split(b"-----END CERTIFICATE-----\n")[0]
    chain = leaf + b"-----END CERTIFICATE-----\n" + ca.pem + authority().root.pem
    certification = CertificationData(CertType.PCK_CHAIN, chain)
    changed = replace(quote, signature=replace(quote.signature, certification=certification))
    assert outcome(changed.to_bytes(), sample.collateral) is None
    error = refusal(changed.to_bytes(), revoking(sample.collateral, 4712))
    assert (error.reason, error.step) == (Reason.CERT_REVOKED, "pck_chain")


@both
def test_an_identity_of_a_revoked_signer_is_worth_nothing(sample: Sample) -> None:
    signer = another_signer(serial=4713)
    signature = signer_of(signer, sample.collateral.qe_identity)
    changed = replace(
        sample.collateral,
        qe_identity_signature=signature,
        qe_identity_issuer_chain=signer.pem + authority().root.pem,
    )
    assert outcome(sample.quote, changed) is None
    error = refusal(sample.quote, revoking(changed, 4713))
    assert (error.reason, error.step) == (Reason.CERT_REVOKED, "qe_identity")


def another_signer(serial: int) -> CertifiedKey:
    return certificate(
        authority().tcb_signing.certificate.subject,
        authority().root,
        usage=key_usage(is_ca=False),
        serial=serial,
    )


def signer_of(signer: CertifiedKey, content: bytes) -> bytes:
    made = replace(authority(), tcb_signing=signer)
    return made.sign(content).signature.hex().encode()


@both
@pytest.mark.parametrize("digits", [b"", b"zz" * 64, b"ab" * 63, b"ab" * 65, b"\xff" * 128])
@pytest.mark.parametrize("reason", [Reason.TCB_INFO_SIGNATURE, Reason.QE_IDENTITY_SIGNATURE])
def test_signatures_that_cannot_be_read_are_no_signatures(
    sample: Sample, reason: Reason, digits: bytes
) -> None:
    wrong: Any = digits
    error = refusal(sample.quote, replace(sample.collateral, **{reason.value: wrong}))
    assert error.reason is reason
    assert f"cannot be read: {len(digits)} characters" in error.message


@pytest.mark.parametrize(
    ("change", "what", "wanted", "found"),
    [
        ({"fmspc": "FFEEDDCCBBAA"}, "FMSPC", FMSPC, "FFEEDDCCBBAA"),
        ({"pceId": "ABCD"}, "PCEID", "0000", "ABCD"),
    ],
)
def test_a_mismatch_names_what_differs(
    change: dict[str, str], what: str, wanted: str, found: str
) -> None:
    changed = with_tcb_info(SGX.collateral, lambda document: document.update(change))
    error = refusal(SGX.quote, changed)
    assert error.reason is Reason.TCB_INFO_MISMATCH
    expected = f"TCB Info is for {what} {found}, the quote's platform has {wanted}"
    assert error.message == expected


def test_a_mismatch_of_the_tee_names_both() -> None:
    error = refusal(SGX.quote, TDX.collateral)
    assert error.message == "TCB Info is for id TDX, the quote's platform has SGX"


def test_a_revoked_tcb_names_the_revoked_part() -> None:
    def revoke(document: dict[str, Any]) -> None:
        for level in document["tcbLevels"]:
            level["tcbStatus"] = "Revoked"

    for changed, part in (
        (with_tcb_info(SGX.collateral, revoke), "its platform level"),
        (with_qe_identity(SGX.collateral, revoke), "its quoting enclave"),
    ):
        error = refusal(SGX.quote, changed)
        assert (error.reason, error.step) == (Reason.TCB_REVOKED, "tcb")
        assert error.message == f"TCB of platform {FMSPC} is revoked: {part}"


def test_a_key_is_forgotten_with_the_first_of_what_vouches_for_it() -> None:
    caches = Caches()
    check(SGX.quote, SGX.collateral, caches=caches)
    (name,) = caches.keys._entries  # noqa: SLF001 the name is not public
    leaf = Certificate.from_der(platform().pck.der)
    ends = min(
        leaf.not_after,
        authority().trusted_root.certificate.not_after,
        *(_next_update(SGX.collateral, ca) for ca in ("root", "pck")),
    )
    assert caches.keys.get(name, ends) is not None
    assert caches.keys.get(name, ends + 1) is None


def _next_update(collateral: Collateral, which: str) -> int:
    data = collateral.root_ca_crl if which == "root" else collateral.pck_crl
    found = x509.load_der_x509_crl(data).next_update_utc
    assert found is not None
    return int(found.timestamp())
