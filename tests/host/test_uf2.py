"""UF2 files, read by a decoder that knows the format's specification and nothing of how they are made."""

import struct

import pytest
from tests.host.uf2_blocks import decode

from dsc_host.flash.uf2 import uf2


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
