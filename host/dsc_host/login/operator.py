"""What whoever runs the system does at its own machine: people and accounts, cards to be made, and what time makes due.

Whoever may open the records may do this: there is no session, and the log names the actor of the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import desk, devices, due, people, records, shipping
from dsc_host.login.model import Identity, Kind, Request, Role
from dsc_host.login.outbox import Sender
from dsc_host.login.reception import Reception, known, locked_user, user_named
from dsc_host.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Operator:
    """Made by `LoginSystem.operator`."""

    at: Reception
    verifier: Verifier
    senders: Mapping[str, Sender]

    def add_entity(self, name: str, identity: Identity, address: str) -> str:
        """Somebody whom the law knows; their id. Raises `InputError`."""
        return self.at.change(lambda db: people.add_entity(self.at, db, name, identity, address).id)

    def add_account(self, entity: str, equity: Decimal, currency: str = "USD") -> str:
        """Raises `InputError`."""
        return self.at.change(lambda db: people.add_account(db, entity, equity, currency).id)

    def add_user(
        self,
        account: str,
        name: str,
        password: str,
        *,
        email: str,
        phone: str | None = None,
        language: str = "en",
        role: Role = Role.CUSTOMER,
        entity: str | None = None,
    ) -> str:
        """A name to log in by. The first of an account is its primary user. With a phone, whose number was confirmed, they

        may log in by SMS and call-back at once; without anything, they have to call support. Raises `InputError`.
        """
        people.check_name(name)
        if phone is not None:
            people.check_phone(phone)
        self.at.passwords.check_new(password, name)
        kept = self.at.passwords.hashed(password)

        def added(db: Connection) -> str:
            user = people.add_user(self.at, db, account, name, kept, email, language, role, entity)
            if phone is not None:
                people.add_phone(self.at, db, user, phone, confirmed=True)
                desk.enable_messages(self.at, db, user, phone)
            return user.id

        return self.at.change(added)

    def enrol_card(self, name: str, serial: str) -> str:
        """A card that is in the verifier's records already becomes a user's, in use; the device's id."""

        def enrolled(db: Connection) -> str:
            # The first statement: of two that assign the same card, one is told that it is somebody's.
            self.at.office.store.claim(db)
            user = locked_user(db, user_named(db, name).id)
            if records.devices.count(db, records.devices.c.serial == serial):
                raise InputError("serial", "{serial} is somebody's already", serial=serial)
            device = devices.add(self.at, db, user, Kind.DSC_PLUS, serial=serial)
            people.settings_changed(db, user)
            self.at.log(db, "card.assign", user, "done", card=serial)
            return device.id

        self.verifier.card(serial)
        return self.at.change(enrolled)

    def set_equity(self, account: str, equity: Decimal) -> None:
        """Raises `InputError`."""
        cents = people.cents("equity", equity)
        self.at.change(
            lambda db: records.accounts.change(
                db, known(records.accounts.locked(db, account), "account", account).id, equity=cents
            )
        )

    def put_under_review(self, entity: str, reviewed: bool = True) -> None:
        """Whether compliance has to agree before a device of this entity's is shared."""

        def put(db: Connection) -> None:
            known(records.entities.find(db, entity), "person", entity)
            records.entities.change(db, entity, under_review=reviewed)

        self.at.change(put)

    def run_due(self) -> due.Done:
        """Do what time has made due, and send what waits."""
        return due.run(self.at, self.senders)

    def queue(self) -> list[Request]:
        """The cards that are to be made or sent."""
        return self.at.change(lambda db: shipping.queue(self.at, db))

    def make_cards(self, open_card: shipping.OpenCard, told: shipping.Told) -> list[Request]:
        """Make all cards that were asked for, one after another. Raises what a card's line raises."""
        return shipping.personalise_all(self.at, self.verifier, open_card, told)

    def ship(self, request: str) -> Request:
        """A card is on its way. Raises `NotNow`, `InputError`."""

        def shipped(db: Connection) -> Request:
            known(records.orders.find(db, request), "request", request)
            return shipping.ship(self.at, db, request)

        return self.at.change(shipped)
