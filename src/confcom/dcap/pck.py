# SPDX-License-Identifier: Apache-2.0
"""The SGX extension of PCK certificates (Intel SGX PCK Certificate and CRL profile, 1.5)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from confcom.dcap.certificates import Certificate
from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import DerElement, DerError, Tag, read_der

_PREFIX: Final = bytes.fromhex("2a864886f84d010d01")
"""Contents of OID 1.2.840.113741.1.13.1; each part's OID is this and one or two bytes."""
_MOST_PAIRS: Final = 32
_TCB_PAIRS: Final = 18
_CONFIGURATION_PAIRS: Final = 3


class PckCa(StrEnum):
    """Which intermediate issued a PCK certificate, in the words of the PCS interface."""

    PROCESSOR = "processor"
    PLATFORM = "platform"

    @classmethod
    def of_issuer(cls, common_name: str) -> "PckCa":
        """Tell the kind of CA from the issuer's common name.

        Raises:
            MalformedError: neither (reason ``cert_format``).
        """
        for ca in cls:
            if ca.value.capitalize() in common_name:
                return ca
        raise MalformedError(
            Reason.CERT_FORMAT, f'PCK issuer "{common_name}" is neither Platform nor Processor CA'
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PckExtension:
    """What a PCK certificate says of its platform.

    Attributes:
        ppid: 16 bytes.
        sgx_svns: 16 SVNs, 0 to 255; these decide the TCB level.
        pce_svn: 0 to 65535.
        cpu_svn: 16 raw bytes, not comparable.
        pce_id: 2 bytes as written.
        fmspc: 6 bytes.
        sgx_type: 0 standard, 1 scalable, 2 scalable with integrity.
        platform_instance_id: 16 bytes, from the Platform CA only.
        dynamic_platform: whether packages can be added, from the Platform CA only.
        cached_keys: whether the registration keys are kept by Intel, likewise.
        smt_enabled: whether hyper-threading is on, likewise.
    """

    ppid: bytes
    sgx_svns: tuple[int, ...]
    pce_svn: int
    cpu_svn: bytes
    pce_id: bytes
    fmspc: bytes
    sgx_type: int
    platform_instance_id: bytes | None = None
    dynamic_platform: bool | None = None
    cached_keys: bool | None = None
    smt_enabled: bool | None = None

    @classmethod
    def from_der(cls, data: bytes) -> Self:
        """Parse the extension's value.

        Raises:
            MalformedError: reason ``pck_extension``.
        """
        try:
            return cls(**_fields(_pairs(read_der(data), _PREFIX, most=_MOST_PAIRS)))  # type: ignore[arg-type]
        except DerError as exc:
            raise MalformedError(
                Reason.PCK_EXTENSION, f"cannot parse the SGX extension of a PCK certificate: {exc}"
            ) from exc


@dataclass(frozen=True, slots=True)
class PckCertificate:
    """A PCK certificate: the certificate, its SGX extension, which CA issued it."""

    certificate: Certificate
    extension: PckExtension
    ca: PckCa


def _pairs(element: DerElement, prefix: bytes, *, most: int) -> dict[int, DerElement]:
    found: dict[int, DerElement] = {}
    for pair in element.sequence(most=most):
        parts = pair.sequence(most=2)
        if len(parts) != 2:
            raise DerError(f"pair has {len(parts)} elements")
        oid = parts[0].object_identifier()
        if len(oid) != len(prefix) + 1 or not oid.startswith(prefix):
            raise DerError(f"object identifier {oid.hex()} is not known here")
        if oid[-1] in found:
            raise DerError(f"object identifier {oid.hex()} appears twice")
        found[oid[-1]] = parts[1]
    return found


def _take(pairs: dict[int, DerElement], number: int, name: str) -> DerElement:
    if number not in pairs:
        raise DerError(f"{name} is missing")
    return pairs[number]


def _fields(pairs: dict[int, DerElement]) -> dict[str, object]:
    tcb = _pairs(_take(pairs, 2, "TCB"), _PREFIX + b"\x02", most=_TCB_PAIRS)
    fields: dict[str, object] = {
        "ppid": _take(pairs, 1, "PPID").octets(16),
        "sgx_svns": tuple(
            _take(tcb, number, f"TCB component {number}").integer(largest=255)
            for number in range(1, 17)
        ),
        "pce_svn": _take(tcb, 17, "PCESVN").integer(largest=65535),
        "cpu_svn": _take(tcb, 18, "CPUSVN").octets(16),
        "pce_id": _take(pairs, 3, "PCEID").octets(2),
        "fmspc": _take(pairs, 4, "FMSPC").octets(6),
        "sgx_type": _take(pairs, 5, "SGX type").integer(largest=2, tag=Tag.ENUMERATED),
    }
    if 6 in pairs:
        fields["platform_instance_id"] = pairs[6].octets(16)
    if 7 in pairs:
        configuration = _pairs(pairs[7], _PREFIX + b"\x07", most=_CONFIGURATION_PAIRS)
        for number, name in enumerate(("dynamic_platform", "cached_keys", "smt_enabled"), start=1):
            if number in configuration:
                fields[name] = configuration[number].boolean()
    return fields
