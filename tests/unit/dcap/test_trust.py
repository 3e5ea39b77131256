# SPDX-License-Identifier: Apache-2.0
"""Chains: chosen by name, verified under the pinned root, refused for everything else."""

from dataclasses import replace
from itertools import permutations

import pytest
from tests.forging import certificate, check, key_usage, name, outcome, sgx_extension
from tests.simulated import AT, REPORT_DATA, Sample, authority, platform, sgx

from confcom.dcap import CertType, PckCa, TrustedRoot, intel_root
from confcom.reasons import Reason
from confcom.simulation import (
    CertifiedKey,
    Enclave,
    encode_pck_extension,
    issue_authority,
    make_authority,
)

ROOT, CA, SIGNING = authority().root, authority().platform_ca, authority().tcb_signing
PCK = platform().pck
FOREIGN = make_authority(at=AT)
SAMPLE = sgx()


def quote_with(chain: bytes, cert_type: CertType = CertType.PCK_CHAIN) -> bytes:
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    report = enclave.ereport(platform().qe_target_info, REPORT_DATA)
    return platform().quote_sgx(report, chain=chain, cert_type=cert_type)


def with_chain(*keys: CertifiedKey) -> Reason | None:
    return outcome(quote_with(b"".join(key.pem for key in keys)), SAMPLE.collateral)


