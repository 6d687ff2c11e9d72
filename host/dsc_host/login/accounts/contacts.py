"""The phone numbers and the email address of a user.

Only confirmed numbers get codes for logins, and notices. The user is notified of each change, because an attacker could have
entered the new number, which then gets codes for logins, or the new address, which gets notices. A user who is being added
gets no notice.
"""

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import email_addresses, phone_numbers, users
from dsc_host.login.messages import notices, outbox
from dsc_host.login.messages.notices import Notified
from dsc_host.login.rows import Phone, User
from dsc_host.login.transaction import LoginTransaction, found, locked_user
from dsc_host.records import table_rows


def add_phone(tx: LoginTransaction, user: User, number: str, *, notified: Notified) -> Phone:
    """Record that a user confirmed a phone number, for the first time or again. Raises `InputError`.

    `notified` proves that the user was notified.
    """
    phone_numbers.check_phone(number)
    known = rows.phones.one(tx.db, rows.phones.c.user_id == user.id, rows.phones.c.number == number)
    if known is None:
        return rows.phones.add(tx.db, Phone(table_rows.new_id(), user.id, number, tx.now()))
    rows.phones.change(tx.db, known.id, confirmed_at=tx.now())
    return found(rows.phones.find(tx.db, known.id))


def phones_of(db: Connection, user: User) -> list[Phone]:
    """Return the confirmed numbers of a user, the most recently confirmed first."""
    confirmed_at = rows.phones.c.confirmed_at
    return rows.phones.all(
        db, rows.phones.c.user_id == user.id, confirmed_at.is_not(None), order=confirmed_at.desc()
    )  # fmt: skip


def masked(number: str) -> str:
    """Return a phone number with most digits hidden. Its owner can still recognize it."""
    return f"{number[:3]}…{number[-2:]}"


def set_email(tx: LoginTransaction, name: str, email: str) -> None:
    """Change the email address of the user called `name`, and notify both addresses. Raises `InputError`.

    The old address gets a notice because somebody else may have asked for the change.
    """
    email = email_addresses.normalized(email)
    user = locked_user(tx.db, users.user_by_name(tx.db, name).id)
    if email != user.email:
        replace_email(tx, user, email, by=users.BY_OPERATOR)


def replace_email(tx: LoginTransaction, user: User, email: str, *, by: str = "") -> None:
    """Replace the email address of a user, and notify both addresses. `email` is in its normal form.

    The caller has locked the user. `by` is the name of the support member who makes the change, or `BY_OPERATOR`. It is empty
    if the user makes the change.
    """
    notices.notify(tx, user, "email_changed")
    outbox.add(tx, user, "email_changed", to=email)
    rows.users.change(tx.db, user.id, email=email)
    tx.log("user.email", user, "done", by=by)
