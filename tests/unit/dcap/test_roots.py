# SPDX-License-Identifier: Apache-2.0
"""Roots of trust: Intel's is built in and pinned; others are one self-issued authority."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import load_pem_x509_certificate
from tests.forging import certificate
from tests.simulated import authority, platform

from confcom.dcap import INTEL_SGX_ROOT_CA_PEM, TrustedRoot, intel_root
from confcom.errors import MalformedError
from confcom.reasons import Reason

ROOT = authority().root


def test_the_built_in_root_is_intels() -> None:
    root = intel_root()
    assert root.name == "Intel SGX Root CA"
    assert not root.is_simulated
    assert root is intel_root()
    expected = "44a0196b2b99f889b8e149e95b807a350e7424964399e885a7cbb8ccfab674d3"
    assert root.certificate.fingerprint.hex() == expected
    parsed = load_pem_x509_certificate(INTEL_SGX_ROOT_CA_PEM)
    assert parsed.fingerprint(hashes.SHA256()).hex() == expected
    key = "a0af031289f5d5d4132f9186068a7fc13628633ba235777472e29b6b6c67a49e"
    assert root.certificate.spki_sha256.hex() == key


def test_a_simulated_root_says_so() -> None:
    root = TrustedRoot.from_pem(ROOT.pem)
    assert root.is_simulated
    assert "SIMULATED" in root.name


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no PEM certificate"),
        (ROOT.der, "no PEM certificate"),
        (ROOT.pem + ROOT.pem, "holds 2 certificates"),
        (ROOT.pem * 3, "more than 2"),
        (platform().pck_chain, "more than 2"),
        (authority().platform_ca.pem, "is no root"),
        (platform().pck.pem, "is no root"),
        (certificate("alone").pem, "is no root"),
    ],
    ids=range(8),
)
def test_refuses_what_is_no_root(data: bytes, words: str) -> None:
    with pytest.raises(MalformedError) as caught:
        TrustedRoot.from_pem(data)
    assert caught.value.reason is Reason.CERT_FORMAT
    assert words in caught.value.message or words == "no PEM certificate"
