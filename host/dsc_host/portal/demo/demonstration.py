"""A demonstration of the login system: a few users, their cards and phones on pages, and all messages to these users.

Run it only on your own machine: anybody who can open its pages can use every card and phone, and read every message. The
database is in memory and is lost when the program ends.
"""

import secrets
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import select

from dsc_host.errors import DscError
from dsc_host.link import CardClient
from dsc_host.login import Calling, Identity, Kind, Letter, LoginSystem, Policy, Role, rows
from dsc_host.login.accounts import bank_numbers
from dsc_host.login.profile import bank_instructions
from dsc_host.login.transaction import user_named
from dsc_host.ocra import DEFAULT_SUITE
from dsc_host.phone.app import PhoneApp
from dsc_host.portal.demo.statements import DemonstrationStatements
from dsc_host.portal.languages import FALLBACK
from dsc_host.records.tables import audit
from dsc_host.verifier import MasterKey, Verifier

CARDS = "dscplus.cards"
DEMO_PASSWORD = "open sesame, please"  # noqa: S105 - it opens only the demonstration
PIN = "2846"
_KEPT_LETTERS = 100
_DAY = 24 * 60 * 60


class Key(Protocol):
    """A key of the drawn card: its label, and its position in hundredths of the picture's width and height."""

    @property
    def label(self) -> str:
        """The text on the key."""

    @property
    def left(self) -> float:
        """The left edge."""

    @property
    def top(self) -> float:
        """The top edge."""

    @property
    def width(self) -> float:
        """The width."""

    @property
    def height(self) -> float:
        """The height."""


class PageCard(Protocol):
    """A card that a page draws, with keys to press on the page. A package provides it in the entry-point group `CARDS`."""

    @property
    def serial(self) -> str:
        """The serial, or empty text for a blank card."""

    @property
    def keys(self) -> Mapping[str, Key]:
        """The keys by name, in the order of the buttons. Names are letters and digits."""

    @property
    def display(self) -> str:
        """The text on the display."""

    @property
    def presses(self) -> int:
        """The number of key presses so far. It is a part of the picture's address, so each press loads a new picture."""

    def press(self, key: str) -> None:
        """Press the key with this name."""

    def switch_off(self) -> None:
        """Switch the card off as its owner would, so that its display is empty."""

    def svg(self, *, label: str, hold: str) -> str:
        """Return the picture of the card. `label` is its text for screen readers, `hold` the text above the key *press*."""

    def line(self) -> Any:
        """Return the card's serial line."""

    def close(self) -> None:
        """Switch the card off and free its memory."""


MakeCard = Callable[..., PageCard]
"""A function that makes a card from a profile (`serial`, `key`, `suite`). Without a profile, it makes a blank card."""


def card_maker() -> MakeCard | None:
    """Return the function that makes cards for a page, or None if no package provides one."""
    for entry in entry_points(group=CARDS):
        maker: MakeCard = entry.load()
        return maker
    return None


class Clock:
    """A clock that visitors can advance. It is `ahead` seconds ahead of the real time."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        return time.time() + self.ahead


@dataclass(slots=True)
class Demonstration:
    """The login system of the demonstration, with its cards, phones and messages."""

    system: LoginSystem
    make_card: MakeCard | None
    clock: Clock
    letters: deque[Letter]
    folder: tempfile.TemporaryDirectory[str]
    cards: dict[str, PageCard] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    """A phrase that says who a person is, by user name, for all people of the demonstration and of the stories."""
    languages: dict[str, str] = field(default_factory=dict)
    """The language of the messages to a person of `PEOPLE`, by user name, if a visitor has set it. The default is English."""
    last_challenges: dict[str, str] = field(default_factory=dict)
    """For each card's serial, the last challenge beside which the card was shown."""
    given: set[str] = field(default_factory=set)
    """The serials of the cards whose first PIN is `PIN`."""
    secret: str = field(default_factory=secrets.token_urlsafe)
    """The secret from which the CSRF token of the demonstration's own forms is made."""

    def card_of(self, name: str) -> PageCard | None:
        """Return a user's card, or None if they have none."""
        return self.cards.get(name)

    def card_with(self, serial: str) -> tuple[str, PageCard] | None:
        """Return the user who has the card with this serial, and the card, or None. Empty text matches no card.

        Ask the simulated cards for their serials: the records do not say who holds a shared or replaced card.
        """
        return next(((name, card) for name, card in tuple(self.cards.items()) if serial and card.serial == serial), None)

    def pin_of(self, serial: str) -> str:
        """Return `PIN` if this is still the PIN of the card. Return empty text if the card's user has chosen the PIN."""
        changed = select(audit.c.number).where(
            audit.c.serial == serial, audit.c.action == "card.change-pin", audit.c.outcome == "accepted"
        )
        given = serial in self.given and self.system.context.read(lambda tx: tx.db.execute(changed).first()) is None
        return PIN if given else ""

    def switch_off_for(self, card: PageCard, challenge: str) -> None:
        """Switch a card off unless it was last shown beside this challenge: it may show a response to another challenge."""
        if self.last_challenges.get(card.serial) != challenge:
            self.last_challenges[card.serial] = challenge
            card.switch_off()

    def give_card(self, name: str, serial: str, kind: str = Kind.DSC_PLUS) -> None:
        """Enroll a card for a user, and make the card that the page shows."""
        key = secrets.token_bytes(32)
        self.given.add(serial)
        self.system.verifier.enroll(serial, key=key, suite=DEFAULT_SUITE, pin=PIN, owners=(name,))
        self.system.operator.enroll_card(name, serial, kind)
        if self.make_card is not None:
            self._put(name, self.make_card({"serial": serial, "key": key, "suite": DEFAULT_SUITE}))

    def give_bank(self, account: str, iban: str) -> None:
        """Give an account bank instructions, so that its users can withdraw money."""
        given = bank_numbers.checked(iban=iban)
        self.system.context.change(lambda tx: bank_instructions.keep(tx, account, given))

    def take_card(self, name: str) -> None:
        """Switch a user's card off, and remove it from the page."""
        card = self.cards.pop(name, None)
        if card is not None:
            card.close()

    def blank_card(self, name: str) -> CardClient:
        """Put a blank card for a user on the page, and return its client. Raises `DscError` if no simulator is installed."""
        if self.make_card is None:
            raise DscError("no card can be made here: install the simulator")
        card = self.make_card()
        self._put(name, card)
        return CardClient(card.line())

    def sent_letters(self) -> Sequence[Letter]:
        """Send the messages that are due, and return all kept messages, the oldest first."""
        self.system.deliver()
        # A copy, because another thread may add a message at any time.
        return tuple(self.letters)

    def count_numbers(self, name: str) -> int:
        """Return the number of phone numbers that a user has confirmed."""
        c = rows.phones.c
        return self.system.context.read(
            lambda tx: rows.phones.count(tx.db, c.user_id == user_named(tx.db, name).id, c.confirmed_at.is_not(None))
        )

    def set_language(self, name: str, language: str) -> None:
        """Send the messages to `name`, if this is one of `PEOPLE`, in this language from now on."""
        if name in PEOPLE and self.languages.get(name, FALLBACK) != language:
            self.system.operator.set_language(name, language)
            self.languages[name] = language

    def phone(self, name: str) -> PhoneApp:
        """Return the app on a user's phone."""
        return PhoneApp(Path(self.folder.name) / f"{name}.json", self.system.phones)

    def pass_days(self, days: float) -> None:
        """Advance the clock by whole days, and do the maintenance of each day."""
        for _ in range(int(days)):
            self.clock.ahead += _DAY
            self.system.operator.run_due()

    def close(self) -> None:
        """Switch all cards off, close the records and delete the files of the phones."""
        for card in self.cards.values():
            card.close()
        self.system.verifier.close()
        self.folder.cleanup()

    def _put(self, name: str, card: PageCard) -> None:
        before = self.cards.get(name)
        if before is not None:
            before.close()
        self.cards[name] = card


