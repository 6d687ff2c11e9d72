"""UF2 files, read by a decoder that knows the format's specification and nothing of how they are made."""

import struct

import pytest

from dsc_host.flash.uf2 import uf2


def decode(data: bytes) -> tuple[int, int, bytes]:
    """The family, the address and the bytes of a UF2 file whose blocks follow each other without a gap."""
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


def test_what_goes_in_comes_out() -> None:
    data = bytes(range(256)) * 5
    assert decode(uf2(data, 0x100A0000, 0xE48BFF56)) == (0xE48BFF56, 0x100A0000, data)


def test_each_block_carries_a_flash_page() -> None:
    # The Pico's boot ROM ignores any other size, and an address that is not a page's.
    made = uf2(bytes(512), 0x10000000, 1)
    assert [struct.unpack_from("<I", made, at + 16)[0] for at in (0, 512)] == [256, 256]


@pytest.mark.parametrize(("size", "address"), [(0, 0), (255, 0), (257, 0), (256, 0x80)])
def test_what_is_no_whole_number_of_pages_is_refused(size: int, address: int) -> None:
    with pytest.raises(ValueError, match="multiples of 256"):
        uf2(bytes(size), address, 1)
