"""What whoever runs the system does at its own machine: people and accounts, cards to be made, and what time makes due.

Whoever may open the records may do this: there is no session, and the log names the actor of the records.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import contacts, directory, field_checks, money, people, users
from dsc_host.login.cards import shipping
from dsc_host.login.devices import lifecycle, registry
from dsc_host.login.messages import notices
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import Identity, Kind, Request, Role
from dsc_host.login.service import maintenance
from dsc_host.login.signin import sessions
from dsc_host.login.transaction import LoginContext, LoginTransaction, known, locked_user
from dsc_host.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Operator:
    """Made by `LoginSystem.operator`."""

    context: LoginContext
    verifier: Verifier
    senders: Mapping[str, Sender]

    def add_entity(self, name: str, identity: Identity, address: str) -> str:
        """Somebody whom the law knows; their id. Raises `InputError`."""
        return self.context.change(lambda tx: people.add_entity(tx, name, identity, address).id)

    def add_account(self, entity: str, equity: Decimal, currency: str = "USD") -> str:
        """Raises `InputError`."""
        return self.context.change(lambda tx: people.add_account(tx.db, entity, equity, currency).id)

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
        self.context.passwords.check_new(password, name)
        kept = self.context.passwords.hashed(password)

        def added(tx: LoginTransaction) -> str:
            user = users.add_user(tx, account, name, kept, email, language, role, entity)
            if phone is not None:
                contacts.add_phone(tx, user, phone, told=notices.new_user())
                lifecycle.enable_messages(tx, user, phone, notices.new_user())
            return user.id

        return self.context.change(added)

    def check_new_user(
        self, account: str, name: str, *, email: str, phone: str | None, language: str, entity: str | None
    ) -> None:
        """Raises the `InputError` that `add_user` would raise, before a password is asked for."""
        if phone is not None:
            field_checks.check_phone(phone)
        self.context.read(lambda tx: users.check_new_user(tx.db, account, name, email, language, entity))

    def user(self, name: str) -> directory.UserView:
        """The user of this name. Raises `InputError`."""
        user = self.context.read(lambda tx: users.user_by_name(tx.db, name))
        return next(each for each in self.users(user.name) if each.id == user.id)

    def set_password(self, name: str, password: str) -> None:
        """For who has forgotten theirs: their sessions end, and they are told. Raises `InputError`."""
        self.context.read(lambda tx: users.user_by_name(tx.db, name))
        self.context.passwords.check_new(password, name)
        kept = self.context.passwords.hashed(password)

        def changed(tx: LoginTransaction) -> None:
            sessions.end_all(tx.db, users.set_password(tx, name, kept))

        self.context.change(changed)

    def set_email(self, name: str, email: str) -> None:
        """Where a user's messages go; the address from before is told, too. Raises `InputError`."""
        self.context.change(lambda tx: contacts.set_email(tx, name, email))

    def set_language(self, name: str, language: str) -> None:
        """Of a user's messages: one of `people.LANGUAGES`. Raises `InputError`."""
        self.context.change(lambda tx: users.set_language(tx, name, language))

    def set_primary(self, account: str, name: str) -> None:
        """Who may change an account's security settings: one of its users. Raises `InputError`."""
        self.context.change(lambda tx: users.set_primary(tx, account, name))

    def persons(self, name: str = "") -> list[directory.PersonView]:
        """Those whose names have `name` in them."""
        return self.context.read(lambda tx: directory.persons(tx.db, name))

    def accounts(self) -> list[directory.AccountView]:
        """All of them."""
        return self.context.read(lambda tx: directory.accounts(tx.db))

    def users(self, name: str = "") -> list[directory.UserView]:
        """Those whose names have `name` in them."""
        return self.context.read(lambda tx: directory.users(tx.db, name))

    def enrol_card(self, name: str, serial: str) -> str:
        """A card that is in the verifier's records already becomes a user's, in use; the device's id."""

        def enrolled(tx: LoginTransaction) -> str:
            # The first statement: of two that assign the same card, one is told that it is somebody's.
            self.context.cards.store.claim(tx.db)
            user = locked_user(tx.db, users.user_by_name(tx.db, name).id)
            if rows.devices.count(tx.db, rows.devices.c.serial == serial):
                raise InputError("serial", "{serial} is somebody's already", serial=serial)
            told = notices.tell(tx, user, "activated", device=serial)
            device = registry.add(tx, user, Kind.DSC_PLUS, told=told, serial=serial)
            users.settings_changed(tx.db, user)
            tx.log("card.assign", user, "done", card=serial)
            return device.id

        self.verifier.card(serial)
        return self.context.change(enrolled)

    def set_equity(self, account: str, equity: Decimal) -> None:
        """Raises `InputError`."""
        cents = money.cents("equity", equity)
        self.context.change(
            lambda tx: rows.accounts.change(
                tx.db, known(rows.accounts.locked(tx.db, account), "account", account).id, equity=cents
            )
        )

    def put_under_review(self, entity: str, reviewed: bool = True) -> None:
        """Whether compliance has to agree before a device of this entity's is shared. Raises `InputError`."""
        self.context.change(lambda tx: people.put_under_review(tx, entity, reviewed))

    def run_due(self) -> maintenance.Done:
        """Do what time has made due, and send what waits."""
        return maintenance.run(self.context, self.senders)

    def queue(self) -> list[Request]:
        """The cards that are to be made or sent."""
        return self.context.change(lambda tx: shipping.queue(tx))

    def make_cards(self, open_card: shipping.OpenCard, told: shipping.Told) -> list[Request]:
        """Make all cards that were asked for, one after another. Raises what a card's line raises."""
        return shipping.personalise_all(self.context, self.verifier, open_card, told)

    def ship(self, request: str) -> Request:
        """A card is on its way. Raises `NotNow`, `InputError`."""

        def shipped(tx: LoginTransaction) -> Request:
            known(rows.orders.find(tx.db, request), "request", request)
            return shipping.ship(tx, request)

        return self.context.change(shipped)
