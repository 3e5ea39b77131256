# SPDX-License-Identifier: Apache-2.0
"""PEM of strangers costs linear time: each of these took from seconds to hours before."""

import pytest
from tests.structures import quote_bytes

from confcom.attestation.inspection import inspect
from confcom.attestation.recognition import recognise
from confcom.dcap import BodyType, Crl, parse_pem_chain
from confcom.errors import MalformedError

CERTIFICATE = b"-----BEGIN CERTIFICATE-----\n"
LIST = b"-----BEGIN X509 CRL-----\n"

# What is linear takes milliseconds; what is quadratic cannot be done in this time.
pytestmark = pytest.mark.timeout(4)


@pytest.mark.parametrize(
    "chain",
    [
        CERTIFICATE + b"\n" * 65_000,
        CERTIFICATE + b"A \n" * 21_000,
        CERTIFICATE * 2_300,
        (CERTIFICATE + b" " * 100) * 500,
        b" " * 65_000 + CERTIFICATE,
    ],
)
def test_a_chain_of_blanks_is_refused_at_once(chain: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_pem_chain(chain)
    inspect(recognise(quote_bytes(3, BodyType.SGX, certification=chain[:60_000])))


@pytest.mark.parametrize(
    "text",
    [
        LIST + b"\n" * 1_000_000,
        LIST + b"A \n" * 340_000,
        b"\n" * 1_000_000 + LIST,
        LIST * 40_000,
        b" " * 1_000_000,
        b"a" * 1_000_000 + b" z",
    ],
)
def test_a_list_of_blanks_is_refused_at_once(text: bytes) -> None:
    with pytest.raises(MalformedError):
        Crl.from_bytes(text)
