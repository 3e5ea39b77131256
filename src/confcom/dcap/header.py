# SPDX-License-Identifier: Apache-2.0
"""The first 48 bytes of every ECDSA quote (Intel SGX ECDSA Quote Library Reference, A.3)."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self, cast

from confcom.errors import MalformedError
from confcom.reasons import Reason
from confcom.wire import Field, Kind, Layout, LayoutError, Value

INTEL_QE_VENDOR: Final = bytes.fromhex("939a7233f79c4ca9940a0db3957f0607")


class QuoteVersion(IntEnum):
    """Quote format versions."""

    V3 = 3
    V4 = 4
    V5 = 5


class TeeType(IntEnum):
    """What the quote speaks of."""

    SGX = 0x00000000
    TDX = 0x00000081


class AttestationKeyType(IntEnum):
    """Algorithm of the attestation key; only P-256 is in use."""

    ECDSA_P256 = 2


def _version(value: Value) -> str:
    return "" if value in set(QuoteVersion) else "not supported"


def _key_type(value: Value) -> str:
    return "ECDSA P-256" if value == AttestationKeyType.ECDSA_P256 else "not supported"


def _tee_type(value: Value) -> str:
    return {0: "SGX", 0x81: "TDX"}.get(
        int.from_bytes(value) if isinstance(value, bytes) else value, "not supported"
    )


def _vendor(value: Value) -> str:
    return "Intel" if value == INTEL_QE_VENDOR else "not Intel"


HEADER = Layout(
    "quote header",
    48,
    Field("version", 0, 2, Kind.UINT, _version, doc="3, 4 or 5"),
    Field("att_key_type", 2, 2, Kind.UINT, _key_type, doc="2 = ECDSA P-256"),
    Field("tee_type", 4, 4, Kind.UINT, _tee_type, doc="0 = SGX, 0x81 = TDX"),
    Field(
        "qe_svn", 8, 2, Kind.UINT, doc="version 3: ISVSVN of the quoting enclave; later reserved"
    ),
    Field("pce_svn", 10, 2, Kind.UINT, doc="version 3: ISVSVN of the PCE; later reserved"),
    Field(
        "qe_vendor_id", 12, 16, describe=_vendor, doc="939a7233f79c4ca9940a0db3957f0607 is Intel"
    ),
    Field("user_data", 28, 20, doc="first 16 bytes: identifier of the quoting enclave"),
    cite="Intel SGX ECDSA Quote Library Reference, table A.3",
)


@dataclass(frozen=True, slots=True)
class Header:
    """Quote header.

    Attributes:
        version: 3, 4 or 5.
        att_key_type: 2, ECDSA with P-256.
        tee_type: SGX or TDX; version 3 knows SGX only.
        qe_svn: version 3: ISVSVN of the quoting enclave, informational; later: reserved.
        pce_svn: version 3: ISVSVN of the PCE, informational; later: reserved.
        qe_vendor_id: 16 bytes; Intel's is the only one accepted.
        user_data: 20 bytes; the first 16 are the QE id.
    """

    version: QuoteVersion
    att_key_type: AttestationKeyType
    tee_type: TeeType
    qe_svn: int
    pce_svn: int
    qe_vendor_id: bytes
    user_data: bytes

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse the first 48 bytes.

        Raises:
            MalformedError: too short, or a version, key type, TEE type or vendor that is
                not supported.
        """
        try:
            number, key_type, tee_type, qe_svn, pce_svn, qe_vendor_id, user_data = cast(
                "_Fields", HEADER.unpack(data)
            )
        except LayoutError as exc:
            raise MalformedError(Reason.QUOTE_FORMAT, f"cannot parse quote: {exc}") from exc
        version = _VERSIONS.get(number)
        if version is None:
            raise MalformedError(
                Reason.QUOTE_VERSION,
                f"quote version {number} is not supported; known are 3, 4, 5",
            )
        if key_type != _P256:
            raise MalformedError(
                Reason.ATT_KEY_TYPE,
                f"attestation key type {key_type} is not supported; 2 (ECDSA P-256) is",
                hint="EPID quotes (types 0 and 1) cannot be verified any more"
                if key_type in {0, 1}
                else None,
            )
        tee = _TEE_TYPES.get(tee_type)
        if tee is None or (tee is _TDX and version is _V3):
            raise MalformedError(
                Reason.TEE_TYPE, f"TEE type {tee_type:#x} is not supported in version {version}"
            )
        if qe_vendor_id != INTEL_QE_VENDOR:
            raise MalformedError(
                Reason.QE_VENDOR,
                f"QE vendor {qe_vendor_id.hex()} is not Intel ({INTEL_QE_VENDOR.hex()})",
            )
        return cls(version, _P256, tee, qe_svn, pce_svn, qe_vendor_id, user_data)

    def to_bytes(self) -> bytes:
        """Return the 48 bytes."""
        return HEADER.pack_attributes(self)


_Fields = tuple[int, int, int, int, int, bytes, bytes]
_VERSIONS: Final = {int(version): version for version in QuoteVersion}
_TEE_TYPES: Final = {int(tee): tee for tee in TeeType}
# Members fetched once: each access through its class costs Python 3.11 a quarter of a microsecond.
_P256: Final = AttestationKeyType.ECDSA_P256
_V3: Final = QuoteVersion.V3
_TDX: Final = TeeType.TDX
