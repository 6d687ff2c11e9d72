"""The people of the login system's tests, their devices, and a clock that the tests move.

`anna` has a card and is the primary user, `ben` shares her account and has SMS, and `carl` is somebody else. `sue` is support,
`ivo` the issuer, and `cleo` compliance. All have the same password, and all cards have the same key and PIN.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Generic, TypeVar

import pytest
from tests.host.databases import SQLITE, Template
from tests.host.login.letters import newest_code
from tests.host.verifier_samples import KEY, MASTER, PIN, SUITE, Clock, drawing

from dsc_host.login import (
    Calling,
    Identity,
    Kind,
    Letter,
    LoginSystem,
    Loss,
    Offer,
    Policy,
    Role,
    Scope,
    Stage,
    Status,
    Step,
    rows,
)
from dsc_host.login.devices import registry, waits
from dsc_host.login.devices.kinds import Outcome
from dsc_host.login.messages import outbox
from dsc_host.login.signin import flow
from dsc_host.login.signin.session_data import LoginData
from dsc_host.login.support import wait_outcomes
from dsc_host.login.transaction import LoginTransaction, locked_user, user_named
from dsc_host.ocra import Suite
from dsc_host.verifier import Verifier

T = TypeVar("T")
PASSWORD = "a quiet harbour at dawn"
ANNA = Identity("1980-05-17", "CH", "CH", "passport", "X1234567")
CARL = Identity("1975-11-02", "DE", "DE", "id", "L01X00T47")
STAFF = Identity("1990-01-01", "CH", "CH", "id", "S0000001")
CHEAP = {"passwords": {"memory_kib": 8, "iterations": 1}}
"""A cheap cost for password hashes. Other tests cover the real cost."""
PHONE = "+41791234567"
DAY = 86_400
SERIALS = {"anna": "IB3000901", "sue": "IB3000902", "ivo": "IB3000903", "cleo": "IB3000904"}
"""The cards that people have from the beginning."""


@dataclass
class Scenario:
    """A login system with its people, its clock, and the messages that were sent."""

    system: LoginSystem
    verifier: Verifier
    clock: Clock
    letters: list[Letter]
    url: str
    """The address of its database."""
    entities: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)

    def populate(self) -> None:
        """Add all people with their devices."""
        for name, identity in (("anna", ANNA), ("carl", CARL), ("staff", STAFF)):
            self.entities[name] = self.system.operator.add_entity(name.title(), identity, "1 Harbour Road, Zug")
            self.accounts[name] = self.system.operator.add_account(self.entities[name], Decimal("2500000"))
        self.add("anna", "anna")
        self.add("ben", "anna", phone=PHONE)
        self.add("carl", "carl", phone="+4915112345678")
        for name, role in (("sue", Role.SUPPORT), ("ivo", Role.ISSUER), ("cleo", Role.COMPLIANCE)):
            self.add(name, "staff", role=role)
        for name in SERIALS:
            self.give_card(name, SERIALS[name])

    def add(self, name: str, whose: str, *, phone: str | None = None, role: Role = Role.CUSTOMER) -> None:
        self.system.operator.add_user(
            self.accounts[whose], name, PASSWORD, email=f"{name}@example.com", phone=phone, role=role
        )  # fmt: skip

    def give_card(self, name: str, serial: str, kind: Kind = Kind.DSC_PLUS) -> str:
        self.verifier.enroll(serial, key=KEY, suite=SUITE, pin=PIN, owners=(name,))
        return self.system.operator.enroll_card(name, serial, kind)

    def respond(self, serial: str, question: str, pin: str = PIN) -> str:
        """Return the response of a card, and raise its counter."""
        counter = self.counters.get(serial, 0)
        self.counters[serial] = counter + 1
        return Suite.parse(SUITE).response(KEY, question, counter=counter, pin=pin)

    def chosen(self, name: str, kind: Kind, *, password: str = PASSWORD) -> Step:
        """Begin a login and ask for the challenge of a device."""
        step = self.system.begin(name, password, "192.0.2.1")
        device = next(choice for choice in step.choices if choice.kind is kind)
        return self.system.choose(step.token, device.id)

    def enter(self, name: str, *, password: str = PASSWORD, pin: str = PIN, kind: Kind = Kind.DSC_PLUS) -> str:
        """Log in by a card, the user's own card or a shared card. Return the session's token."""
        step = self.chosen(name, kind, password=password)
        assert step.offer is not None
        return self.answered(step.token, self.respond(step.offer.label, step.offer.shows["challenge"], pin))

    def session(self, name: str) -> str:
        """Open a session by a card or else by SMS, without the steps of a login, which other tests cover."""
        kind = Kind.DSC_PLUS if name in SERIALS else Kind.SMS

        def opened(tx: LoginTransaction) -> str:
            user = locked_user(tx.db, user_named(tx.db, name).id)
            device = next(device for device, _ in registry.live_of(tx, user) if device.kind == kind)
            return flow._open_session(tx, user, device.id, Outcome(Status.ACCEPTED, Scope.FULL), LoginData(address="")).token

        return self.system.change(opened)

    def enter_by_sms(self, name: str) -> str:
        step = self.chosen(name, Kind.SMS)
        return self.answered(step.token, self.sent("sms"))

    def answered(self, token: str, text: str) -> str:
        done = self.system.answer(token, text).step
        assert done is not None, "it was refused"
        assert done.stage is Stage.IN, "it was refused"
        return done.token

    def sent(self, channel: str) -> str:
        """Send what is due. Return the code in the newest message of a channel."""
        self.system.deliver()
        return newest_code(self.letters, channel)

    def told(self, name: str) -> list[str]:
        """Send what is due. Return the templates of the emails to this user."""
        self.system.deliver()
        return [letter.template for letter in self.letters if letter.address == f"{name}@example.com"]

    def confirm(self, token: str, number: str) -> None:
        """Confirm a number in this session by the code that is sent to it."""
        assert self.system.ask_to_confirm_phone(token, number) == f"{number[:3]}…{number[-2:]}"
        assert self.system.confirm_phone(token, self.sent("sms"))

    def change_pin(self, token: str, pin: str) -> None:
        """Change the PIN of the user's card by a response with the new PIN."""
        offer = self.system.ask_to_change_pin(token, self.device(token, Kind.DSC_PLUS))
        assert self.system.change_pin(token, self.respond(offer.label, offer.shows["challenge"], pin), pin)

    def tell(self, name: str, template: str, **values: object) -> None:
        """Put a message to a user into the outbox."""
        self.system.change(lambda tx: outbox.add(tx, user_named(tx.db, name), template, **values))

    def call(self, name: str, who: Identity = ANNA) -> str:
        """Have a user call support and be identified. Return the token of support."""
        token = self.session("sue")
        assert self.system.staff.identify(token, name, who)
        return token

    def lose(self, name: str, label: str, loss: Loss, who: Identity = ANNA) -> str:
        """Have a user report the loss of the device with this label. Return the token of support."""
        token = self.call(name, who)
        device = next(each for each in self.system.staff.caller_devices(token)[1] if each.label == label)
        self.system.staff.report_loss(token, device.id, loss)
        return token

    def waited(self, name: str) -> None:
        """Let all waits of a user take effect, as if their days had passed."""

        def counted(tx: LoginTransaction) -> None:
            user = locked_user(tx.db, user_named(tx.db, name).id)
            for wait in waits.of_user(tx.db, user):
                wait_outcomes.take_effect(tx, user, wait)

        self.system.change(counted)

    def correct(self, name: str, identity: Identity) -> None:
        """Have support request a correction of an identity, and compliance confirm it."""
        self.system.staff.correct_identity(self.session("sue"), name, identity)
        desk = self.session("cleo")
        (wait, _), *_rest = self.system.staff.corrections(desk)
        self.system.staff.decide_correction(desk, wait.id, True)

    def bridged(self, name: str, who: Identity = ANNA) -> tuple[str, str]:
        """Give a user a temporary code. Return the code, and the token of a session that it opened."""
        code = self.system.staff.give_temporary_code(self.call(name, who))
        return code, self.answered(self.chosen(name, Kind.TEMPORARY_CODE).token, code)

    def with_codes(self, name: str) -> tuple[str, ...]:
        """Give a user an active code card. Return its codes."""
        card, codes = self.system.staff.issue_code_card(self.call(name))
        self.waited(name)
        token = self.session(name)
        assert self.system.activate(token, looked_up(codes, self.system.ask_to_activate(token, card.id)))
        return codes

    def device(self, token: str, kind: Kind) -> str:
        return next(device.id for device in self.system.devices(token) if device.kind is kind)

    def events(self) -> list[tuple[str, str, str]]:
        return [(entry.action, entry.outcome, entry.reason) for entry in self.verifier.audit.entries()]