PEOPLE = {
    "anna": "has a card; primary user of her account",
    "anna.work": "another user name of Anna's, with codes by SMS; use it to share the card",
    "carl": "has an equity of 2.5 million US dollars and codes by SMS; use it to request a card or activate a phone",
    "sue": "support, with a card",
    "ivo": "issuer, with a card; makes and sends the requested cards",
    "cleo": "compliance, with a card",
}
ANNA = Identity("1980-05-17", "CH", "CH", "passport", "X1234567")
CARL = Identity("1975-11-02", "DE", "DE", "id", "L01X00T47")


CONTACT = {"support": "+41 41 555 01 01", "returns": "Card returns, 5 Desk Lane, 6300 Zug, Switzerland"}
SETTINGS = {"contact": CONTACT, "request": {"returnable": ["IB3000xxx", "IB31xxxxx"]}}
"""The policy of the demonstration. The serials of the cards in stories are of the form IB31xxxxx."""


def begin(policy: Policy | None = None) -> Demonstration:
    """Return a demonstration with a database in memory and the users of `PEOPLE`, who all have the password `DEMO_PASSWORD`."""
    policy = policy or Policy.of(SETTINGS)
    clock, letters = Clock(), deque[Letter](maxlen=_KEPT_LETTERS)
    verifier = Verifier.open("sqlite://", master_key=MasterKey.generate(), clock=clock)
    senders = dict.fromkeys(("email", "sms", "voice"), Calling(letters.append))
    system = LoginSystem.over(verifier, policy=policy, senders=senders, statements=DemonstrationStatements())
    folder = tempfile.TemporaryDirectory(prefix="dscplus-phones-")
    demo = Demonstration(system, card_maker(), clock, letters, folder, people=dict(PEOPLE))
    _populate(demo)
    return demo


def _populate(demo: Demonstration) -> None:
    system = demo.system
    anna = system.operator.add_entity("Anna Example", ANNA, "1 Harbour Road, 6300 Zug, Switzerland")
    carl = system.operator.add_entity("Carl Example", CARL, "2 Lake Street, 10115 Berlin, Germany")
    staff = system.operator.add_entity(
        "The desk", Identity("1990-01-01", "CH", "CH", "id", "S0000001"), "3 Desk Lane, 6300 Zug, Switzerland"
    )
    annas = system.operator.add_account(anna, Decimal(3_000_000))
    carls = system.operator.add_account(carl, Decimal(2_500_000))
    desk = system.operator.add_account(staff, Decimal(0))
    demo.give_bank(annas, "CH56 0483 5012 3456 7800 9")
    demo.give_bank(carls, "DE75 5121 0800 1245 1261 99")
    for name, account, phone, role in (
        ("anna", annas, None, Role.CUSTOMER),
        ("anna.work", annas, "+41791234567", Role.CUSTOMER),
        ("carl", carls, "+4915112345678", Role.CUSTOMER),
        ("sue", desk, None, Role.SUPPORT),
        ("ivo", desk, None, Role.ISSUER),
        ("cleo", desk, None, Role.COMPLIANCE),
    ):
        system.operator.add_user(account, name, DEMO_PASSWORD, email=f"{name}@example.com", phone=phone, role=role)
    for number, name in enumerate(("anna", "sue", "ivo", "cleo"), 901):
        demo.give_card(name, f"IB3000{number}")
    # Drop the messages about these cards: they were sent before the first visitor, so nobody has chosen their language.
    system.deliver()
    demo.letters.clear()
