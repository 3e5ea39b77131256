# SPDX-License-Identifier: Apache-2.0
"""P-256 keys and signatures as quotes carry them: fixed width, big-endian, no framing."""

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
ECDSA_SHA256_DIGEST: Final = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
"""For content that is hashed already, which costs a microsecond less."""

_ZERO: Final = bytes(32)
_ORDER: Final = ORDER.to_bytes(32, "big")
_CURVE: Final = ec.SECP256R1()


def der_signature(raw: bytes) -> bytes | None:
    """Return 64 bytes r ‖ s as DER, or None if r or s is 0 or not below the group order.

    SEC 1, version 2, C.5: a sequence of two integers.
    """
    r, s = raw[:32], raw[32:]
    if not (_ZERO < r < _ORDER and _ZERO < s < _ORDER):
        return None
    content = _integer(r) + _integer(s)
    return b"\x30%c%b" % (len(content), content)


def _integer(value: bytes) -> bytes:
    if value[0] & 0x80:  # integers are signed, these are positive
        return b"\x02\x21\0" + value
    digits = value.lstrip(b"\0")
    if digits[0] & 0x80:
        digits = b"\0" + digits
    return b"\x02%c%b" % (len(digits), digits)


def load_public_key(raw: bytes) -> ec.EllipticCurvePublicKey | None:
    """Return the key of 64 bytes x ‖ y, or None if the point is not on P-256."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, b"\x04" + raw)
    except ValueError:
        return None
