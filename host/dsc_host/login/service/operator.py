"""The operations of the operator, the person who runs the system: people, accounts, cards, and maintenance.

These operations need no session: anybody who can open the database may use them. The audit log names the actor of the context.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from dsc_host.login import rows
from dsc_host.login.accounts import contacts, directory, money, people, phone_numbers, users
from dsc_host.login.cards import assignment, shipping
from dsc_host.login.messages.outbox import Sender
from dsc_host.login.model import Identity, Kind, Role
from dsc_host.login.phones import number_confirmation
from dsc_host.login.profile import overview, postal_address
from dsc_host.login.service import maintenance
from dsc_host.login.signin import password_change
from dsc_host.login.transaction import LoginContext, known, locked_user
from dsc_host.login.views import Profile, Request
from dsc_host.verifier import Verifier


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator's calls. `LoginSystem.operator` makes the object."""

    context: LoginContext
    verifier: Verifier
    senders: Mapping[str, Sender]

    def add_entity(self, name: str, identity: Identity, address: str) -> str:
        """Add a person or company and return the id. Raises `InputError`."""
        return self.context.change(lambda tx: people.add_entity(tx, name, identity, address).id)

    def add_account(self, entity: str, equity: Decimal, currency: str = "USD") -> str:
        """Add an account and return its id. Raises `InputError`."""
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
        """Add a user to an open account and return the id. The first user of an account is its primary user.

        `phone` is a number that the operator has confirmed. The user can immediately log in with SMS and call-back to it.
        Without `phone`, the user must call support to get a device. `entity` is the id of the person who will use the name;
        None means the account's owner. Raises `InputError`.
        """
        self.check_new_user(account, name, email=email, phone=phone, language=language, entity=entity)
        self.context.passwords.check_new(password, name)
        kept = self.context.passwords.hashed(password)

        return self.context.change(
            lambda tx: (
                number_confirmation.add_first(
                    tx, users.add_user(tx, account, name, kept, email, language, role, entity), phone
                ).id
            )
        )

    def check_new_user(
        self, account: str, name: str, *, email: str, phone: str | None, language: str, entity: str | None
    ) -> None:
        """Raise the `InputError` that `add_user` would raise for these values, before the operator is asked for a password."""
        if phone is not None:
            phone_numbers.check_phone(phone)
        self.context.read(lambda tx: users.check_new_user(tx.db, account, name, email, language, entity))

    def user(self, name: str) -> directory.UserView:
        """Return the user of this name. Raises `InputError`."""
        user = self.context.read(lambda tx: users.user_by_name(tx.db, name))
        return next(each for each in self.users(user.name) if each.id == user.id)

    def set_password(self, name: str, password: str) -> None:
        """Set the password of a user who has forgotten it, and notify the user. Raises `InputError`.

        The user's sessions end. If wrong passwords have locked the name, it is open again.
        """
        self.context.read(lambda tx: users.user_by_name(tx.db, name))
        self.context.passwords.check_new(password, name)
        kept = self.context.passwords.hashed(password)
        self.context.change(lambda tx: password_change.set_forgotten(tx, name, kept))

    def set_email(self, name: str, email: str) -> None:
        """Set the email address of a user, and notify both addresses. Raises `InputError`."""
        self.context.change(lambda tx: contacts.set_email(tx, name, email))

    def profile(self, name: str) -> Profile:
        """Return the profile of a user, with masked bank instructions. Raises `InputError`."""
        return self.context.read(lambda tx: overview.of_user(tx, users.user_by_name(tx.db, name)))

    def set_address(self, name: str, address: str) -> None:
        """Replace the postal address of the person whom a user belongs to, and notify all users of that person.

        Raises `InputError`, `NotAllowed`.
        """
        self.context.change(
            lambda tx: postal_address.replace(
                tx, locked_user(tx.db, users.user_by_name(tx.db, name).id), address, by=users.BY_OPERATOR
            )
        )

    def set_language(self, name: str, language: str) -> None:
        """Set the language of a user's messages: one of `field_checks.LANGUAGES`. Raises `InputError`."""
        self.context.change(lambda tx: users.set_language(tx, name, language))

    def set_primary(self, account: str, name: str) -> None:
        """Make one of an account's users its primary user, who may change its security settings. Raises `InputError`."""
        self.context.change(lambda tx: users.set_primary(tx, account, name))

    def persons(self, name: str = "") -> list[directory.PersonView]:
        """Return the people whose names contain `name`, or all people."""
        return self.context.read(lambda tx: directory.persons(tx.db, name))

    def accounts(self) -> list[directory.AccountView]:
        """Return all accounts."""
        return self.context.read(lambda tx: directory.accounts(tx.db))

    def users(self, name: str = "") -> list[directory.UserView]:
        """Return the users whose names contain `name`, or all users."""
        return self.context.read(lambda tx: directory.users(tx.db, name))

    def enroll_card(self, name: str, serial: str, kind: str = Kind.DSC_PLUS) -> str:
        """Assign an enrolled card to a user, as an active device. Return the id of the device.

        Raises `InputError`, and `UnknownCard` if the verifier has no such card.

        `kind` is `Kind.DSC_PLUS`, or one of the kinds that are no longer issued: `Kind.PLATINUM`, `Kind.GOLD` and
        `Kind.DIGITAL_CARD`.
        """
        self.verifier.card(serial)
        return self.context.change(lambda tx: assignment.assign(tx, name, serial, kind))

    def set_equity(self, account: str, equity: Decimal) -> None:
        """Set the equity of an account. Raises `InputError`."""
        cents = money.cents("equity", equity)
        self.context.change(lambda tx: people.set_equity(tx.db, account, cents))

    def set_under_review(self, entity: str, under_review: bool = True) -> None:
        """Put a person under review, or end the review. Raises `InputError`.

        The policy may say that compliance must agree before a person under review shares a device.
        """
        self.context.change(lambda tx: people.set_under_review(tx, entity, under_review))

    def run_due(self) -> maintenance.Done:
        """Do the maintenance that is due, including the sending of messages."""
        return maintenance.run(self.context, self.senders)

    def queue(self) -> list[Request]:
        """Return the requests whose cards must be made or shipped."""
        return self.context.read(shipping.queue)

    def make_cards(self, open_card: shipping.OpenCard, progress: shipping.Progress) -> list[Request]:
        """Make the cards of all requests, one after another. See `shipping.personalize_all` for the arguments and errors."""
        return shipping.personalize_all(self.context, self.verifier, open_card, progress)

    def ship(self, request: str) -> Request:
        """Record that a card was shipped. Raises `NotNow`, `InputError`."""
        return self.context.change(
            lambda tx: shipping.ship(tx, known(rows.orders.find(tx.db, request), "request", request).id, users.BY_OPERATOR)
        )
