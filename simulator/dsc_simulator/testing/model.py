"""The model of a card, written from docs/how-to/card.md.

The `log` of the model has the card's displays (`[PIN>]`), events (`! event`) and records, in order.
"""

from collections.abc import Callable
from dataclasses import replace

from dsc_host import Suite
from dsc_simulator.testing.record import Record

COUNTERS = 2**64 - 1
# The methods for keys that do more than type or erase a digit, by state and key. In every state except off, PRESS turns the
# card off.
ACTIONS = {
    ("off", "PRESS"): "wake",
    ("pin", "OK"): "try_pin",
    ("challenge", "OK"): "answer",
    ("response", "OK"): "turn_off",
    ("locked", "OK"): "ask",
    ("asking", "OK"): "await_code",
    ("unlock", "OK"): "try_code",
    ("wipe", "OK"): "erase",
    ("wipe", "C"): "turn_off",
}


class Card:
    """The model of a card. Its inputs are keys and the time, in milliseconds.

    The module `locked` adds the lock, and `line` the serial line.
    """

    def __init__(self, record: Record, pin: str | None) -> None:
        self.record, self.pin, self.now = record, pin, 0
        self.log: list[str | Record] = []
        self.restart()

    def restart(self) -> None:
        """Remove and replace the battery."""
        self.state, self.display, self.typed, self.question = "off", "", "", ""
        self.by_line, self.used_up, self.off_at = False, False, 0
        self.log.append("! boot state=off")

    def enter(self, state: str, text: str) -> None:
        """Enter a state and show a text."""
        self.state, self.display = state, text
        self.log += [f"[{text}]", f"! display text={text}"]

    def store(self, record: Record) -> None:
        """Store a record."""
        self.log += [record] * (record != self.record)
        self.record = record

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and make the changes that are due in this time."""
        end = self.now + milliseconds
        while self.state != "off" and (due := self.next_change())[0] <= end:
            self.now = due[0]
            due[1]()
        self.now = end

    def next_change(self) -> tuple[int, Callable[[], None]]:
        """Return the time of the next change, and the method that makes it."""
        return self.off_at, self.turn_off

    def press(self, key: str) -> None:
        """Press a key."""
        if (self.state, key) in ACTIONS:
            getattr(self, ACTIONS[self.state, key])()
        elif key == "PRESS":
            self.turn_off()
        elif self.state in ("pin", "challenge", "unlock") and key != "OK":
            self.type(key)
        self.off_at = self.now + (60_000 if self.state == "response" else 30_000)

    def turn_off(self) -> None:
        """Turn off, and forget what was typed."""
        kept = self.state == "wipe"
        self.typed, self.question, self.by_line = "", "", False
        self.enter("off", "")
        self.log += ["! wipe done=0"] * kept

    def wake(self) -> None:
        """Switch on."""
        text = "ERROR" if self.used_up else "NO KEY" if not self.record.key else "LOCKED" if self.record.locked else "PIN>"
        self.enter({"PIN>": "pin", "LOCKED": "locked"}.get(text, "notice"), text)

    def size(self) -> int:
        """Return the number of characters that the card expects in this state."""
        return {"pin": 4, "unlock": 8}.get(self.state) or Suite.parse(self.record.suite).question_length

    def type(self, key: str) -> None:
        """Type a digit, or erase one with C."""
        text = self.typed if self.state == "pin" else self.question
        if key == "C" and not text and self.state == "pin":
            self.turn_off()
        elif text if key == "C" else len(text) < self.size():
            self.show_typed(text[:-1] if key == "C" else text + key)

    def show_typed(self, text: str, by_line: bool = False) -> None:
        """Show the typed characters. Show the digits of a PIN as stars."""
        if self.state == "pin":
            self.typed = text
            self.enter("pin", "PIN>" + "*" * len(text))
        else:
            self.question, self.by_line = text, by_line
            self.enter(self.state, text[-8:] or ("UNLOCK>" if self.state == "unlock" else "CHALLNG>"))

    def try_pin(self) -> None:
        """Check the typed PIN if this card checks PINs. Ask for the challenge if the PIN is accepted."""
        if len(self.typed) < self.size():
            return
        if self.record.checks_pin:
            self.store(replace(self.record, failures=self.record.failures + 1))
            right, self.typed = self.typed == self.pin, ""
            if not right:
                self.enter(*(("locked", "LOCKED") if self.record.locked else ("pin", f"FAIL {self.record.failures}")))
                return
            self.store(replace(self.record, failures=0))
        self.state = "challenge"
        self.show_typed(self.question, self.by_line)

    def answer(self) -> None:
        """Compute the response to the challenge."""
        if len(self.question) < self.size():
            return
        suite, counter = Suite.parse(self.record.suite), self.record.counter
        if suite.counter and counter == COUNTERS:
            self.used_up = True
            self.enter("notice", "ERROR")
        else:
            self.store(replace(self.record, counter=counter + suite.counter))
            respond = suite.prepare(self.record.key, self.typed if suite.pin_hash else None)
            self.enter("response", respond(self.question, counter if suite.counter else None))
            self.log += [f"! response text={self.display}"] * self.by_line
        self.typed, self.question, self.by_line = "", "", False
