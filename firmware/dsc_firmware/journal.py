"""The card's single record, stored so that nothing is lost and no counter is used twice.

Four promises, even if the power fails at any instruction:
1. After the next start, the record is either the complete old record or the complete new record.
2. The next counter is stored before a response is shown. So no two responses of a card have the same counter.
3. A PIN try is counted, stored and read back before the PIN is compared. A right PIN resets the count. So a power cut never
   gives an extra try. Unlock codes are counted in the same way, and a power cut does not shorten the wait after a wrong code.
4. If both slots were written and neither has a valid checksum, the card is BROKEN. The slots are not changed until the owner
   agrees to a wipe.

Method: the record is written to the older of two slots, with an epoch and a CRC-32, and read back. The epoch is a number that
grows with each write. The valid slot with the higher epoch is the record. `load` repairs the other slot, if it can read and
write the flash. After that, both slots hold a record with a key, or both hold a record without a key, or neither holds a valid
record. A write that is interrupted makes one slot invalid, so two slots that were written and are invalid mean real damage.
"""

import struct
from binascii import crc32

from .ports import const, wipe

SIZE = const(209)
SERIAL_MAX = const(16)
SUITE_MAX = const(48)
KEY_MAX = const(64)
CODE_SIZE = const(16)
UNLOCK_SIZE = const(32)
UNLOCKS = const(10)

BLANK = const(0)
READY = const(1)
BROKEN = const(2)

# magic, epoch, kind, checks_pin, tries, failures, serial, suite and key lengths, can_unlock, unlock_failures, asked, counter
_HEAD = "<4sIBBBBBBBBBIQ"
_MAGIC = b"DSC1"
_AT_KIND = const(8)
_AT_SERIAL = const(29)
_AT_SUITE = const(45)
_AT_KEY = const(93)
_AT_CODE = const(157)
_AT_UNLOCK = const(173)
_AT_CRC = const(205)


class Record:
    """The card's stored data, in buffers of a fixed size.

    `checks_pin` means that the card compares the keyed digest of a typed PIN with `code`, and locks after `tries` failures.
    `counter` is the next counter to use. If `can_unlock` is true, a locked card accepts `unlocks` more codes, which are made
    with `unlock_key`. `asked` is the open unlock challenge plus 1, or 0 if none is open.
    """

    def __init__(self):
        self._serial = bytearray(SERIAL_MAX)
        self._suite = bytearray(SUITE_MAX)
        self._key = bytearray(KEY_MAX)
        self.code = bytearray(CODE_SIZE)
        self.unlock_key = bytearray(UNLOCK_SIZE)
        self.clear()

    def clear(self):
        """Reset all data, and overwrite the buffers."""
        for buffer in (self._serial, self._suite, self._key, self.code, self.unlock_key):
            wipe(buffer)
        self._lengths = (0, 0, 0)
        self.checks_pin = False
        self.tries = 5
        self.failures = 0
        self.can_unlock = False
        self.unlock_failures = 0
        self.asked = 0
        self.counter = 0

    def assign(self, serial, suite, key):
        """Set the serial, the suite and the key. Each argument is a buffer that is not longer than its field."""
        for field, value in ((self._serial, serial), (self._suite, suite), (self._key, key)):
            wipe(field)
            field[: len(value)] = value
        self._lengths = (len(serial), len(suite), len(key))

    @property
    def blank(self):
        """Return whether the card holds no key."""
        return self._lengths[2] == 0

    @property
    def locked(self):
        """Return whether all PIN tries are used."""
        return self.checks_pin and self.failures >= self.tries

    @property
    def unlocks(self):
        """Return the number of unlock codes that the card still accepts."""
        return max(UNLOCKS - self.unlock_failures, 0) if self.can_unlock else 0

    @property
    def serial(self):
        """Return the serial as a view of ASCII."""
        return memoryview(self._serial)[: self._lengths[0]]

    @property
    def suite(self):
        """Return the suite as a view of ASCII."""
        return memoryview(self._suite)[: self._lengths[1]]

    @property
    def key(self):
        """Return the key as a view."""
        return memoryview(self._key)[: self._lengths[2]]

    def encode_into(self, buffer, epoch):
        """Fill `buffer`, which has SIZE bytes, with the record, the epoch and, at the end, the checksum."""
        wipe(buffer)
        struct.pack_into(
            _HEAD,
            buffer,
            0,
            _MAGIC,
            epoch,
            0 if self.blank else 1,
            1 if self.checks_pin else 0,
            self.tries,
            self.failures,
            *self._lengths,
            1 if self.can_unlock else 0,
            self.unlock_failures,
            self.asked,
            self.counter,
        )
        buffer[_AT_SERIAL:_AT_SUITE] = self._serial
        buffer[_AT_SUITE:_AT_KEY] = self._suite
        buffer[_AT_KEY:_AT_CODE] = self._key
        buffer[_AT_CODE:_AT_UNLOCK] = self.code
        buffer[_AT_UNLOCK:_AT_CRC] = self.unlock_key
        struct.pack_into("<I", buffer, _AT_CRC, _check(buffer))

    def decode(self, buffer):
        """Load the record from `buffer`, the contents of a slot. Their checksum must be valid: see `epoch_of`."""
        fields = struct.unpack_from(_HEAD, buffer, 0)
        self.checks_pin = fields[3] == 1
        self.tries = fields[4]
        self.failures = fields[5]
        self._lengths = (fields[6], fields[7], fields[8])
        self.can_unlock = fields[9] == 1
        self.unlock_failures, self.asked, self.counter = fields[10], fields[11], fields[12]
        self._serial[:] = buffer[_AT_SERIAL:_AT_SUITE]
        self._suite[:] = buffer[_AT_SUITE:_AT_KEY]
        self._key[:] = buffer[_AT_KEY:_AT_CODE]
        self.code[:] = buffer[_AT_CODE:_AT_UNLOCK]
        self.unlock_key[:] = buffer[_AT_UNLOCK:_AT_CRC]


