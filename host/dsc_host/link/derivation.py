"""The card's keys, made from the entropy of both sides.

Promises: HKDF-SHA256 (RFC 5869), so that the key is as good as the better of the two sources, bound to its purpose and
to the card's serial: of two keys made from the same bytes, one tells nothing of the other. The same inputs always give
the same key; nothing is kept.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dsc_host.errors import InputError
from dsc_host.link.records import check_serial

MIN_ENTROPY = 16
_LABELS = {"responses": b"dscplus card key 1\0", "unlocking": b"dscplus unlock key 1\0"}


def derive_key(host_entropy: bytes, card_entropy: bytes, serial: str, length: int = 32, *, purpose: str = "responses") -> bytes:
    """A key of `length` bytes (16 to 64) for the card `serial`.

    Each side gives at least 16 bytes. `purpose`: `responses` for the card's key, `unlocking` for its unlock key, which
    is 32 bytes long; both may be made from the same bytes. Raises InputError, which names the part at fault.
    """
    if purpose not in _LABELS:
        raise InputError("purpose", f"must be {' or '.join(_LABELS)}")
    for side, entropy in (("host entropy", host_entropy), ("card entropy", card_entropy)):
        if len(entropy) < MIN_ENTROPY:
            raise InputError(side, f"must be at least {MIN_ENTROPY} bytes")
    if not 16 <= length <= 64:
        raise InputError("length", "must be 16 to 64 bytes")
    check_serial(serial)
    # The length keeps the two sides apart: no byte can move from one to the other and leave the key as it was.
    material = len(host_entropy).to_bytes(4, "big") + host_entropy + card_entropy
    info = _LABELS[purpose] + serial.encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(material)
