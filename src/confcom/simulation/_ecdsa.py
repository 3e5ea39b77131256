# SPDX-License-Identifier: Apache-2.0
"""P-256 keys and signatures in the encodings of quotes: 32-byte big-endian integers, no DER."""

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

_ALGORITHM = ECDSA(SHA256())


def new_key() -> EllipticCurvePrivateKey:
    """Return a fresh P-256 key."""
    return generate_private_key(SECP256R1())


def sign(key: EllipticCurvePrivateKey, data: bytes) -> bytes:
    """Return r ‖ s (64 bytes) of the signature over SHA-256(data)."""
    r, s = decode_dss_signature(key.sign(data, _ALGORITHM))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def public_point(key: EllipticCurvePrivateKey) -> bytes:
    """Return x ‖ y (64 bytes) of the public key."""
    numbers = key.public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
