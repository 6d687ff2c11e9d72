"""How long a locked card takes no unlock code: half a minute after the first wrong one, and twice as long each time."""

from .ports import const, ticks_diff

_FIRST_MS = const(30000)


class Wait:
    """Counts down from `start` to 0 as long as `tick` is called at least once a day, also while the card is off.

    `seconds` is what was left at the last tick, rounded up.
    """

    def __init__(self):
        self.seconds = 0
        self._ms = 0
        self._since = 0

    def start(self, failures, now):
        """Wait from `now` (ticks in ms) as long as that many wrong codes deserve."""
        self._ms = _FIRST_MS << failures - 1 if failures else 0
        self._since = now
        self.seconds = self._ms // 1000

    def tick(self, now):
        """Whether `seconds` has changed."""
        before = self.seconds
        left = self._left(now)
        # Latched: ticks wrap, and what lies days back can't be compared with any more.
        if left == 0:
            self._ms = 0
        self.seconds = (left + 999) // 1000
        return self.seconds != before

    def next_ms(self, now):
        """Milliseconds until `seconds` changes, while it is not 0."""
        return (self._left(now) - 1) % 1000 + 1

    def _left(self, now):
        return max(self._ms - ticks_diff(now, self._since), 0) if self._ms else 0
