"""What docs/card.md says a card does, on one page; `log` is what it shows (`[PIN>]`), says (`! event`) and stores, in order."""

from dataclasses import replace

from dsc_host import Suite
from dsc_simulator.testing.record import Record

COUNTERS = 2**64 - 1
UNLOCK_SUITE = Suite.parse("OCRA-1:HOTP-SHA256-8:QN06")
# What keys do beside typing, erasing and, in every other state, PRESS for off.
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
    """A card under keys and time (milliseconds). It can't know what is random: `drawn` is its next unlock challenge, plus 1."""

    def __init__(self, record: Record, pin: str | None) -> None:
        self.record, self.pin, self.drawn, self.now = record, pin, 0, 0
        self.log: list[str | Record] = []
        self.restart()

    def restart(self) -> None:
        self.state, self.display, self.typed, self.question = "off", "", "", ""
        self.by_line = self.used_up = False
        self.off_at = 0
        self.begin_wait()
        self.log.append("! boot state=off")

    def enter(self, state: str, text: str) -> None:
        self.state, self.display = state, text
        self.log += [f"[{text}]", f"! display text={text}"]

    def store(self, record: Record) -> None:
        self.record = record
        self.log.append(record)

    def begin_wait(self) -> None:
        wrong = self.record.unlock_failures
        self.wait_until = self.now + (30_000 * 2 ** (wrong - 1) if wrong else 0)

    def pass_time(self, milliseconds: int) -> None:
        end = self.now + milliseconds
        while self.state != "off" and self.next_change() <= end:
            self.now = self.next_change()
            self.turn_off() if self.now == self.off_at else self.show_wait()
        self.now = end

    def next_change(self) -> int:
        next_second = self.now + (self.wait_until - self.now - 1) % 1000 + 1
        return min(self.off_at, next_second) if self.state == "wait" else self.off_at

    def press(self, key: str) -> None:
        if (self.state, key) in ACTIONS:
            getattr(self, ACTIONS[self.state, key])()
        elif key == "PRESS":
            self.turn_off()
        elif self.state in ("pin", "challenge", "unlock") and key != "OK":
            self.type(key)
        self.off_at = self.now + (60_000 if self.state == "response" else 30_000)

    def turn_off(self) -> None:
        refused = self.state == "wipe"
        self.typed, self.question, self.by_line = "", "", False
        self.enter("off", "")
        self.log += ["! wipe done=0"] * refused

    def wake(self) -> None:
        if self.used_up or not self.record.key:
            self.enter("notice", "ERROR" if self.used_up else "NO KEY")
        else:
            self.enter(*(("locked", "LOCKED") if self.record.locked else ("pin", "PIN>")))

    def question_size(self) -> int:
        return 8 if self.state == "unlock" else Suite.parse(self.record.suite).question_length

    def type(self, key: str) -> None:
        text, size = (self.typed, 4) if self.state == "pin" else (self.question, self.question_size())
        if key == "C" and not text and self.state == "pin":
            self.turn_off()
        elif text if key == "C" else len(text) < size:
            text = text[:-1] if key == "C" else text + key
            if self.state == "pin":
                self.typed = text
                self.enter("pin", "PIN>" + "*" * len(text))
            else:
                self.show_question(text, by_line=False)

    def show_question(self, question: str, by_line: bool) -> None:
        self.question, self.by_line = question, by_line
        self.enter(self.state, question[-8:] or ("UNLOCK>" if self.state == "unlock" else "CHALLNG>"))

    def try_pin(self) -> None:
        if len(self.typed) < 4:
            return
        if self.record.checks_pin:
            self.store(replace(self.record, failures=self.record.failures + 1))
            right, self.typed = self.typed == self.pin, ""
            if not right:
                self.reject_pin()
                return
            self.store(replace(self.record, failures=0))
        self.state = "challenge"
        self.show_question(self.question, self.by_line)

    def reject_pin(self) -> None:
        if self.record.locked:
            self.question, self.by_line = "", False
            self.enter("locked", "LOCKED")
        else:
            self.enter("pin", f"FAIL {self.record.failures}")

    def answer(self) -> None:
        suite, counter, question = Suite.parse(self.record.suite), self.record.counter, self.question
        if len(question) < self.question_size():
            return
        pin, by_line = self.typed, self.by_line
        self.typed, self.question, self.by_line = "", "", False
        if suite.counter and counter == COUNTERS:
            self.used_up = True
            self.enter("notice", "ERROR")
            return
        if suite.counter:
            self.store(replace(self.record, counter=counter + 1))
        inputs = {"counter": counter if suite.counter else None, "pin": pin if suite.pin_hash else None}
        self.enter("response", suite.response(self.record.key, question, **inputs))
        self.log += [f"! response text={self.display}"] * by_line

    def ask(self) -> None:
        if not self.record.unlocks:
            return
        if self.now < self.wait_until:
            self.show_wait()
            return
        if not self.record.asked:
            self.store(replace(self.record, asked=self.drawn))
        self.enter("asking", f"{self.record.asked - 1:06}")

    def await_code(self) -> None:
        self.state = "unlock"
        self.show_question("", by_line=False)

    def try_code(self) -> None:
        if len(self.question) < 8:
            return
        right = self.question == UNLOCK_SUITE.response(self.record.unlock_key, f"{self.record.asked - 1:06}")
        self.question = ""
        self.store(replace(self.record, asked=0, unlock_failures=self.record.unlock_failures + 1))
        if right:
            self.store(replace(self.record, failures=0, unlock_failures=0))
            self.enter("pin", "PIN>")
        self.begin_wait()
        if not right:
            self.show_wait()

    def show_wait(self) -> None:
        seconds = -(-(self.wait_until - self.now) // 1000) if self.record.unlocks else 0
        self.enter(*(("wait", f"WAIT{seconds:4}") if seconds else ("locked", "LOCKED")))

    def erase(self) -> None:
        self.store(Record())
        self.used_up = False
        self.begin_wait()
        self.enter("notice", "NO KEY")
        self.log.append("! wipe done=1")
