"""Notices: what a user is told about every new way in, on every channel that was theirs before it.

Each function that adds a device, a number or a use wants a `Told`, which only telling gives: so none can be added in silence.
Tell before the change is made: then a number that is being added is not yet among the channels, and one that is being removed
still is.
"""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.messages import outbox
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction


@dataclass(frozen=True, slots=True)
class Told:
    """Proof that a user was told, by which template, and where."""

    template: str
    addresses: tuple[str, ...]


def tell(tx: LoginTransaction, user: User, template: str, **values: str | date) -> Told:
    """Tell a user by email, and by SMS to every number that is confirmed now."""
    numbers = numbers_of(tx.db, user)
    for channel, address in ((outbox.EMAIL, user.email), *((outbox.SMS, number) for number in numbers)):
        outbox.tell(tx, user, template, channel=channel, to=address, **values)
    return Told(template, (user.email, *numbers))


def numbers_of(db: Connection, user: User) -> tuple[str, ...]:
    """Return the numbers of a user that are confirmed now, the oldest first."""
    confirmed = rows.phones.c.confirmed_at
    mine = rows.phones.all(db, rows.phones.c.user_id == user.id, confirmed.is_not(None), order=confirmed)
    return tuple(phone.number for phone in mine)


def told_at_request() -> Told:
    """Return the proof for a card that is being made: its owner was told when it was requested, and will be when it is sent."""
    return Told("requested", ())


def new_user() -> Told:
    """Return the proof for a user who is being added: nothing was theirs before."""
    return Told("", ())
