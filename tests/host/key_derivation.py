"""HKDF, written a second time, to compare the product's derivation of keys with it."""

from hashlib import sha256
from hmac import digest


def expand(material: bytes, info: bytes, length: int) -> bytes:
    """Expand a key to at most 64 bytes by HKDF (RFC 5869)."""
    secret, block, out = digest(bytes(32), material, sha256), b"", b""
    for number in range(1, 3):
        block = digest(secret, block + info + bytes([number]), sha256)
        out += block
    return out[:length]
