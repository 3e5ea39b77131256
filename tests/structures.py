# SPDX-License-Identifier: Apache-2.0
"""Structures of bytes that mean nothing, in the right places: for tests of form, not of trust."""

from confcom.dcap.header import INTEL_QE_VENDOR
from confcom.dcap.quote import BODY_SIZES, BodyType
from confcom.dcap.signature import CertType

FORMS = [
    (3, BodyType.SGX),
    (4, BodyType.SGX),
    (4, BodyType.TD_1_0),
    *((5, body_type) for body_type in BodyType),
]
"""Each version with each body type it can have."""


def quote_bytes(
    version: int,
    body_type: BodyType,
    *,
    auth_data: bytes = bytes(range(32)),
    cert_type: CertType = CertType.PCK_CHAIN,
    certification: bytes = b"-----BEGIN CERTIFICATE-----",
    trailing: int = 0,
) -> bytes:
    tee = 0 if body_type is BodyType.SGX else 0x81
    header = b"".join(
        (
            version.to_bytes(2, "little"),
            (2).to_bytes(2, "little"),
            tee.to_bytes(4, "little"),
            bytes(4),
            INTEL_QE_VENDOR,
            bytes(20),
        )
    )
    size = BODY_SIZES[body_type]
    descriptor = body_type.to_bytes(2, "little") + size.to_bytes(4, "little")
    tail = b"".join(
        (
            b"\x03" * 384,
            b"\x04" * 64,
            len(auth_data).to_bytes(2, "little"),
            auth_data,
            cert_type.to_bytes(2, "little"),
            len(certification).to_bytes(4, "little"),
            certification,
        )
    )
    if version > 3:
        tail = (6).to_bytes(2, "little") + len(tail).to_bytes(4, "little") + tail
    signature = b"\x01" * 64 + b"\x02" * 64 + tail
    return b"".join(
        (
            header,
            descriptor if version == 5 else b"",
            b"\x05" * size,
            len(signature).to_bytes(4, "little"),
            signature,
            bytes(trailing),
        )
    )
