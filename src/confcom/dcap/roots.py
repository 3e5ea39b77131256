# SPDX-License-Identifier: Apache-2.0
"""Roots of trust: Intel's, which is built in, and those that a caller names."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Self

from confcom.dcap.certificates import Certificate, parse_pem_chain
from confcom.errors import MalformedError
from confcom.reasons import Reason

SIMULATED: Final = "SIMULATED"

INTEL_SGX_ROOT_CA_PEM: Final = b"""-----BEGIN CERTIFICATE-----
MIICjzCCAjSgAwIBAgIUImUM1lqdNInzg7SVUr9QGzknBqwwCgYIKoZIzj0EAwIw
aDEaMBgGA1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENv
cnBvcmF0aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJ
BgNVBAYTAlVTMB4XDTE4MDUyMTEwNDUxMFoXDTQ5MTIzMTIzNTk1OVowaDEaMBgG
A1UEAwwRSW50ZWwgU0dYIFJvb3QgQ0ExGjAYBgNVBAoMEUludGVsIENvcnBvcmF0
aW9uMRQwEgYDVQQHDAtTYW50YSBDbGFyYTELMAkGA1UECAwCQ0ExCzAJBgNVBAYT
AlVTMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEC6nEwMDIYZOj/iPWsCzaEKi7
1OiOSLRFhWGjbnBVJfVnkY4u3IjkDYYL0MxO4mqsyYjlBalTVYxFP2sJBK5zlKOB
uzCBuDAfBgNVHSMEGDAWgBQiZQzWWp00ifODtJVSv1AbOScGrDBSBgNVHR8ESzBJ
MEegRaBDhkFodHRwczovL2NlcnRpZmljYXRlcy50cnVzdGVkc2VydmljZXMuaW50
ZWwuY29tL0ludGVsU0dYUm9vdENBLmRlcjAdBgNVHQ4EFgQUImUM1lqdNInzg7SV
Ur9QGzknBqwwDgYDVR0PAQH/BAQDAgEGMBIGA1UdEwEB/wQIMAYBAf8CAQEwCgYI
KoZIzj0EAwIDSQAwRgIhAOW/5QkR+S9CiSDcNoowLuPRLsWGf/Yi7GSX94BgwTwg
AiEA4J0lrHoMs+Xo5o/sX6O9QWxHRAvZUGOdRQ7cvqRXaqI=
-----END CERTIFICATE-----
"""


@dataclass(frozen=True, slots=True)
class TrustedRoot:
    """A root certificate that the caller trusts.

    Its key and subject are what is pinned: issuers re-issue certificates under the same key, so
    whole certificates are never compared. Dates and key are always those of this copy.
    """

    certificate: Certificate

    @classmethod
    def from_pem(cls, data: bytes) -> Self:
        """Parse the one certificate of a PEM file.

        Raises:
            MalformedError: not exactly one certificate, or not a certification authority that
                issued itself (reason ``cert_format``).
        """
        certificates = parse_pem_chain(data, most=2)
        if len(certificates) != 1:
            raise MalformedError(
                Reason.CERT_FORMAT,
                f"root file holds {len(certificates)} certificates, expected one",
            )
        certificate = certificates[0]
        if certificate.issuer != certificate.subject or not certificate.is_ca:
            raise MalformedError(
                Reason.CERT_FORMAT,
                f'certificate "{certificate.subject_cn}" is no root: a root is a certification '
                "authority that issued itself",
            )
        return cls(certificate)

    @property
    def name(self) -> str:
        """The common name of the root."""
        return self.certificate.subject_cn

    @property
    def is_simulated(self) -> bool:
        """Whether the root says of itself that its platforms are software."""
        return SIMULATED in self.certificate.subject_cn


@lru_cache(maxsize=1)
def intel_root() -> TrustedRoot:
    """Return the Intel SGX Root CA, the default root of trust."""
    return TrustedRoot.from_pem(INTEL_SGX_ROOT_CA_PEM)
