"""The base class of displays. A display that does not answer is set up again until it shows the right text.

A card works even if its display does not answer. But a display that has missed a change shows an old text, for example a
response. So the caller calls `work` in every pass. `work` does nothing while the display shows the right text.
"""

from ..ports import CELLS, const, ticks_diff

_RETRY_MS = const(1000)
_SPACE = const(0x20)


def is_blank(cells):
    """Return whether all cells are spaces."""
    for c in cells:  # noqa: SIM110 - all() makes a generator, and nothing may be allocated here
        if c != _SPACE:
            return False
    return True


class NoDisplay:
    """The port of a board without a display: the line reports the text."""

    answers = True

    def show(self, cells):
        """Ignore the text."""

    def work(self):
        """Do nothing."""

    def restart(self):
        """Do nothing."""


class Display:
    """The base class of the drivers for displays. `answers` is False after a failure, until the right text is shown again.

    A driver adds two methods, which may raise OSError. `_start()` sets up and clears the chip. `_draw(cells, blank)` shows
    `cells`; `blank` means that all cells are spaces.
    """

    def __init__(self, clock):
        self._clock = clock
        self._wanted = bytearray(b" " * CELLS)
        self._stale = True
        self._ready = self._dark = False
        self._tried = 0
        self.answers = True

    def show(self, cells):
        """Show 8 bytes of ASCII."""
        for i in range(CELLS):
            self._wanted[i] = cells[i]
        self._stale = True
        self.work()

    def restart(self):
        """Set the chip up again at the next `show` or `work`. Call this if a transfer to the chip may have been interrupted."""
        self._ready = False
        self._stale = True
        self.answers = True

    def work(self):
        """Show the text if it is not shown yet. While the display does not answer, try only once a second."""
        if not self._stale:
            return
        now = self._clock.ticks_ms()
        # Do not try more often: each try on a bus that hangs takes time, in which no key is read.
        if self.answers or ticks_diff(now, self._tried) >= _RETRY_MS:
            self._tried = now
            self.answers = self._refresh()

    def _refresh(self):
        blank = is_blank(self._wanted)
        try:
            # Set the chip up whenever the card wakes: if the chip has lost its power, it answers but shows nothing.
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
