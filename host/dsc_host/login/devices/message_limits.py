"""Limits on messages, and the pause between codes.

The limits are on the SMS, calls and emails that a user, a number, an address or a country gets in a day.
"""

from dsc_host.login.accounts.phone_numbers import calling_code
from dsc_host.login.errors import TooManyAttempts
from dsc_host.login.policy.model import Policy
from dsc_host.login.rate_limits import DAY, RateLimit
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginContext, LoginTransaction


def messages(context: LoginContext, user: User, number: str) -> list[RateLimit]:
    """Return the limits on messages to a number that the user has confirmed."""
    login = context.policy.login
    return [
        RateLimit("messages to a user", user.id, login.messages_to_user, DAY),
        RateLimit("messages to a country", calling_code(number), login.messages_to_country, DAY),
    ]


def emails_to_any(context: LoginContext, user: User, email: str) -> list[RateLimit]:
    """Return the limits on codes to an email address that is not confirmed and may belong to anybody."""
    login = context.policy.login
    return [
        RateLimit("messages to a user", user.id, login.messages_to_user, DAY),
        RateLimit("messages to an email address", email.casefold(), login.messages_to_number, DAY),
    ]


def messages_to_any(context: LoginContext, user: User, number: str) -> list[RateLimit]:
    """Return the limits on messages to a number that is not confirmed and may belong to anybody.

    They include a limit on messages to the number, which does not count the codes for its owner's logins. So nobody can lock
    the owner out by entering the number.
    """
    return [
        *messages(context, user, number),
        RateLimit("messages to a number", number, context.policy.login.messages_to_number, DAY),
    ]


def sent_at(policy: Policy, until: float) -> float:
    """Return the Unix time at which the code that is valid until `until` was sent."""
    return until - policy.login.code_validity


def again_at(policy: Policy, until: float) -> float:
    """Return the Unix time from which a new code may be sent in place of the code that is valid until `until`."""
    return sent_at(policy, until) + policy.login.code_again


def check_again(tx: LoginTransaction, until: float) -> None:
    """Raise `TooManyAttempts` if the code that is valid until `until` was sent too recently to send another code."""
    left = again_at(tx.policy, until) - tx.now()
    if left > 0:
        raise TooManyAttempts(left)
