"""Derivation of a card's keys from random bytes of the host and of the card.

Promises:

- Keys are derived with HKDF-SHA256 (RFC 5869), so a key is as hard to guess as the better of the two random sources.
- A key depends on its purpose and on the card's serial. Keys for different purposes or serials reveal nothing about each other,
  even if they are derived from the same random bytes.
- The same inputs always give the same key. Nothing is stored.
"""

from __future__ import annotations

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dsc_host.errors import InputError
from dsc_host.link.records import check_serial

MIN_ENTROPY = 16
_LABELS = {"responses": b"dscplus card key 1\0", "unlocking": b"dscplus unlock key 1\0"}


def derive_key(host_entropy: bytes, card_entropy: bytes, serial: str, length: int = 32, *, purpose: str = "responses") -> bytes:
    """Return a key of `length` bytes (16 to 64) for the card `serial`.

    `host_entropy` and `card_entropy` are random bytes of the host and of the card, at least 16 of each. `purpose` is
    `responses` for the card's key, or `unlocking` for its unlock key, which must have 32 bytes. Both keys may be derived from
    the same random bytes. Raises InputError, which names the invalid argument.
    """
    if purpose not in _LABELS:
        raise InputError("purpose", f"must be {' or '.join(_LABELS)}")
    for side, entropy in (("host entropy", host_entropy), ("card entropy", card_entropy)):
        if len(entropy) < MIN_ENTROPY:
            raise InputError(side, f"must be at least {MIN_ENTROPY} bytes")
    if not 16 <= length <= 64:
        raise InputError("length", "must be 16 to 64 bytes")
    check_serial(serial)
    # The length in front separates the two inputs: if a byte moves from one input to the other, the key changes.
    material = len(host_entropy).to_bytes(4, "big") + host_entropy + card_entropy
    info = _LABELS[purpose] + serial.encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(material)
