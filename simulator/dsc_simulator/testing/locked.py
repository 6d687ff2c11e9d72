"""The model of a locked card and of the question `WIPE?`, written from docs/how-to/card.md."""

from collections.abc import Callable
from dataclasses import replace

from dsc_host import Suite
from dsc_simulator.testing.model import Card
from dsc_simulator.testing.record import Record

UNLOCK_SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")


class UnlockableCard(Card):
    """The model of a card that can be unlocked and wiped.

    The model draws no random values. The test sets `drawn` to the card's next unlock challenge plus 1. The card accepts no
    code before the time `wait_until`.
    """

    drawn = 0

    def restart(self) -> None:
        """Remove and replace the battery. The wait for codes begins again."""
        super().restart()
        self.begin_wait()

    def begin_wait(self) -> None:
        """Begin the wait, whose length depends on the number of wrong codes."""
        wrong = self.record.unlock_failures
        self.wait_until = self.now + (30_000 * 2 ** (wrong - 1) if wrong else 0)

    def next_change(self) -> tuple[int, Callable[[], None]]:
        """Return the time of the next change, and the method that makes it."""
        next_second = self.now + (self.wait_until - self.now - 1) % 1000 + 1
        counts = self.state == "wait" and next_second < self.off_at
        return (next_second, self.show_wait) if counts else super().next_change()

    def show_wait(self) -> None:
        """Show the seconds that are left of the wait, or LOCKED when the wait is over."""
        seconds = -(-(self.wait_until - self.now) // 1000) if self.record.unlocks else 0
        self.enter(*(("wait", f"WAIT{seconds:4}") if seconds else ("locked", "LOCKED")))

    def ask(self) -> None:
        """Show the unlock challenge, or the wait for it."""
        if self.record.unlocks and self.now < self.wait_until:
            self.show_wait()
        elif self.record.unlocks:
            self.store(replace(self.record, asked=self.record.asked or self.drawn))
            self.enter("asking", f"{self.record.asked - 1:06}")

    def await_code(self) -> None:
        """Ask for the unlock code."""
        self.state = "unlock"
        self.show_typed("")

    def right_code(self) -> str:
        """Return the code that unlocks the card."""
        return UNLOCK_SUITE.response(self.record.unlock_key, f"{self.record.asked - 1:06}")

    def try_code(self) -> None:
        """Check the unlock code that was typed."""
        if len(self.question) < self.size():
            return
        right, self.question = self.question == self.right_code(), ""
        self.store(replace(self.record, asked=0, unlock_failures=self.record.unlock_failures + 1))
        if right:
            self.store(replace(self.record, failures=0, unlock_failures=0))
            self.enter("pin", "PIN>")
        self.begin_wait()
        if not right:
            self.show_wait()

    def erase(self) -> None:
        """Become blank."""
        self.store(Record())
        self.used_up = False
        self.begin_wait()
        self.enter("notice", "NO KEY")
        self.log.append("! wipe done=1")
