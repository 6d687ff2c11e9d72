"""A fake text display behind an expander, following the data sheets of HD44780 and PCF8574. Runs on both interpreters."""

_RS, _RW, _E, _LIGHT = 1, 2, 4, 8


class Lcd:
    """A fake of the display. `text` is the visible text, 16 x 2, or None while the display or its backlight is off."""

    def __init__(self):
        self.pins = 0xFF
        self.eight = True
        self.high = None
        self.memory = bytearray(b"#" * 80)
        self.at = 0
        self.on = False
        self.increment = False
        self.lines = 1
        self.log = []

    def write(self, data):
        for value in data:
            before, self.pins = self.pins, value
            if value & _E and not before & _E:
                # RS and RW must be stable before E rises.
                assert (value ^ before) & (_RS | _RW) == 0, "RS moves with E"
            # The expander starts with RW high, which looks like a read.
            if before & _E and not value & _E and not before & _RW:
                assert (value ^ before) == _E, "data moves with E"
                assert not value & _RW
                self._take(before)

    def _take(self, pins):
        half, rs = pins & 0xF0, pins & _RS
        if self.eight:
            self._execute(half, rs)
        elif self.high is None:
            self.high = half
        else:
            value, self.high = self.high | half >> 4, None
            self._execute(value, rs)

    def _execute(self, value, rs):
        self.log.append((rs, value))
        if rs:
            self.memory[self.at] = value
            self.at += 1 if self.increment else -1
        elif value & 0x80:
            address = value & 0x7F
            self.at = address - 0x40 + 40 if address >= 0x40 else address
        elif value & 0x20:
            self.eight = bool(value & 0x10)
            self.high = None
            self.lines = 2 if value & 8 else 1
        elif value & 8:
            self.on = bool(value & 4)
            assert not value & 3, "a cursor shows"
        elif value & 4:
            self.increment = bool(value & 2)
        elif value == 1:
            self.memory[:] = b" " * 80
            self.at = 0
            self.increment = True

    def rows(self):
        assert self.lines == 2
        return [bytes(self.memory[:16]).decode(), bytes(self.memory[40:56]).decode()]

    def text(self):
        if not self.on or not self.pins & _LIGHT:
            return None
        top, bottom = self.rows()
        assert (top[:4], top[12:], bottom) == (" " * 4, " " * 4, " " * 16)
        return top[4:12]

    def hidden(self):
        """Return the contents of the display's memory, visible or not."""
        return "".join(self.rows()).strip()
