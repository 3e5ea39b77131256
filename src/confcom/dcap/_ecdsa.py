# SPDX-License-Identifier: Apache-2.0
"""P-256 keys and signatures as quotes carry them: fixed width, big-endian, no framing."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, utils

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_CURVE: Final = ec.SECP256R1()


def der_signature(raw: bytes) -> bytes | None:
    """Return 64 bytes r ‖ s as DER, or None if r or s is 0 or not below the group order."""
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    if not (0 < r < ORDER and 0 < s < ORDER):
        return None
    return utils.encode_dss_signature(r, s)


def load_public_key(raw: bytes) -> ec.EllipticCurvePublicKey | None:
    """Return the key of 64 bytes x ‖ y, or None if the point is not on P-256."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + raw)
    except ValueError:
        return None
