"""How many elements somebody may ask for, how many messages they may cause, and how many wrong answers they may give.

All of it comes after the password: nobody uses up what is somebody else's who does not know it. Three promises:

1. A device is locked for its user after some wrong answers in a row, and after twice as many in a day, whoever comes in
   meanwhile: so the owner's right answers do not buy more guesses.
2. A device that is locked offers nothing, and nothing is sent for it: no answer to it would count.
3. A user, a foreign number and a country are sent so many messages in a day, and no more.
"""

from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts.calling_codes import calling_code
from dsc_host.login.devices.kinds.base import Factor
from dsc_host.login.errors import TooManyAttempts
from dsc_host.login.rate_limits import DAY, Gate
from dsc_host.login.rows import Use, User
from dsc_host.login.transaction import LoginContext, LoginTransaction

_OFFERS_WITHIN = 300


def offers(context: LoginContext, user: User) -> Gate:
    """Return what counts the elements that a user asks for: each may cost a message, or wear a card out."""
    return Gate("offers", user.id, context.policy.login.offers, _OFFERS_WITHIN, _OFFERS_WITHIN)


def messages(context: LoginContext, user: User, number: str) -> list[Gate]:
    """Return what counts the messages to a number that is known as the user's."""
    login = context.policy.login
    return [
        Gate("messages to a user", user.id, login.messages_to_user, DAY),
        Gate("messages to a country", calling_code(number), login.messages_to_country, DAY),
    ]


def messages_to_any(context: LoginContext, user: User, number: str) -> list[Gate]:
    """Return what counts the messages to a number that may be anybody's.

    Such messages are counted by themselves: so that nobody uses up the messages that its owner logs in with.
    """
    return [
        *messages(context, user, number),
        Gate("messages to a number", number, context.policy.login.messages_to_number, DAY),
    ]


def locked_for(tx: LoginTransaction, use: Use) -> float:
    """Return for how many seconds from now wrong answers have locked this user out of this device; 0 if they have not."""
    until = [use.locked_until or 0.0, rate_limits.shut_until(tx, [_in_a_day(tx.context, use)])]
    return max(0.0, max(until) - tx.now())


def refusal(tx: LoginTransaction, use: Use) -> TooManyAttempts | None:
    """Return why this device offers nothing to this user now, if so."""
    seconds = locked_for(tx, use)
    return TooManyAttempts(seconds) if seconds else None


def count_failure(tx: LoginTransaction, factor: Factor, use: Use) -> None:
    """Count one wrong answer to a device that is not locked, where the verifier does not count it."""
    if factor.COUNTS_ITSELF:
        return
    over = use.locked_until is not None
    failures = 1 if over else use.failures + 1
    until = tx.now() + tx.policy.login.factor_lock_for if failures >= tx.policy.login.factor_failures else None
    rows.uses.change(tx.db, use.id, failures=failures, locked_until=until)
    rate_limits.charge(tx, [_in_a_day(tx.context, use)])


def _in_a_day(context: LoginContext, use: Use) -> Gate:
    login = context.policy.login
    # A policy that allows more in a row allows them in a day too.
    most = max(login.factor_failures_in_a_day, login.factor_failures)
    return Gate("wrong answers", use.id, most, DAY, login.factor_lock_for)
