"""The journal's decoder on any two slots: it never raises, accepts no wrong checksum, and can write the record that it read.

The first byte decides about the slots. Its bits 0 and 1 give a slot a valid magic, length and checksum, whatever the length of
a record is. Bits 2 and 3 leave a slot unwritten, 4 and 5 make it unreadable, 6 makes the second a copy of the first, and 7 then
damages one bit of the first. The rest are the slots' contents, in halves.
"""

import struct
from binascii import crc32

from dsc_firmware import journal
from dsc_simulator import Flash

_LAST_EPOCH = 0xFFFFFFFF


class Slots(Flash):
    """Two slots, of which some cannot be read."""

    unreadable: frozenset[int] = frozenset()

    def read(self, slot: int) -> bytes | None:
        if slot in self.unreadable:
            raise OSError(5)
        return super().read(slot)


def seal(content: bytes) -> bytes:
    """Return a whole record of the present length with a valid check."""
    body = bytearray(content.ljust(journal.SIZE, b"\0")[: journal.SIZE])
    body[:4] = b"DSC1"
    # Epochs begin with 1. No card lives long enough to reach the last epoch, which has no successor.
    epoch = max(struct.unpack_from("<I", body, 4)[0] % _LAST_EPOCH, 1)
    struct.pack_into("<I", body, 4, epoch)
    struct.pack_into("<I", body, journal.SIZE - 4, crc32(bytes(body[:-4])))
    return bytes(body)


def holds(content: bytes | None) -> bool:
    """Return whether a slot's check holds, computed independently."""
    return (
        content is not None
        and len(content) == journal.SIZE
        and content[:4] == b"DSC1"
        and content[-4:] == struct.pack("<I", crc32(content[:-4]))
    )


def damaged(content: bytes, at: int) -> bytes:
    altered = bytearray(content)
    altered[at % len(altered)] ^= 1 << at % 8
    return bytes(altered)


def slots_of(data: bytes) -> Slots:
    how, rest = (data[0] if data else 0), data[1:]
    halves: list[bytes] = [rest[: len(rest) // 2], rest[len(rest) // 2 :]]
    if how & 0x40:
        halves[1] = halves[0]
    contents = [seal(half) if how >> at & 1 else half for at, half in enumerate(halves)]
    if how & 0x80 and contents[0]:
        contents[0] = damaged(contents[0], at=len(rest))
    first, second = (None if how >> at & 4 else content for at, content in enumerate(contents))
    flash = Slots((first, second))
    flash.unreadable = frozenset(at for at in (0, 1) if how >> at & 0x10)
    return flash


def check(data: bytes) -> None:
    flash = slots_of(data)
    before = list(flash.slots)
    loaded = journal.Journal(flash)
    status = loaded.load()
    assert status == loaded.status
    good = [holds(content) for content in before]
    if status == journal.READY:
        assert any(good), "READY, and no slot's check holds"
    if status == journal.BROKEN:
        assert flash.slots == before, "a broken record was overwritten"
        assert flash.unreadable or not any(good)
        return
    for at in (0, 1):
        assert flash.slots[at] == before[at] or not good[at] or good[1 - at], "the only good slot was overwritten"
    _check_again(loaded, flash)


def _check_again(loaded: journal.Journal, flash: Slots) -> None:
    """Check that what was read can be written, and is then read unchanged."""
    assert loaded.sound()
    buffers = [bytearray(journal.SIZE), bytearray(journal.SIZE)]
    loaded.record.encode_into(buffers[0], 1)
    again = journal.Journal(Slots((bytes(buffers[0]), None)))
    assert again.load() == loaded.status
    again.record.encode_into(buffers[1], 1)
    assert buffers[0] == buffers[1]
