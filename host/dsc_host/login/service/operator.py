"""What whoever runs the system does at its own machine: people and accounts, cards to be made, and what time makes due.

Whoever may open the records may do this: there is no session, and the log names the actor of the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Connection

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import contacts, directory, field_checks, money, people, users
from dsc_host.login.cards import shipping
from dsc_host.login.context import Reception, known, locked_user
from dsc_host.login.devices import lifecycle, registry
from dsc_host.login.messages import notices
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import Identity, Kind, Request, Role
from dsc_host.login.service import maintenance
from dsc_host.login.signin import sessions
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

        may log in by SMS and call-back at once; without anything, they have to call support. `entity` is whose name it is,
        if not the account owner's. Raises `InputError`.
        """
        self.check_new_user(account, name, email=email, phone=phone, language=language, entity=entity)
        self.at.passwords.check_new(password, name)
        kept = self.at.passwords.hashed(password)

        def added(db: Connection) -> str:
            user = users.add_user(self.at, db, account, name, kept, email, language, role, entity)
            if phone is not None:
                contacts.add_phone(self.at, db, user, phone, told=notices.new_user())
                lifecycle.enable_messages(self.at, db, user, phone, notices.new_user())
            return user.id

        return self.at.change(added)

    def check_new_user(
        self, account: str, name: str, *, email: str, phone: str | None, language: str, entity: str | None
    ) -> None:
        """Raises the `InputError` that `add_user` would raise, before a password is asked for."""
        if phone is not None:
            field_checks.check_phone(phone)
        self.at.read(lambda db: users.check_new_user(db, account, name, email, language, entity))

    def user(self, name: str) -> directory.UserView:
        """The user of this name. Raises `InputError`."""
        user = self.at.read(lambda db: users.user_by_name(db, name))
        return next(each for each in self.users(user.name) if each.id == user.id)

    def set_password(self, name: str, password: str) -> None:
        """For who has forgotten theirs: their sessions end, and they are told. Raises `InputError`."""
        self.at.read(lambda db: users.user_by_name(db, name))
        self.at.passwords.check_new(password, name)
        kept = self.at.passwords.hashed(password)

        def changed(db: Connection) -> None:
            sessions.end_all(db, users.set_password(self.at, db, name, kept))

        self.at.change(changed)

    def set_email(self, name: str, email: str) -> None:
        """Where a user's messages go; the address from before is told, too. Raises `InputError`."""
        self.at.change(lambda db: contacts.set_email(self.at, db, name, email))

    def set_language(self, name: str, language: str) -> None:
        """Of a user's messages: one of `people.LANGUAGES`. Raises `InputError`."""
        self.at.change(lambda db: users.set_language(self.at, db, name, language))

    def set_primary(self, account: str, name: str) -> None:
        """Who may change an account's security settings: one of its users. Raises `InputError`."""
        self.at.change(lambda db: users.set_primary(self.at, db, account, name))

    def persons(self, name: str = "") -> list[directory.PersonView]:
        """Those whose names have `name` in them."""
        return self.at.read(lambda db: directory.persons(db, name))

    def accounts(self) -> list[directory.AccountView]:
        """All of them."""
        return self.at.read(directory.accounts)

    def users(self, name: str = "") -> list[directory.UserView]:
        """Those whose names have `name` in them."""
        return self.at.read(lambda db: directory.users(db, name))

    def enrol_card(self, name: str, serial: str) -> str:
        """A card that is in the verifier's records already becomes a user's, in use; the device's id."""

        def enrolled(db: Connection) -> str:
            # The first statement: of two that assign the same card, one is told that it is somebody's.
            self.at.office.store.claim(db)
            user = locked_user(db, users.user_by_name(db, name).id)
            if rows.devices.count(db, rows.devices.c.serial == serial):
                raise InputError("serial", "{serial} is somebody's already", serial=serial)
            told = notices.tell(self.at, db, user, "activated", device=serial)
            device = registry.add(self.at, db, user, Kind.DSC_PLUS, told=told, serial=serial)
            users.settings_changed(db, user)
            self.at.log(db, "card.assign", user, "done", card=serial)
            return device.id

        self.verifier.card(serial)
        return self.at.change(enrolled)

    def set_equity(self, account: str, equity: Decimal) -> None:
        """Raises `InputError`."""
        cents = money.cents("equity", equity)
        self.at.change(
            lambda db: rows.accounts.change(db, known(rows.accounts.locked(db, account), "account", account).id, equity=cents)
        )

    def put_under_review(self, entity: str, reviewed: bool = True) -> None:
        """Whether compliance has to agree before a device of this entity's is shared. Raises `InputError`."""
        self.at.change(lambda db: people.put_under_review(self.at, db, entity, reviewed))

    def run_due(self) -> maintenance.Done:
        """Do what time has made due, and send what waits."""
        return maintenance.run(self.at, self.senders)

    def queue(self) -> list[Request]:
        """The cards that are to be made or sent."""
        return self.at.change(lambda db: shipping.queue(self.at, db))

    def make_cards(self, open_card: shipping.OpenCard, told: shipping.Told) -> list[Request]:
        """Make all cards that were asked for, one after another. Raises what a card's line raises."""
        return shipping.personalise_all(self.at, self.verifier, open_card, told)

    def ship(self, request: str) -> Request:
        """A card is on its way. Raises `NotNow`, `InputError`."""

        def shipped(db: Connection) -> Request:
            known(rows.orders.find(db, request), "request", request)
            return shipping.ship(self.at, db, request)

        return self.at.change(shipped)
