"""What all displays share: a display that does not answer is tried again, from its very start, until it shows what it should.

A card lives on without its display; but what stands on a display that missed a change would be a lie, or a response that
should be gone. So whoever runs the card calls `work` on every pass; a display in order costs nothing then.
"""

from ..ports import CELLS, const, ticks_diff

_RETRY_MS = const(1000)
_SPACE = const(0x20)


def is_blank(cells):
    for c in cells:  # noqa: SIM110 - all() makes a generator, and nothing may be allocated here
        if c != _SPACE:
            return False
    return True


class NoDisplay:
    """For a board without one: the line tells what it would show."""

    answers = True

    def show(self, cells):
        pass

    def work(self):
        pass

    def restart(self):
        pass


class Display:
    """A driver adds `_start`, which sets the chip up and clears it, and `_draw(cells, blank)`. Both may raise OSError.

    `answers` is False from a failure on until everything is shown again.
    """

    def __init__(self, clock):
        self._clock = clock
        self._wanted = bytearray(b" " * CELLS)
        self._stale = True
        self._ready = self._dark = False
        self._tried = 0
        self.answers = True

    def show(self, cells):
        for i in range(CELLS):
            self._wanted[i] = cells[i]
        self._stale = True
        self.work()

    def restart(self):
        """Set the chip up anew before anything else is shown: a transfer may have been broken off in its middle."""
        self._ready = False
        self._stale = True
        self.answers = True

    def work(self):
        """Show what should be shown if it is not, at most once a second while the display does not answer."""
        if not self._stale:
            return
        now = self._clock.ticks_ms()
        # A bus that hangs takes a while to say so, and keys wait for it.
        if self.answers or ticks_diff(now, self._tried) >= _RETRY_MS:
            self._tried = now
            self.answers = self._refresh()

    def _refresh(self):
        blank = is_blank(self._wanted)
        try:
            # A chip that lost its power and has it again answers, and shows nothing: so it is set up anew at each waking.
            if not self._ready or (self._dark and not blank):
                self._start()  # type: ignore[attr-defined]
            self._draw(self._wanted, blank)  # type: ignore[attr-defined]
        except OSError:
            self._ready = False
            return False
        self._ready = True
        self._dark = blank
        self._stale = False
        return True
