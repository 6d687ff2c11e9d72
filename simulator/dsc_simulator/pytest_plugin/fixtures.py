"""Cards for tests: their options and defaults, their operations, and `simulated_card` for tests that do not use pytest.

The pytest plugin offers the same cards as fixtures.
"""

import functools
import hashlib
import inspect
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TypedDict, TypeVar, Unpack

from dsc_simulator.board import check_key
from dsc_simulator.errors import PowerCut, SimulatorError
from dsc_simulator.profile import Profile
from dsc_simulator.pytest_plugin.diary import Diary
from dsc_simulator.pytest_plugin.faults import FaultyCard

SERIAL = "PYTEST-"
"""The beginning of the serial of a card for which the test chooses no serial. A number follows it."""
PIN = "1234"
SUITE = "OCRA-1:HOTP-SHA256-8:C-QN06-PSHA256"
SUITE_WITHOUT_PIN = "OCRA-1:HOTP-SHA256-8:C-QN06"
_KINDS: dict[type, str] = {str: "text", bytes: "bytes", int: "a whole number", bool: "True or False"}

_R = TypeVar("_R")


class CardRefused(SimulatorError):
    """The card did not do what the test wanted. The message quotes the text on the card's display.

    Examples:
        >>> from dsc_simulator import CardRefused, simulated_card
        >>> with simulated_card(pin="4711", tries=1) as card:
        ...     try:
        ...         card.login("482913", pin="0000")
        ...     except CardRefused as refusal:
        ...         print(refusal)
        the card shows 'LOCKED', not 'CHALLNG>'
    """


class CardOptions(TypedDict, total=False):
    """The options of a card. All have defaults.

    - `pin`: 4 digits. Default: "1234".
    - `pin_policy`: `ocra` (the PIN is part of the response) or `card` (the card checks the PIN). The default depends on the
      other options.
    - `tries` (1 to 9) and `unlock_key` (32 bytes): only with the PIN policy `card`.
    - `suite`: any suite that a card supports.
    - `serial`: default "PYTEST-1" for the first card of a test, "PYTEST-2" for the second, and so on.
    - `key`: 16 to 64 bytes. Default: derived from the serial.
    - `counter`: the first counter that the card uses. Default: 0.
    - `blank`: True for a card that is not personalized.
    - `engine`: `cpython` or `micropython`.
    - `seed`: the seed of the card's entropy. Default: 1 for the first card of a test, 2 for the second, and so on.
    """

    pin: str
    pin_policy: str
    tries: int
    unlock_key: bytes
    suite: str
    serial: str
    key: bytes
    counter: int
    blank: bool
    engine: str
    seed: int


class Credentials(TypedDict):
    """The arguments of `dsc_host.Verifier.enroll`. `pin` is None if the card itself checks it."""

    serial: str
    key: bytes
    suite: str
    pin: str | None
    counter: int
    unlock_key: bytes | None


@dataclass(frozen=True)
class Identity:
    """The profile of a card, and the PIN of its owner. `profile` is None for a blank card."""

    profile: Profile | None
    pin: str = PIN


def check_options(options: dict[str, Any]) -> None:
    """Raise TypeError, with the names, for unknown options, for options that a blank card cannot have, and for wrong types."""
    known = CardOptions.__annotations__
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise TypeError(f"dsc_card: no such option: {', '.join(unknown)}; the options are {', '.join(known)}")
    personal = sorted(set(options) - {"blank", "engine", "seed"})
    if options.get("blank") and personal:
        raise TypeError(f"dsc_card: a blank card has no {', '.join(personal)}")
    for name, value in options.items():
        kind = known[name]
        # In Python, True is an int too.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise TypeError(f"dsc_card: {name}: must be {_KINDS[kind]}, not {type(value).__name__}")


