"""The port `keypad`: a matrix of keys, and a button for *press*.

Every call of `get` scans all keys once, without waiting and without allocating memory. A key counts when all scans within 20 ms
have seen it down. Then no key counts until all keys have been up for 20 ms, because a matrix with three keys down reports a
fourth key that nobody pressed.
Rows are open drain: a row pulls low or floats. So two pressed keys never connect an output that is high with one that is low.
"""

from ..ports import KEY_C, KEY_OK, KEY_PRESS, const, is_digit, ticks_diff

DEBOUNCE_MS = const(20)
_HOLD_MS = const(500)
_BUSY_MS = const(10)
_IDLE_MS = const(50)
_SETTLE = const(8)
_UNUSED = const(0)


def key_of(letter):
    """Return the key for a letter in `keys` of a board.json, or None if the letter is not allowed there."""
    if is_digit(ord(letter)):
        return ord(letter)
    return {"C": KEY_C, "K": KEY_OK, "P": KEY_PRESS, "-": _UNUSED}.get(letter)


def _flatten(keys, press):
    flat = [key_of(letter) for row in keys for letter in row]
    if press is not None:
        flat.append(KEY_PRESS)
    return bytes(flat)


class NoKeypad:
    """The port of a board without keys: its keys come over the line."""

    off = True
    pause_ms = _IDLE_MS

    def get(self):
        """Return None: no key is ever down."""

    def holds(self, key):
        """Return False: no key is ever down."""
        return False


class MatrixKeypad:
    """A keypad with open-drain pins as `rows`, pins with pull-ups as `columns`, and a pin with a pull-up, or None, as `press`.

    `keys` has a string of letters for each row. `ticks` returns the time in ms. `pause_ms` is the time that the caller may
    sleep before the next `get`. Set `off` to whether the card is off. While the card is off, *press* counts after it was held
    for half a second. If the keypad has no *press*, OK takes its place while the card is off.
    """

    def __init__(self, rows, columns, keys, press, ticks):
        self._rows = tuple(rows)
        self._columns = tuple(columns)
        self._press = press
        self._ticks = ticks
        self._keys = _flatten(keys, press)
        self._wakes = KEY_PRESS if KEY_PRESS in self._keys else KEY_OK
        self.off = True
        self.pause_ms = _IDLE_MS
        self._bit = 0  # the one key that is watched
        self._key = _UNUSED  # its key code
        self._hold = 0  # how long it must be held, in ms
        self._spent = False  # whether to ignore keys until all are up
        self._since = 0
        for row in self._rows:
            row.value(1)

    def get(self):
        """Scan the keys. Return a key, or None."""
        now = self._ticks()
        down = self._scan()
        key = self._judge(down, now)
        # While the card is on, keep the pause short: a tap on a key can be shorter than the idle pause.
        self.pause_ms = _BUSY_MS if down or self._spent or not self.off else _IDLE_MS
        return key

    def holds(self, key):
        """Return whether `key`, and no other key, is down now."""
        down = self._scan()
        return down != 0 and down & (down - 1) == 0 and self._named(down) == key

    def _judge(self, down, now):
        if self._spent:
            self._await_release(down, now)
        elif not down & self._bit:
            self._begin(down, now)
        elif ticks_diff(now, self._since) >= self._hold:
            self._spent = True
            self._since = now
            return self._key or None
        return None

    def _await_release(self, down, now):
        if down:
            self._since = now
        elif ticks_diff(now, self._since) >= DEBOUNCE_MS:
            self._spent = False
            self._bit = 0

    def _begin(self, down, now):
        # If several keys have gone down since the last scan, nobody knows which was the first. So ignore all of them.
        self._spent = down & (down - 1) != 0
        self._bit = 0 if self._spent else down
        self._since = now
        if self._bit:
            self._choose(self._named(down))

    def _choose(self, key):
        # Fix the meaning of a key when it goes down. Otherwise, if the host asked `WIPE?` while the owner held OK to wake the
        # card, OK would confirm the wipe.
        waking = self.off and key == self._wakes
        self._key = KEY_PRESS if waking else key
        self._hold = _HOLD_MS if waking else DEBOUNCE_MS

    def _named(self, bit):
        i = 0
        while bit >> i != 1:
            i += 1
        return self._keys[i]

    def _scan(self):
        """Return the keys that are down, as bits in the order of `_keys`."""
        down = 0
        bit = 1
        for row in self._rows:
            row.value(0)
            for column in self._columns:
                if not column.value():
                    down |= bit
                bit <<= 1
            row.value(1)
            self._settle()
        if self._press is not None and not self._press.value():
            down |= bit
        return down

    def _settle(self):
        # The pull-ups take microseconds to raise the columns. If a column were still low in the scan of the next row, a key of
        # that row would look pressed.
        for _ in range(_SETTLE):
            if self._all_high():
                return

    def _all_high(self):
        for column in self._columns:  # noqa: SIM110 - all() makes a generator, and nothing may be allocated here
            if not column.value():
                return False
        return True