def leaf(
    issuer: CertifiedKey = CA,
    *,
    common_name: str = "SIMULATED SGX PCK Certificate",
    extension: bytes | None = None,
    **options: object,
) -> CertifiedKey:
    value = encode_pck_extension(platform().extension) if extension is None else extension
    return certificate(common_name, issuer, extra=(sgx_extension(value),), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_order_does_not_matter(order: tuple[int, ...]) -> None:
    keys = (PCK, CA, ROOT)
    assert with_chain(*(keys[index] for index in order)) is None


def test_the_root_may_be_left_out() -> None:
    assert with_chain(PCK, CA) is None
    assert with_chain(CA, PCK) is None


def test_an_older_issue_of_the_root_is_the_root() -> None:
    older = issue_authority(
        "SIMULATED SGX Root CA", issuer=None, path_length=1, not_before=AT, not_after=AT
    )
    same_key = CertifiedKey(
        ROOT.key,
        certificate(
            ROOT.certificate.subject,
            ROOT,
            is_ca=True,
            public_key=ROOT.key.public_key(),
        ).certificate,
    )
    assert same_key.der != ROOT.der
    assert with_chain(PCK, CA, same_key) is None
    assert with_chain(PCK, CA, older) is Reason.UNTRUSTED_ROOT


FORGED_ROOT = certificate(ROOT.certificate.subject, is_ca=True)
FORGED_CA = certificate(CA.certificate.subject, ROOT, is_ca=True)
SELF_MADE_CA = certificate(
    CA.certificate.subject, certificate(ROOT.certificate.subject, is_ca=True), is_ca=True
)


@pytest.mark.parametrize(
    ("chain", "reasons"),
    [
        ((), {Reason.CERT_FORMAT}),
        ((PCK,), {Reason.PCK_CHAIN}),
        ((CA,), {Reason.PCK_CHAIN}),
        ((ROOT,), {Reason.PCK_CHAIN}),
        ((CA, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, PCK, CA, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, CA, CA, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, CA, ROOT, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, SIGNING, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, authority().processor_ca, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, CA, FOREIGN.root), {Reason.UNTRUSTED_ROOT}),
        ((PCK, CA, FORGED_ROOT), {Reason.UNTRUSTED_ROOT}),
        ((PCK, FOREIGN.platform_ca, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, SELF_MADE_CA, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, FORGED_CA, ROOT), {Reason.PCK_CHAIN}),
        ((leaf(FORGED_CA), CA, ROOT), {Reason.PCK_CHAIN}),
        ((leaf(FOREIGN.platform_ca), CA, ROOT), {Reason.PCK_CHAIN}),
        ((leaf(common_name="SIMULATED SGX Other"), CA, ROOT), {Reason.PCK_CHAIN}),
        ((leaf(is_ca=True), CA, ROOT), {Reason.PCK_CHAIN}),
        ((leaf(usage=key_usage(is_ca=False, data=False)), CA, ROOT), {Reason.PCK_CHAIN}),
        ((certificate("SGX PCK Certificate", CA), CA, ROOT), {Reason.PCK_EXTENSION}),
        ((leaf(extension=b""), CA, ROOT), {Reason.PCK_EXTENSION}),
        ((leaf(extension=b"\x30\x00"), CA, ROOT), {Reason.PCK_EXTENSION}),
        ((leaf(), CA, ROOT), {Reason.QE_REPORT_SIGNATURE}),
        ((leaf(ROOT), ROOT), {Reason.PCK_CHAIN}),
        ((PCK, *(CA,) * 6, ROOT), {Reason.PCK_CHAIN}),
        ((PCK, *(CA,) * 48, ROOT), {Reason.CERT_FORMAT}),
    ],
)
def test_refuses_chains(chain: tuple[CertifiedKey, ...], reasons: set[Reason]) -> None:
    assert with_chain(*chain) in reasons


def test_refuses_an_intermediate_that_is_no_authority() -> None:
    plain = certificate("SIMULATED SGX PCK Platform CA", ROOT)
    assert with_chain(leaf(plain), plain, ROOT) is Reason.PCK_CHAIN


def test_refuses_an_intermediate_of_an_unknown_kind() -> None:
    other = certificate("SIMULATED SGX PCK Cloud CA", ROOT, is_ca=True)
    assert with_chain(leaf(other), other, ROOT) is Reason.CERT_FORMAT


def test_refuses_two_certificates_that_issue_each_other() -> None:
    one = certificate("SIMULATED SGX PCK Certificate", issuer_name=name("SIMULATED PCK Platform"))
    other = certificate("SIMULATED PCK Platform", issuer_name=one.certificate.subject, is_ca=True)
    assert with_chain(one, other) is Reason.UNTRUSTED_ROOT
    assert with_chain(one, other, ROOT) is Reason.UNTRUSTED_ROOT


def test_refuses_a_chain_to_another_root() -> None:
    stranger = FOREIGN.add_platform(at=AT)
    assert outcome(quote_with(stranger.pck_chain), SAMPLE.collateral) is Reason.UNTRUSTED_ROOT
    without = stranger.pck.pem + FOREIGN.platform_ca.pem
    assert outcome(quote_with(without), SAMPLE.collateral) is Reason.PCK_CHAIN


# The rest of the chain from outside


@pytest.mark.parametrize(
    "cert_type",
    [CertType.PPID_CLEAR, CertType.PPID_RSA2048, CertType.PPID_RSA3072, CertType.PCK_LEAF],
)
def test_a_chain_from_outside_completes_what_the_quote_lacks(cert_type: CertType) -> None:
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    report = enclave.ereport(platform().qe_target_info, REPORT_DATA)
    quote = platform().quote_sgx(report, cert_type=cert_type)
    outside = replace(SAMPLE.collateral, pck_certificate_chain=platform().pck_chain)
    assert outcome(quote, outside) is None
    assert outcome(quote, SAMPLE.collateral) is Reason.PCK_MISSING
    other = authority().add_platform(at=AT)
    wrong = replace(SAMPLE.collateral, pck_certificate_chain=other.pck_chain)
    assert outcome(quote, wrong) in {Reason.QE_REPORT_SIGNATURE, Reason.PCK_CHAIN}
    for broken in (b"", b"nonsense", ROOT.der):
        broken_chain = replace(SAMPLE.collateral, pck_certificate_chain=broken)
        assert outcome(quote, broken_chain) is Reason.CERT_FORMAT


def test_a_leaf_in_the_quote_must_parse() -> None:
    outside = replace(SAMPLE.collateral, pck_certificate_chain=platform().pck_chain)
    assert outcome(quote_with(b"", CertType.PCK_LEAF), outside) is Reason.CERT_FORMAT
    assert outcome(quote_with(CA.pem, CertType.PCK_LEAF), outside) is None


def test_a_chain_in_the_quote_is_not_replaced_by_one_from_outside() -> None:
    outside = replace(SAMPLE.collateral, pck_certificate_chain=platform().pck_chain)
    assert outcome(quote_with(PCK.pem), outside) is Reason.PCK_CHAIN


# Issuer chains of documents and lists

DOCUMENT_CHAINS = ("tcb_info_issuer_chain", "qe_identity_issuer_chain")


@pytest.mark.parametrize("member", DOCUMENT_CHAINS)
@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ((SIGNING, ROOT), None),
        ((ROOT, SIGNING), None),
        ((SIGNING,), None),
        ((ROOT,), Reason.CERT_FORMAT),
        ((SIGNING, SIGNING, ROOT), Reason.CERT_FORMAT),
        ((SIGNING, ROOT, ROOT), Reason.PCK_CHAIN),
        ((CA, ROOT), Reason.CERT_FORMAT),
        ((PCK, CA, ROOT), Reason.CERT_FORMAT),
        ((PCK, ROOT), Reason.UNTRUSTED_ROOT),
        ((SIGNING, FOREIGN.root), Reason.UNTRUSTED_ROOT),
        ((FOREIGN.tcb_signing, FOREIGN.root), Reason.UNTRUSTED_ROOT),
        ((FOREIGN.tcb_signing, ROOT), Reason.CERT_SIGNATURE),
        ((certificate("SGX TCB Signing", ROOT, is_ca=True), ROOT), Reason.CERT_FORMAT),
        (
            (
                certificate(
                    "SGX TCB Signing", ROOT, usage=key_usage(is_ca=False, data=False)
                ),
                ROOT,
            ),
            Reason.CERT_FORMAT,
        ),
        ((certificate("SGX TCB Other", ROOT), ROOT), Reason.CERT_FORMAT),
    ],
)  # fmt: skip
def test_documents_are_signed_by_tcb_signing_alone(
    member: str, chain: tuple[CertifiedKey, ...], reason: Reason | None
) -> None:
    pem = b"".join(key.pem for key in chain)
    assert outcome(SAMPLE.quote, replace(SAMPLE.collateral, **{member: pem})) is reason


