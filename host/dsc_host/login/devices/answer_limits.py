"""Limits on challenges and wrong answers, after the password was accepted. Limits on messages are in `message_limits`.

Only somebody who knows the password can use up these limits. Two promises:

1. Some wrong answers in a row lock a device for its user. A number of wrong answers within a day locks the device even if
   correct answers came in between. The owner's correct answers therefore do not give an attacker more guesses.
2. A device that is locked here gets no new challenge and no code, because no answer would be accepted.

For cards and phone apps, the verifier counts the wrong answers instead, by rules of its own.
"""

from dsc_host.login import rate_limits, rows
from dsc_host.login.devices.kinds import DeviceKind
from dsc_host.login.errors import TooManyAttempts
from dsc_host.login.rate_limits import DAY, RateLimit
from dsc_host.login.rows import Use, User
from dsc_host.login.transaction import LoginContext, LoginTransaction

_OFFERS_WITHIN = 300


def offers(context: LoginContext, user: User) -> RateLimit:
    """Return the limit on the challenges for a user: a challenge may cost a message, or use up a question of a card."""
    return RateLimit("offers", user.id, context.policy.login.offers, _OFFERS_WITHIN, _OFFERS_WITHIN)


def locked_for(tx: LoginTransaction, use: Use) -> float:
    """Return the seconds until this user may use this device again; 0 if wrong answers have not locked it."""
    until = [use.locked_until or 0.0, rate_limits.closed_until(tx, [_in_a_day(tx.context, use)])]
    return max(0.0, max(until) - tx.now())


def refusal(tx: LoginTransaction, use: Use) -> TooManyAttempts | None:
    """Return the refusal for a device that is locked for this user; None if the device is not locked."""
    seconds = locked_for(tx, use)
    return TooManyAttempts(seconds) if seconds else None


def count_failure(tx: LoginTransaction, kind: DeviceKind, use: Use) -> None:
    """Count a wrong answer of a device that is not locked. Do nothing if the verifier counts the wrong answers of this kind."""
    if kind.enrolled:
        return
    over = use.locked_until is not None
    failures = 1 if over else use.failures + 1
    until = tx.now() + tx.policy.login.factor_lock_for if failures >= tx.policy.login.factor_failures else None
    rows.uses.change(tx.db, use.id, failures=failures, locked_until=until)
    rate_limits.charge(tx, [_in_a_day(tx.context, use)])


def reset_failures(tx: LoginTransaction, use: Use) -> None:
    """Record a correct answer: the next wrong answer is again the first in a row."""
    rows.uses.change(tx.db, use.id, failures=0, locked_until=None)


def _in_a_day(context: LoginContext, use: Use) -> RateLimit:
    login = context.policy.login
    # The limit for a day must not be lower than the limit on wrong answers in a row.
    most = max(login.factor_failures_in_a_day, login.factor_failures)
    return RateLimit("wrong answers", use.id, most, DAY, login.factor_lock_for)
