"""HKDF, to compare the product's derivation of keys with."""

from hashlib import sha256
from hmac import digest


def expand(material: bytes, info: bytes, length: int) -> bytes:
    """Expand a key by HKDF of RFC 5869, written down a second time; up to 64 bytes."""
    secret, block, out = digest(bytes(32), material, sha256), b"", b""
    for number in range(1, 3):
        block = digest(secret, block + info + bytes([number]), sha256)
        out += block
    return out[:length]