@pytest.mark.parametrize(
    ("member", "reason"),
    [
        (DOCUMENT_CHAINS[0], Reason.TCB_INFO_SIGNATURE),
        (DOCUMENT_CHAINS[1], Reason.QE_IDENTITY_SIGNATURE),
    ],
)  # fmt: skip
def test_refuses_documents_that_another_tcb_signing_key_signed(member: str, reason: Reason) -> None:
    other = certificate("SIMULATED SGX TCB Signing", ROOT).pem + ROOT.pem
    assert outcome(SAMPLE.quote, replace(SAMPLE.collateral, **{member: other})) is reason


@pytest.mark.parametrize(
    ("chain", "reason"),
    [
        ((CA, ROOT), None),
        ((ROOT, CA), None),
        ((CA,), None),
        ((ROOT,), Reason.CERT_FORMAT),
        ((SIGNING, ROOT), Reason.CERT_FORMAT),
        ((PCK, CA, ROOT), Reason.CERT_FORMAT),
        ((authority().processor_ca, ROOT), Reason.CRL_ISSUER),
        ((FOREIGN.platform_ca, FOREIGN.root), Reason.UNTRUSTED_ROOT),
        ((FOREIGN.platform_ca, ROOT), Reason.CERT_SIGNATURE),
        ((FORGED_CA, ROOT), Reason.CRL_SIGNATURE),
        ((certificate("SIMULATED Platform", ROOT), ROOT), Reason.CRL_ISSUER),
    ],
)
def test_the_pck_list_is_signed_by_a_pck_ca(
    chain: tuple[CertifiedKey, ...], reason: Reason | None
) -> None:
    pem = b"".join(key.pem for key in chain)
    assert outcome(SAMPLE.quote, replace(SAMPLE.collateral, pck_crl_issuer_chain=pem)) is reason


# Roots


def test_a_simulated_root_needs_consent() -> None:
    assert outcome(SAMPLE.quote, SAMPLE.collateral) is None
    refused = outcome(SAMPLE.quote, SAMPLE.collateral, allow_simulated=False)
    assert refused is Reason.SIMULATED_ROOT


@pytest.mark.parametrize("allow", [True, False])
def test_consent_alone_does_not_trust_a_simulated_root(allow: bool) -> None:
    refused = outcome(SAMPLE.quote, SAMPLE.collateral, root=intel_root(), allow_simulated=allow)
    assert refused is Reason.SIMULATED_ROOT


def test_another_root_of_the_same_name_is_another_root() -> None:
    root = TrustedRoot.from_pem(FOREIGN.root.pem)
    assert root.certificate.subject == authority().trusted_root.certificate.subject
    assert outcome(SAMPLE.quote, SAMPLE.collateral, root=root) is Reason.UNTRUSTED_ROOT


def test_the_processor_ca_serves_its_own_platforms() -> None:
    host = authority().add_platform(at=AT, ca=PckCa.PROCESSOR)
    enclave = Enclave(mr_enclave=b"\xe0" * 32, mr_signer=b"\x51" * 32)
    quote = host.quote_sgx(enclave.ereport(host.qe_target_info, REPORT_DATA))
    sample = Sample(quote=quote, collateral=authority().collateral(host, at=AT))
    assert check(sample.quote, sample.collateral).pck.ca is PckCa.PROCESSOR
    assert outcome(sample.quote, SAMPLE.collateral) is Reason.CRL_ISSUER
