"""The wait of a locked card for an unlock code: 30 s after the first wrong code, twice as long after each further code."""

from .ports import const, ticks_diff

_FIRST_MS = const(30000)


class Wait:
    """A countdown to 0, which continues while the card is off if `tick` is called at least once a day.

    `seconds` is the time left at the last tick, rounded up.
    """

    def __init__(self):
        self.seconds = 0
        self._ms = 0
        self._since = 0

    def start(self, failures, now):
        """Start a wait at `now` (ticks in ms). Its length depends on `failures`, the number of wrong codes."""
        self._ms = _FIRST_MS << failures - 1 if failures else 0
        self._since = now
        self.seconds = self._ms // 1000

    def tick(self, now):
        """Update `seconds`. Return whether it changed."""
        before = self.seconds
        left = self._left(now)
        # Record the end of the wait: ticks wrap around, so after some days they cannot be compared with its beginning.
        if left == 0:
            self._ms = 0
        self.seconds = (left + 999) // 1000
        return self.seconds != before

    def next_ms(self, now):
        """Return the milliseconds until `seconds` changes. Call this only while `seconds` is not 0."""
        return (self._left(now) - 1) % 1000 + 1

    def _left(self, now):
        return max(self._ms - ticks_diff(now, self._since), 0) if self._ms else 0
