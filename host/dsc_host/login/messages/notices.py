"""Notices: messages about a security event, such as a new device, sent to every address that the user had before.

`registry.add` adds a device, and `contacts.add_phone` adds a phone number. Both require a `Notified`, which only this module
makes. A `Notified` without a notice exists only for a new user and for a card that is being made. Call `notify` before the
change, so that the notice goes to the earlier addresses.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.messages import outbox
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction


@dataclass(frozen=True, slots=True)
class Notified:
    """Proof that a user was notified, with the template and the addresses."""

    template: str
    addresses: tuple[str, ...]


def notify(tx: LoginTransaction, user: User, template: str, **values: str | date) -> Notified:
    """Notify a user by email, and by SMS to every confirmed number."""
    numbers = numbers_of(tx.db, user)
    for channel, address in ((outbox.EMAIL, user.email), *((outbox.SMS, number) for number in numbers)):
        outbox.add(tx, user, template, channel=channel, to=address, **values)
    return Notified(template, (user.email, *numbers))


def numbers_of(db: Connection, user: User) -> tuple[str, ...]:
    """Return the confirmed phone numbers of a user, the first confirmed first."""
    confirmed = rows.phones.c.confirmed_at
    mine = rows.phones.all(db, rows.phones.c.user_id == user.id, confirmed.is_not(None), order=confirmed)
    return tuple(phone.number for phone in mine)


def notified_at_request() -> Notified:
    """Return the proof for a card that is being made. Its owner gets notices of the request and of the shipping."""
    return Notified("requested", ())


def new_user() -> Notified:
    """Return the proof for a user who is being added and has no earlier addresses."""
    return Notified("", ())
