"""What goes to a card and what a card says of itself, as checked values.

Promises: a `Profile` that exists keeps the rules of the protocol's table (the suite's own grammar is checked
elsewhere); `Greeting` and `CardInfo` are made only from replies that hold all they must. A key or PIN is in no repr and
no message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from dsc_host.errors import InputError, ProtocolError

DEFAULT_SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
DEFAULT_TRIES = 5
UNLOCK_KEY_BYTES = 32
MAX_UNLOCK_TRIES = 10
MAX_COUNTER = 2**64 - 2
"""The highest first counter. The card's own goes one further, when the last one is used up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a card is personalised with. Raises InputError, which names the field, if one is not what it must be.

    `serial`: 1 to 16 of A to Z, 0 to 9 and `-`. `suite`: at most 48 printable characters. `key`: 16 to 64 bytes.
    `pin_policy`: `ocra` (the PIN is part of the response, the card does not know it) or `card` (the card checks it).
    `code`: the PIN, 4 digits, with `card` only. `tries`: failures before the card locks, 1 to 9, with `card` only.
    `counter`: the first one, 0 to 2**64 - 2. `unlock_key`: 32 bytes, with `card` only, from which the codes that unlock
    the card are made; without it a locked card can only be wiped.
    """

    serial: str
    key: bytes = field(repr=False)
    suite: str = DEFAULT_SUITE
    pin_policy: str = "ocra"
    code: str | None = field(default=None, repr=False)
    tries: int = DEFAULT_TRIES
    counter: int = 0
    unlock_key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        check_serial(self.serial)
        if not isinstance(self.suite, str) or not re.fullmatch(r"[!-~]{1,48}", self.suite):
            raise InputError("suite", "must be 1 to 48 printable ASCII characters without spaces")
        if not isinstance(self.key, bytes) or not 16 <= len(self.key) <= 64:
            raise InputError("key", "must be 16 to 64 bytes")
        if self.pin_policy not in ("ocra", "card"):
            raise InputError("pin_policy", "must be ocra or card")
        _check_number("tries", self.tries, 1, 9)
        _check_number("counter", self.counter, 0, MAX_COUNTER)
        self._check_pin()
        self._check_unlock_key()

    def _check_pin(self) -> None:
        if self.pin_policy == "card":
            if not isinstance(self.code, str) or not re.fullmatch(r"[0-9]{4}", self.code):
                raise InputError("code", "must be 4 digits when the card checks the PIN")
            return
        if self.code is not None:
            raise InputError("code", "must not be set when the PIN is part of the response (pin_policy ocra)")
        if self.tries != DEFAULT_TRIES:
            raise InputError("tries", "can be chosen only when the card checks the PIN (pin_policy card)")

    def _check_unlock_key(self) -> None:
        if self.unlock_key is None:
            return
        if self.pin_policy != "card":
            raise InputError("unlock_key", "can be set only when the card checks the PIN (pin_policy card)")
        if not isinstance(self.unlock_key, bytes) or len(self.unlock_key) != UNLOCK_KEY_BYTES:
            raise InputError("unlock_key", f"must be {UNLOCK_KEY_BYTES} bytes")
        if self.unlock_key == self.key:
            raise InputError("unlock_key", "must be another than the card's key")

    def set_values(self) -> list[dict[str, str]]:
        """The values of the `set` requests that stage this profile, each small enough for one line."""
        small = {"serial": self.serial, "pin": self.pin_policy, "counter": str(self.counter)}
        if self.code is not None:
            small |= {"code": self.code, "tries": str(self.tries)}
        unlock = [] if self.unlock_key is None else [{"unlock": self.unlock_key.hex()}]
        return [small, {"suite": self.suite}, {"key": self.key.hex()}, *unlock]


@dataclass(frozen=True, slots=True)
class Greeting:
    """A card's answer to `hello`. `serial` is empty on a blank card; `caps` may hold `keys`: it takes key presses."""

    protocol: int
    firmware: str
    serial: str
    board: str
    state: str
    caps: frozenset[str]


@dataclass(frozen=True, slots=True)
class CardInfo:
    """A card's answer to `info`. On a blank card `serial`, `suite` and `pin_policy` are empty.

    `counter` is the one that the next response will use; `tries_left` is None unless the card checks the PIN itself;
    `free_memory` is in bytes, None where the board can't tell. `unlock_tries` is how many unlock codes may still be
    tried, 0 to 10; None if the card has no unlock key, or its firmware knows of none.
    """

    serial: str
    suite: str
    pin_policy: str
    counter: int
    tries_left: int | None
    locked: bool
    free_memory: int | None
    unlock_tries: int | None = None


def check_serial(serial: str) -> None:
    """Raises InputError if this is not a card's serial."""
    if not isinstance(serial, str) or not re.fullmatch(r"[A-Z0-9-]{1,16}", serial):
        raise InputError("serial", "must be 1 to 16 of A to Z, 0 to 9 and -")


def read_greeting(values: Mapping[str, str]) -> Greeting:
    """The reply to `hello`. Raises ProtocolError if it is not one."""
    return Greeting(
        protocol=number("hello", values, "protocol", 0, 0xFFFF),
        firmware=text("hello", values, "firmware"),
        serial=text("hello", values, "serial"),
        board=text("hello", values, "board"),
        # Any word will do: the state is for a person to read, and nothing is decided by it.
        state=text("hello", values, "state"),
        caps=frozenset(filter(None, text("hello", values, "caps").split(","))),
    )


def read_info(values: Mapping[str, str]) -> CardInfo:
    """The reply to `info`. Raises ProtocolError if it is not one."""
    policy = text("info", values, "pin")
    if policy not in ("", "ocra", "card"):
        raise ProtocolError("the reply to info has a pin that is neither ocra nor card")
    return CardInfo(
        serial=text("info", values, "serial"),
        suite=text("info", values, "suite"),
        pin_policy=policy,
        counter=number("info", values, "counter", 0, MAX_COUNTER + 1),
        tries_left=_number_or_none("info", values, "tries", 9),
        locked=number("info", values, "locked", 0, 1) == 1,
        free_memory=_number_or_none("info", values, "free", 2**64),
        # Firmware from before there were unlock keys does not say it.
        unlock_tries=_number_or_none("info", values, "unlock", MAX_UNLOCK_TRIES) if "unlock" in values else None,
    )


def text(word: str, values: Mapping[str, str], name: str) -> str:
    """One value of the reply to `word`. Raises ProtocolError if it is missing or can't be shown."""
    if name not in values:
        raise ProtocolError(f"the reply to {word} has no {name}")
    if not values[name].isprintable():
        raise ProtocolError(f"the reply to {word} has a {name} that is not printable")
    return values[name]


def number(word: str, values: Mapping[str, str], name: str, low: int, high: int) -> int:
    """One whole number of the reply to `word`. Raises ProtocolError if it is not one from `low` to `high`."""
    digits = text(word, values, name)
    # At most 20 digits: more can be no number of the protocol, and Python refuses to read very many.
    if not re.fullmatch(r"[0-9]{1,20}", digits) or not low <= int(digits) <= high:
        raise ProtocolError(f"the reply to {word} has a {name} that is not a number from {low} to {high}")
    return int(digits)


def _number_or_none(word: str, values: Mapping[str, str], name: str, high: int) -> int | None:
    return None if text(word, values, name) == "" else number(word, values, name, 0, high)


def _check_number(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(name, f"must be {low} to {high}")