def identity(options: CardOptions, number: int = 1) -> Identity:
    """Return the identity of the `number`th card in its test. Raise ValueError if the PIN is not 4 digits."""
    if options.get("blank"):
        return Identity(None)
    pin, serial = options.get("pin", PIN), options.get("serial", f"{SERIAL}{number}")
    if not re.fullmatch("[0-9]{4}", pin):
        raise ValueError("pin: must be 4 digits, as text")
    card_checks = options.get("pin_policy", "card" if _wants_card_check(options) else "ocra") == "card"
    profile = Profile(
        serial=serial,
        key=options.get("key", hashlib.sha256(f"dscplus {serial}".encode()).digest()),
        suite=options.get("suite", SUITE_WITHOUT_PIN if card_checks else SUITE),
        pin_policy="card" if card_checks else options.get("pin_policy", "ocra"),
        pin=pin if card_checks else None,
        tries=options.get("tries"),
        counter=options.get("counter", 0),
        unlock_key=options.get("unlock_key"),
    )
    return Identity(profile, pin)


def _wants_card_check(options: CardOptions) -> bool:
    return "tries" in options or "unlock_key" in options or "-PSHA" not in options.get("suite", SUITE)


class Token(ABC):
    """The operations that a test can do with a simulated card and with a board.

    Examples:
        >>> from dsc_simulator import Token, simulated_card
        >>> def digits(card: Token) -> int:
        ...     return len(card.login("482913"))
        >>> with simulated_card() as card:
        ...     digits(card)
        8
    """

    _identity: Identity

    @abstractmethod
    def press(self, *keys: str) -> str:
        """Press `keys`, one after another: `0` to `9`, `OK`, `C` or `PRESS`. Return what the display then shows."""

    @property
    @abstractmethod
    def display(self) -> str:
        """The text on the display, without the spaces on its right. It is empty when the card is off."""

    @property
    @abstractmethod
    def url(self) -> str:
        """The card's serial line, for `serial.serial_for_url` or `dsc_host.CardClient.open`."""

    @abstractmethod
    def report(self) -> str:
        """Return the pressed keys, the serial line and the display as text that contains no secret."""

    @abstractmethod
    def close(self) -> None:
        """Close the card. Closing twice does nothing."""

    @property
    def profile(self) -> Profile:
        """The card's profile. Raises SimulatorError for a card that was made blank."""
        if self._identity.profile is None:
            raise SimulatorError("this card was made blank, so it has no profile")
        return self._identity.profile

    @property
    def serial(self) -> str:
        """The card's serial. Raises SimulatorError for a card that was made blank."""
        return self.profile.serial

    @property
    def pin(self) -> str:
        """The owner's PIN, 4 digits."""
        return self._identity.pin

    @property
    def wrong_pin(self) -> str:
        """A PIN that is not the owner's."""
        return f"{(int(self.pin) + 1) % 10_000:04}"

    @property
    def credentials(self) -> Credentials:
        """The data that the system under test needs: `verifier.enroll(**card.credentials)`. Raises as `profile` does."""
        profile = self.profile
        return {
            "serial": profile.serial,
            "key": profile.key,
            "suite": profile.suite,
            "pin": None if profile.pin_policy == "card" else self.pin,
            "counter": profile.counter,
            "unlock_key": profile.unlock_key,
        }

    def login(self, challenge: str, *, pin: str | None = None) -> str:
        """Switch the card on, type the PIN and `challenge`, and return the response, which the display then shows.

        `pin` is the owner's PIN by default. If the card does not check the PIN, a wrong PIN gives a wrong response. Raise
        CardRefused if the display shows an unexpected text, and ValueError if the suite does not allow `challenge`.
        """
        self._check_challenge(challenge)
        if self.display:
            self.press("PRESS")
        self._expect("PIN>", self.press("PRESS"))
        self._expect("CHALLNG>", self.press(*(self.pin if pin is None else pin), "OK"))
        response = self.press(*challenge, "OK")
        if not response.isdecimal():
            raise CardRefused(f"the card shows {response!r}, not a response")
        return response

    def drift(self, logins: int = 1) -> None:
        """Use up one counter for each of `logins` responses, like an owner who submits none of them. The card is then off."""
        for _ in range(logins):
            self.login("0" * self._challenge_size())
            self.press("OK")

    def _challenge_size(self) -> int:
        profile = self._identity.profile
        found = re.search(r"Q[AHN]([0-9]{2})", profile.suite) if profile else None
        return int(found[1]) if found else 6

    def _check_challenge(self, challenge: str) -> None:
        size = self._challenge_size()
        if not re.fullmatch(f"[0-9]{{{size}}}", challenge):
            raise ValueError(f"challenge: must be {size} digits, which a card's owner can type, not {challenge!r}")

    def _expect(self, wanted: str, shown: str) -> None:
        if shown != wanted:
            raise CardRefused(f"the card shows {shown!r}, not {wanted!r}")


