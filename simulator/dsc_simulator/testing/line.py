"""The model of a card's answers on the serial line, written from docs/reference/protocol.md.

The `log` of this model also has the replies, each after `< `, for example `< ok text=LOCKED`.
"""

import re
from collections.abc import Callable, Mapping
from typing import NoReturn

from dsc_host import DscError, Suite
from dsc_simulator.testing.locked import UnlockableCard
from dsc_simulator.testing.model import COUNTERS
from dsc_simulator.testing.record import Record

DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
Values = Mapping[str, str]


class Refused(Exception):
    """The card answered with an error code."""


def servable(text: str) -> bool:
    """Return whether a card that has only the hash SHA-256 supports the suite."""
    try:
        suite = Suite.parse(text)
    except DscError:
        return False
    hashes = {suite.hash, suite.pin_hash or "sha256"}
    return hashes == {"sha256"} and 4 <= suite.digits <= 8 and suite.session is suite.time_step is None and len(text) <= 48


def pattern(text: str) -> Callable[[str], bool]:
    """Return a function that checks whether the pattern matches a whole value."""
    return lambda value: re.fullmatch(text, value) is not None


FIELDS: dict[str, Callable[[str], bool]] = {
    "serial": pattern("[A-Z0-9-]{1,16}"),
    "suite": servable,
    "key": pattern("([0-9a-fA-F]{2}){16,64}"),
    "pin": pattern("ocra|card"),
    "code": pattern("[0-9]{4}"),
    "tries": pattern("[1-9]"),
    "counter": lambda value: pattern("[0-9]{1,20}")(value) and int(value) < COUNTERS,
    "unlock": pattern("([0-9a-fA-F]{2}){32}"),
}
QUESTIONS = {"N": "[0-9]", "A": "[0-9A-Za-z]", "H": "[0-9A-Fa-f]"}


class CardOnLine(UnlockableCard):
    """The model of a card that handles requests."""

    def restart(self) -> None:
        """Remove and replace the battery."""
        super().restart()
        self.fields: dict[str, str] = {}

    def request(self, word: str, values: Values, checked: bool = True) -> None:
        """Handle one request. Ignore a request without a checksum, except the requests that a person may type."""
        if not checked and word not in ("hello", "info", "display"):
            return
        try:
            reply = "ok" + self._answer_to(word, values)
        except Refused as refused:
            reply = f"err {refused}"
        self.log.append("< " + reply)

    def _answer_to(self, word: str, values: Values) -> str:
        handler: Callable[[Values], str] | None = getattr(self, "do_" + word, None)
        return handler(values) if handler else refuse("unknown")

    def do_hello(self, values: Values) -> str:
        """Answer with the card's identity."""
        nonce = values.get("nonce")
        if nonce is not None and len(nonce) > 32:
            refuse("bad-arg")
        echo = "" if nonce is None else f" nonce={nonce}"
        return f"{echo} protocol=1 serial={self.record.serial} board=simulator state={self.state} caps=keys"

    def do_info(self, values: Values) -> str:
        """Answer with the card's settings and state."""
        record = self.record
        pin = ("card" if record.checks_pin else "ocra") if record.key else ""
        tries = record.tries - record.failures if record.checks_pin else ""
        unlock = record.unlocks if record.unlock_key else ""
        condition = "error" if self.used_up else "ready" if record.key else "blank"
        return (
            f" serial={record.serial} suite={record.suite} pin={pin} counter={record.counter} tries={tries}"
            f" locked={record.locked:d} unlock={unlock} condition={condition}"
        )

    def do_display(self, values: Values) -> str:
        """Answer with the display."""
        return f" text={self.display}"

    def do_entropy(self, values: Values) -> str:
        """Answer with random bytes. The model replies only with their number."""
        n = values.get("n", "32")
        return f" bytes={int(n)}" if pattern("[1-9]|[1-5][0-9]|6[0-4]")(n) else refuse("bad-arg")

    def do_set(self, values: Values) -> str:
        """Check fields of a profile, and keep them for `personalize`."""
        if self.record.key:
            refuse("denied")
        for name, value in values.items():
            if name not in FIELDS or not FIELDS[name](value):
                refuse("bad-arg")
            self.fields[name] = value
        return ""

    def do_personalize(self, values: Values) -> str:
        """Store the fields as the card's record, if they are complete and fit together."""
        if self.record.key:
            refuse("denied")
        fields = {"suite": DEFAULT_SUITE, "pin": "ocra", **self.fields}
        on_card = fields["pin"] == "card"
        has_pin = Suite.parse(fields["suite"]).pin_hash is not None
        complete = {"serial", "key"} <= fields.keys() and ("code" in fields) == on_card != has_pin
        if not complete or (not on_card and fields.keys() & {"tries", "unlock"}):
            refuse("bad-arg")
        self.fields, self.pin = {}, fields.get("code")
        self.store(
            Record(
                serial=fields["serial"],
                suite=fields["suite"],
                key=bytes.fromhex(fields["key"]),
                checks_pin=on_card,
                tries=int(fields.get("tries", 5)),
                unlock_key=bytes.fromhex(fields.get("unlock", "")),
                counter=int(fields.get("counter", 0)),
            )
        )
        self.leave()
        return f" serial={self.record.serial}"

    def do_challenge(self, values: Values) -> str:
        """Accept a challenge from the line."""
        if self.record.locked and self.state != "off":
            refuse("locked")
        if self.state not in ("pin", "challenge"):
            refuse("state")
        if self.question and not self.by_line:
            refuse("busy")
        suite, question = Suite.parse(self.record.suite), values.get("q", "")
        if not pattern(f"{QUESTIONS[suite.question_format]}{{{suite.question_length}}}")(question):
            refuse("bad-arg")
        if self.state == "challenge":
            self.show_typed(question, by_line=True)
        self.question, self.by_line = question, True
        return ""

    def do_cancel(self, values: Values) -> str:
        """Forget the fields and turn off."""
        self.fields = {}
        self.leave()
        return ""

    def leave(self) -> None:
        """Turn off unless the card is off."""
        if self.state != "off":
            self.turn_off()

    def do_wipe(self, values: Values) -> str:
        """Ask the owner whether to wipe the card."""
        if not self.record.key or self.state not in ("off", "notice", "locked", "wait"):
            refuse("state")
        self.enter("wipe", "WIPE?")
        self.off_at = self.now + 30_000
        return ""

    def do_key(self, values: Values) -> str:
        """Press a key."""
        key = values.get("k", "")
        if not pattern("[0-9]|OK|C|PRESS")(key):
            refuse("bad-arg")
        self.press(key)
        return ""

    def do_selftest(self, values: Values) -> str:
        """Answer that everything works."""
        return " response=pass entropy=pass journal=pass"


def refuse(code: str) -> NoReturn:
    """Raise Refused with this error code."""
    raise Refused(code)
