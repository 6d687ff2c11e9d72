"""The time in which a locked card accepts no unlock code: 30 s after the first wrong code, then twice as long each time."""

from .ports import const, ticks_diff

_FIRST_MS = const(30000)


class Wait:
    """A countdown to 0. It goes on while the card is off. Call `tick` at least once a day.

    `seconds` is the time left at the last tick, rounded up.
    """

    def __init__(self):
        self.seconds = 0
        self._ms = 0
        self._since = 0

    def start(self, failures, now):
        """Start the wait after `failures` wrong codes at `now` (ticks in ms). Without wrong codes, there is no wait."""
        self._ms = _FIRST_MS << failures - 1 if failures else 0
        self._since = now
        self.seconds = self._ms // 1000

    def tick(self, now):
        """Update `seconds` at `now` (ticks in ms). Return whether `seconds` has changed."""
        before = self.seconds
        left = self._left(now)
        # Remember that the wait is over: ticks wrap around, so they cannot be compared with the wait's beginning days later.
        if left == 0:
            self._ms = 0
        self.seconds = (left + 999) // 1000
        return self.seconds != before

    def next_ms(self, now):
        """Return the milliseconds until `seconds` changes. Call this only while `seconds` is not 0."""
        return (self._left(now) - 1) % 1000 + 1

    def _left(self, now):
        return max(self._ms - ticks_diff(now, self._since), 0) if self._ms else 0