class SimulatedToken(FaultyCard, Token):
    """A `SimulatedCard` with its owner's PIN, a diary and faults. `number` is the card's number in the test.

    Raises the errors of `SimulatedCard`, TypeError for an unknown option, and ValueError if the PIN is not 4 digits.
    """

    def __init__(self, number: int = 1, /, **options: Unpack[CardOptions]) -> None:
        check_options(dict(options))
        self._identity = identity(options, number)
        self._diary = Diary(lambda: self.board.clock.now_ms)
        engine, seed = options.get("engine", "cpython"), options.get("seed", number)
        super().__init__(engine=engine, profile=self._identity.profile, seed=seed)
        self.watch(self._diary.line)

    def press(self, *keys: str) -> str:
        """Do as `SimulatedCard.press` does, and record the keys in the diary."""
        for key in keys:
            check_key(key)
        for key in keys:
            self._diary.key(key, self.display)
            super().press(key)
        return self.display

    @contextmanager
    def _power(self) -> Iterator[None]:
        try:
            with super()._power():
                yield
        except PowerCut as cut:
            # Raise a new error: in a test's report, the firmware's traceback would show the bytes of the card's record.
            raise PowerCut(*cut.args) from None

    def report(self) -> str:
        """Return the pressed keys, the serial line and the display as text that contains no secret."""
        return self._diary.report(self.cells)


class simulated_card:  # noqa: N801 - used as a function is
    """A new card for a block or for one test. The card is closed at the end.

    As a decorator, it passes the card as the last positional argument. `options` are those of `CardOptions`. An unknown option
    raises TypeError. If the test fails, the card's report is added to the error as a note.

    Examples:
        >>> from dsc_simulator import simulated_card
        >>> with simulated_card(pin="4711") as card:
        ...     len(card.login("482913"))
        8
        >>> @simulated_card(seed=7)
        ... def test_login(card):
        ...     assert card.login("482913").isdecimal()
        >>> test_login()
    """

    def __init__(self, **options: Unpack[CardOptions]) -> None:
        check_options(dict(options))
        self._options = options
        self._open: list[SimulatedToken] = []

    def __enter__(self) -> SimulatedToken:
        card = SimulatedToken(**self._options)
        self._open.append(card)
        return card

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        card = self._open.pop()
        card.close()
        if isinstance(error, Exception):
            error.add_note(card.report())

    def __call__(self, test: Callable[..., _R]) -> Callable[..., _R]:
        """Return `test` with a new card at each call. Raise TypeError for a coroutine function or a class."""
        if inspect.iscoroutinefunction(test) or inspect.isclass(test):
            raise TypeError("simulated_card: decorates plain functions; elsewhere write `with simulated_card() as card:`")

        @functools.wraps(test)
        def with_card(*args: Any, **kwargs: Any) -> _R:
            # A new object for each call, because several threads may call the test at the same time.
            with simulated_card(**self._options) as card:
                return test(*args, card, **kwargs)

        # Hide the wrapped function from pytest. Otherwise pytest would look for a fixture with the name of the card's argument.
        del with_card.__wrapped__
        return with_card