def looked_up(codes: Sequence[str], offer: Offer | None) -> str:
    """Return the codes of a card at the index numbers that the page asks for."""
    assert offer is not None
    return " ".join(codes[int(each) - 1] for each in offer.shows["indexes"].split())


@contextmanager
def opened_scenario(url: str, clock: Clock, tables: Mapping[str, object]) -> Iterator[Scenario]:
    letters: list[Letter] = []
    sender = Calling(letters.append)
    policy = Policy.of({**CHEAP, **tables})
    with Verifier.open(url, master_key=MASTER, clock=clock, draw=drawing()) as verifier:
        system = LoginSystem.over(verifier, policy=policy, senders=dict.fromkeys(("email", "sms", "voice"), sender))
        yield Scenario(system, verifier, clock, letters, url)


@dataclass(frozen=True)
class Settled(Generic[T]):
    """The facts about a saved scenario: the ids of people and accounts, the counters of cards, and more."""

    entities: dict[str, str]
    accounts: dict[str, str]
    counters: dict[str, int]
    now: float
    more: T


def kept_scenario(more: Callable[[Scenario], T]) -> Template[Settled[T]]:
    """Return a template for copies of a scenario with all its people, after `more` was done. No message waits in it."""

    def settle(url: str) -> Settled[T]:
        with opened_scenario(url, Clock(), {}) as scenario:
            scenario.populate()
            known = more(scenario)
            scenario.system.deliver()
            scenario.system.change(lambda tx: rows.messages.remove(tx.db, rows.messages.c.id != ""))
            return Settled(scenario.entities, scenario.accounts, scenario.counters, scenario.clock.now, known)

    return Template(settle)


_SETTLED = kept_scenario(lambda _: None)


@contextmanager
def copied_scenario(
    template: Template[Settled[T]], clock: Clock, kind: str = SQLITE, **tables: object
) -> Iterator[tuple[Scenario, T]]:
    """Yield a copy of a scenario under a policy with these tables, and the result of `more`."""
    with template.copy(kind) as (database, known), opened_scenario(database.url, clock, tables) as scenario:
        scenario.entities.update(known.entities)
        scenario.accounts.update(known.accounts)
        scenario.counters.update(known.counters)
        clock.now = max(clock.now, known.now)
        yield scenario, known.more


@contextmanager
def new_scenario(clock: Clock, kind: str = SQLITE, **tables: object) -> Iterator[Scenario]:
    """Yield a new scenario under a policy with these tables."""
    with copied_scenario(_SETTLED, clock, kind, **tables) as (scenario, _):
        yield scenario


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def scenario(database_kind: str, clock: Clock) -> Iterator[Scenario]:
    with new_scenario(clock, database_kind) as scenario:
        yield scenario