def _check(buffer):
    return crc32(memoryview(buffer)[:_AT_CRC])


def epoch_of(data):
    """Return the epoch in the contents of a slot, or -1 if the contents are missing, truncated or otherwise invalid."""
    if data is None or len(data) != SIZE or bytes(data[:4]) != _MAGIC:
        return -1
    if struct.unpack_from("<I", data, _AT_CRC)[0] != _check(data):
        return -1
    return struct.unpack_from("<I", data, 4)[0]


class Journal:
    """The record in its two slots. `status` is BLANK, READY or BROKEN. While it is BROKEN, call no method but `erase`."""

    def __init__(self, flash):
        self._flash = flash
        self._buffer = bytearray(SIZE)
        self.record = Record()
        self._slot = 1
        self._epoch = 0
        self.status = BROKEN

    def load(self):
        """Read both slots, load the newest valid slot, and repair the other slot if necessary. Return the status."""
        slots = self._find()
        if slots is None:
            return self._break()
        if self._epoch == 0:
            return self._start(slots)
        self.record.decode(slots[self._slot])
        self._settle()
        if epoch_of(slots[1 - self._slot]) < 0 or slots[0][_AT_KIND] != slots[1][_AT_KIND]:
            self.store()
        return self.status

    def _find(self):
        """Read both slots and find the newest valid slot, if any. Return their contents, or None if a slot cannot be read."""
        try:
            slots = (self._flash.read(0), self._flash.read(1))
        except OSError:
            return None
        epochs = (epoch_of(slots[0]), epoch_of(slots[1]))
        self._slot = 0 if epochs[0] > epochs[1] else 1
        self._epoch = max(epochs[self._slot], 0)
        return slots

    def _start(self, slots):
        # No slot is valid. If both slots were written, they are damaged. Otherwise no write was ever completed, so the card is
        # blank.
        if slots[0] is not None and slots[1] is not None:
            return self._break()
        return self._settle()

    def _settle(self):
        self.status = BLANK if self.record.blank else READY
        return self.status

    def _break(self):
        self.status = BROKEN
        return BROKEN

    def store(self):
        """Write the record to the older slot and read it back. Return whether that succeeded. If not, the status is BROKEN."""
        self.record.encode_into(self._buffer, self._epoch + 1)
        held = self._write(1 - self._slot)
        wipe(self._buffer)
        if held:
            self._slot = 1 - self._slot
            self._epoch += 1
            self._settle()
        else:
            self._break()
        return held

    def store_twice(self):
        """Write the record to both slots, so that neither holds an older record. Return whether that succeeded."""
        return self.store() and self.store()

    def erase(self):
        """Forget the record and overwrite both slots. Return whether that succeeded."""
        self.record.clear()
        # The blank record must be newer than the records in both slots, even if a slot could not be read at the start. So read
        # the slots again. Otherwise a power cut between the two stores could bring back an old record with a used counter.
        if self._find() is None:
            self._break()
            return False
        return self.store_twice()

    def _write(self, slot):
        try:
            self._flash.write(slot, self._buffer)
            return self._flash.read(slot) == self._buffer
        except OSError:
            return False

    def sound(self):
        """Return whether the newest slot still holds the record. For a blank card, return True; for a broken card, False."""
        if self.status != READY:
            return self.status == BLANK
        try:
            return epoch_of(self._flash.read(self._slot)) == self._epoch
        except OSError:
            return False
