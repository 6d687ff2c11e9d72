"""The phone number for an activation token: a number that the user has confirmed, or a new number if the policy allows this.

If new numbers are allowed, a name and a password are enough to activate an app. Therefore the setting `phone.new_numbers` is
off by default. If it is on, the token confirms the new number, and the user is notified at every earlier address and number.
"""

from dataclasses import dataclass

from dsc_host.errors import InputError
from dsc_host.login.accounts import contacts, people, phone_numbers
from dsc_host.login.devices import message_limits
from dsc_host.login.errors import NotAllowed, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, account_of


@dataclass(frozen=True, slots=True)
class TokenNumber:
    """The number to which the token is sent, with the limits on messages to it."""

    number: str
    new: bool
    """Whether the token will confirm the number."""
    limits: list[RateLimit]


def choose(tx: LoginTransaction, user: User, index: int, number: str) -> TokenNumber:
    """Return `number` if it is given, or else the user's confirmed number with this index: 0 is the most recently confirmed.

    Raises `InputError`, `NotNow` if the account is closed or the user has no confirmed number, and `NotAllowed` if `number` is
    given although the policy forbids new numbers.
    """
    if account_of(tx.db, user).closed_at is not None:
        raise NotNow("the account is closed")
    numbers = [known.number for known in contacts.phones_of(tx.db, user)]
    if number:
        check_allowed(tx)
        phone_numbers.check_phone(number, people.identity_of(tx.db, user).residence)
    elif not numbers:
        raise NotNow("you have no confirmed phone; ask support to add one")
    elif type(index) is not int or not 0 <= index < len(numbers):
        raise InputError("phone", "must be one of your {count} confirmed phones", count=len(numbers))
    else:
        number = numbers[index]
    if number in numbers:
        return TokenNumber(number, False, message_limits.messages(tx.context, user, number))
    return TokenNumber(number, True, message_limits.messages_to_any(tx.context, user, number))


def check_allowed(tx: LoginTransaction) -> None:
    """Raise `NotAllowed` if the policy allows the activation of an app only with confirmed numbers."""
    if not tx.policy.phone.new_numbers:
        raise NotAllowed("the activation takes confirmed numbers only; add a number when you are logged in, or call support")


def confirm(tx: LoginTransaction, user: User, number: str) -> None:
    """Record the new number, which the token has confirmed, and notify the user by email and at all earlier numbers.

    Raises `NotAllowed`.
    """
    check_allowed(tx)
    notified = notices.notify(tx, user, "phone_confirmed", phone=contacts.masked(number))
    contacts.add_phone(tx, user, number, notified=notified)
    tx.log("phone.confirm", user, "done", "activation")
