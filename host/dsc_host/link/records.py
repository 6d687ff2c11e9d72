"""The values that the host sends to a card, the values that a card reports, and their checks.

Promises:

- Every `Profile` follows the rules for its fields in docs/reference/protocol.md, apart from the grammar of the suite.
- A reply without a required value gives neither a `Greeting` nor a `CardInfo`, but a ProtocolError.
- No repr and no error message contains a key or a PIN.
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
"""The highest counter that a profile may have. After a response with this counter, the card reports the counter 2**64 - 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """The data that personalizes a card. The constructor raises InputError, which names the field, if a field is invalid.

    - `serial`: 1 to 16 characters of A to Z, 0 to 9 and `-`.
    - `suite`: 1 to 48 printable ASCII characters without spaces.
    - `key`: 16 to 64 bytes.
    - `pin_policy`: `ocra` (the PIN is part of the response, and unknown to the card) or `card` (the card checks the PIN).
    - `code`: the PIN, 4 digits. Required with the policy `card`, and not allowed with `ocra`.
    - `tries`: the number of wrong PINs after which the card locks its keypad, 1 to 9. Always 5 with the policy `ocra`.
    - `counter`: the first counter, 0 to 2**64 - 2.
    - `unlock_key`: the key with which unlock codes are computed, 32 bytes. Not allowed with the policy `ocra`. If a card has no
      unlock key, and has locked its keypad, it can only be wiped.

    Examples:
        >>> from dsc_host import Profile
        >>> Profile(serial="IB3000123", key=bytes(range(32))).suite
        'OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256'
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
            raise InputError("unlock_key", "must differ from the card's key")

    def set_values(self) -> list[dict[str, str]]:
        """Return the values of the `set` requests for this profile, one dictionary for each. Each request fits into a line."""
        small = {"serial": self.serial, "pin": self.pin_policy, "counter": str(self.counter)}
        if self.code is not None:
            small |= {"code": self.code, "tries": str(self.tries)}
        unlock = [] if self.unlock_key is None else [{"unlock": self.unlock_key.hex()}]
        return [small, {"suite": self.suite}, {"key": self.key.hex()}, *unlock]


@dataclass(frozen=True, slots=True)
class Greeting:
    """A card's reply to `hello`.

    Attributes:
        protocol: The version of the protocol.
        firmware: The version of the firmware.
        serial: The card's serial; empty on a blank card.
        board: The name of the board, from its `board.json`.
        state: The card's state, for a person, for example `off` or `pin`. docs/reference/protocol.md lists all states.
        caps: The names of the card's optional features. `keys` means that the card accepts key presses over the line.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient
        >>> with CardClient.open("sim://") as card:
        ...     greeting = card.hello()
        >>> greeting.protocol, greeting.state
        (1, 'off')
    """

    protocol: int
    firmware: str
    serial: str
    board: str
    state: str
    caps: frozenset[str]


@dataclass(frozen=True, slots=True)
class CardInfo:
    """A card's reply to `info`. If the card is blank, `serial`, `suite` and `pin_policy` are empty.

    `counter` is the counter of the next response. `tries_left` is the number of PINs that may still be tried, or None if the
    card does not check the PIN itself. `locked` says whether the card has locked its keypad. `free_memory` is in bytes, or
    None if the board does not report it. `unlock_tries` is the number of unlock codes that may still be tried, 0 to 10. It is
    None if the card has no unlock key, or if its firmware does not support unlock keys. `condition` is `blank`, `ready`,
    `error` (the card shows ERROR) or `low` (the battery is low), or empty if the card's firmware does not report a condition.

    Examples:
        >>> import dsc_simulator
        >>> from dsc_host import CardClient
        >>> with CardClient.open("sim://") as card:
        ...     card.info().condition
        'blank'
    """

    serial: str
    suite: str
    pin_policy: str
    counter: int
    tries_left: int | None
    locked: bool
    free_memory: int | None
    unlock_tries: int | None = None
    condition: str = ""


def check_serial(serial: str) -> None:
    """Raise InputError if `serial` is not a valid card serial."""
    if not isinstance(serial, str) or not re.fullmatch(r"[A-Z0-9-]{1,16}", serial):
        raise InputError("serial", "must be 1 to 16 characters of A to Z, 0 to 9 and -")


def read_greeting(values: Mapping[str, str]) -> Greeting:
    """Parse the reply to `hello`. Raise ProtocolError if it is malformed."""
    return Greeting(
        protocol=number("hello", values, "protocol", 0, 0xFFFF),
        firmware=text("hello", values, "firmware"),
        serial=text("hello", values, "serial"),
        board=text("hello", values, "board"),
        # Accept any word: the state is only shown to people.
        state=text("hello", values, "state"),
        caps=frozenset(filter(None, text("hello", values, "caps").split(","))),
    )


def read_info(values: Mapping[str, str]) -> CardInfo:
    """Parse the reply to `info`. Raise ProtocolError if it is malformed."""
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
        # Old firmware, which has no unlock keys, does not report this value.
        unlock_tries=_number_or_none("info", values, "unlock", MAX_UNLOCK_TRIES) if "unlock" in values else None,
        condition=text("info", values, "condition") if "condition" in values else "",
    )


def text(word: str, values: Mapping[str, str], name: str) -> str:
    """Return the value `name` of the reply to `word`. Raise ProtocolError if the value is missing or not printable."""
    if name not in values:
        raise ProtocolError(f"the reply to {word} has no {name}")
    if not values[name].isprintable():
        raise ProtocolError(f"the reply to {word} has a {name} that is not printable")
    return values[name]


def number(word: str, values: Mapping[str, str], name: str, low: int, high: int) -> int:
    """Return the whole number `name` of the reply to `word`. Raise ProtocolError if it is not from `low` to `high`."""
    digits = text(word, values, name)
    # Accept at most 20 digits: no number of the protocol is longer, and Python refuses to convert very long numbers.
    if not re.fullmatch(r"[0-9]{1,20}", digits) or not low <= int(digits) <= high:
        raise ProtocolError(f"the reply to {word} has a {name} that is not a number from {low} to {high}")
    return int(digits)


def _number_or_none(word: str, values: Mapping[str, str], name: str, high: int) -> int | None:
    return None if text(word, values, name) == "" else number(word, values, name, 0, high)


def _check_number(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InputError(name, f"must be {low} to {high}")
