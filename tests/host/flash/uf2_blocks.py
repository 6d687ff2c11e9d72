"""A decoder of UF2 files, written from the format's specification and not from the code that makes them."""

import struct


def decode(data: bytes) -> tuple[int, int, bytes]:
    """Return the family, the address and the bytes of a UF2 file whose blocks follow each other without gaps."""
    assert data
    assert len(data) % 512 == 0
    families, parts, expected = set(), [], None
    for index in range(len(data) // 512):
        block = data[index * 512 : (index + 1) * 512]
        magic, second, flags, address, size, number, count, family = struct.unpack_from("<8I", block)
        assert (magic, second, struct.unpack_from("<I", block, 508)[0]) == (0x0A324655, 0x9E5D5157, 0x0AB16F30)
        assert block[:4] == b"UF2\n"
        assert flags == 0x2000, "in flash, with a family, no checksum, no file name"
        assert (number, count) == (index, len(data) // 512)
        assert size <= 476
        assert expected in (None, address), "no gap"
        expected = address + size
        families.add(family)
        parts.append((address, block[32 : 32 + size]))
    (family,) = families
    return family, parts[0][0], b"".join(part for _, part in parts)
