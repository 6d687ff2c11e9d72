"""UF2 files, for boards that appear as a USB drive. Each block of a file has its own target address."""

import struct

BLOCK_BYTES = 512
PAYLOAD_BYTES = 256

_FIRST_MAGIC = 0x0A324655
_SECOND_MAGIC = 0x9E5D5157
_LAST_MAGIC = 0x0AB16F30
_HAS_FAMILY = 0x2000
_HEADER = struct.Struct("<8I")
_ROOM = BLOCK_BYTES - _HEADER.size - 4


def uf2(data: bytes, address: int, family: int) -> bytes:
    """Return the UF2 file that writes `data` to `address` on boards of this family.

    The length of `data` and the address must be multiples of 256 bytes. Raises `ValueError` if they are not, or if `data` is
    empty.
    """
    if not data or len(data) % PAYLOAD_BYTES or address % PAYLOAD_BYTES:
        raise ValueError(f"data and address must be multiples of {PAYLOAD_BYTES}")
    count = len(data) // PAYLOAD_BYTES
    return b"".join(
        _block(data[start : start + PAYLOAD_BYTES], address + start, number, count, family)
        for number, start in enumerate(range(0, len(data), PAYLOAD_BYTES))
    )


def _block(payload: bytes, address: int, number: int, count: int, family: int) -> bytes:
    header = _HEADER.pack(_FIRST_MAGIC, _SECOND_MAGIC, _HAS_FAMILY, address, len(payload), number, count, family)
    return header + payload.ljust(_ROOM, b"\0") + _LAST_MAGIC.to_bytes(4, "little")
