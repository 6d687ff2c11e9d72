"""Rate limits on attempts. Wrong passwords at a login count against three limits: by name and address, by name, by address.

Four promises:

1. Attempts are counted in the same way for names that exist and names that do not.
2. A few failures lock a name only for the address that they came from, so that nobody can lock out another user from one
   address. Many failures lock the name for all addresses. With the default policy, they come from five addresses or more.
3. An attempt at a closed limit adds no row. Each time a limit is closed, each process logs at most two entries: an entry for
   the first refusal, and later an entry with the number of refusals.
4. The rows reveal no name and no address. They contain keyed hashes. The database holds the key only sealed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from dsc_host.client_address import client_network
from dsc_host.login import rows
from dsc_host.login.errors import TooManyAttempts
from dsc_host.login.rows import Attempt
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.records.refusals import Counted

_MOST_DOUBLINGS = 20
DAY = 24 * 60 * 60
"""A day in seconds. `forget_old` relies on it: a limit may have a longer `within` only if it takes it from the policy."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A limit on one kind of attempt. `most` failures within `within` seconds close it for `closed_for` seconds."""

    what: str
    """The kind of attempt, as the log names it."""
    who: str
    """The user, address, device or number whose attempts are counted."""
    most: int
    within: float
    closed_for: float = 0
    """The seconds for which the limit is closed. 0 means until `within` is over."""
    pause_after: int = 0
    """The number of failures that causes the first pause. Each further failure doubles the pause. 0 means no pauses."""
    pause: float = 0
    """The seconds of the first pause. No pause is longer than `closed_for`."""

    def key(self, context: LoginContext) -> str:
        """Return the name of the limit's row: a hash that only the holder of the master key can compute.

        A change of the master key does not change the name, so it reopens no limit.
        """
        return context.cards.seals.pseudonym(f"{self.what}\n{self.who}")


@dataclass(frozen=True, slots=True)
class ClosedLimit:
    """A limit that is closed now."""

    key: str
    what: str
    until: float


def login_limits(context: LoginContext, name: str, address: object) -> tuple[RateLimit, ...]:
    """Return the limits on attempts with a name and password. All IP addresses of a client's network count as one address."""
    login = context.policy.login
    by_address = RateLimit(
        "address", client_network(address), login.failures_by_address, login.address_within, login.address_within
    )  # fmt: skip
    return (*name_limits(context, name, address), by_address)


def name_limits(context: LoginContext, name: str, address: object) -> tuple[RateLimit, RateLimit]:
    """Return the limits on wrong passwords for a name: from this address, and from all addresses together."""
    login = context.policy.login
    return (
        RateLimit(
            "name and address", f"{name}\n{client_network(address)}",
            login.failures, login.failures_within, login.lock_for, login.pause_after, login.pause,
        ),
        RateLimit("name", name, login.failures_by_name, login.failures_within, login.lock_for),
    )  # fmt: skip


def successes(context: LoginContext, name: str, address: object) -> RateLimit:
    """Return the limit on correct passwords. Each correct password creates a login in progress and entries in the log."""
    login = context.policy.login
    return RateLimit("right passwords", f"{name}\n{client_network(address)}", login.successes_by_address, login.address_within)


def closed_until(tx: LoginTransaction, limits: Sequence[RateLimit]) -> float:
    """Return the Unix time from which all of these limits are open; 0 if they are open now."""
    closed = _closed(tx, limits)
    return closed.until if closed else 0.0


def check(context: LoginContext, limits: Sequence[RateLimit]) -> None:
    """Raise `TooManyAttempts` if one of the limits is closed. Write nothing except the log entry for the first refusal."""
    closed = context.read(lambda tx: _closed(tx, limits))
    if closed is None:
        return
    now = context.now()
    if context.cards.refusals.add(closed.key, closed.what, now, closed.until):
        context.change(lambda tx: tx.log("password", None, "refused", "too many", counted=closed.what))
    raise TooManyAttempts(max(closed.until - now, 0))


def take_refusals(context: LoginContext, limits: Sequence[RateLimit]) -> list[Counted]:
    """Return and reset the refusals that these limits have counted, so that the caller can log them."""
    return context.cards.refusals.take([limit.key(context) for limit in limits])


def log_refusals(tx: LoginTransaction, counted: Sequence[Counted]) -> None:
    """Log the numbers of refusals. Call this last in a transaction."""
    for each in counted:
        tx.log("password", None, "refused", "too many", counted=each.what, times=str(each.count), since=f"{each.since:.0f}")


def charge(tx: LoginTransaction, limits: Sequence[RateLimit]) -> TooManyAttempts | None:
    """Count an attempt as failed at each limit.

    Call this before the attempt is checked, so that parallel attempts gain nothing. If one of the limits is closed,
    count nothing and return the refusal.
    """
    now = tx.now()
    # Check first without adding a row: a refused attempt must not add one.
    if closed := _closed(tx, limits):
        return TooManyAttempts(closed.until - now)
    before = {limit: _locked(tx.db, limit.key(tx.context), now) for limit in _in_order(tx.context, limits)}
    if times := [attempt.until - now for attempt in before.values() if now < attempt.until]:
        # Another attempt has closed the limit meanwhile.
        return TooManyAttempts(max(times))
    for limit, attempt in before.items():
        over = now >= attempt.since + limit.within or attempt.failures >= limit.most
        failures = 1 if over else attempt.failures + 1
        # If the clock was set back, the first failure may have a later time. Do not close the limit for longer because of this.
        since = now if over else min(attempt.since, now)
        seconds = _closed_for(limit, failures, now - since)
        # An open limit has no end: the current time would close it if the clock was set back afterwards.
        until = now + seconds if seconds else 0.0
        rows.attempts.change(tx.db, attempt.name, failures=failures, since=since, until=until)
    return None


def record_success(tx: LoginTransaction, limits: Sequence[RateLimit]) -> None:
    """Clear all failures at the first limit, the narrowest. At the other limits, take back only the failure of this attempt.

    The other limits also count the attempts of other visitors.
    """
    for limit in _in_order(tx.context, limits):
        attempt = rows.attempts.locked(tx.db, limit.key(tx.context))
        if attempt and limit is limits[0]:
            # Keep the row: a transaction that waits for its lock would have to add it again.
            rows.attempts.change(tx.db, attempt.name, failures=0, until=0.0)
        elif attempt:
            _take_back(tx.db, attempt, limit)


def take_back(tx: LoginTransaction, limits: Sequence[RateLimit]) -> None:
    """Take back a failure at each limit, for an attempt that could not be checked. A pause after the failure continues."""
    for limit in _in_order(tx.context, limits):
        if attempt := rows.attempts.locked(tx.db, limit.key(tx.context)):
            _take_back(tx.db, attempt, limit)


def clear(tx: LoginTransaction, limits: Iterable[RateLimit]) -> None:
    """Clear all failures at these limits, and open the limits."""
    for limit in _in_order(tx.context, limits):
        if attempt := rows.attempts.locked(tx.db, limit.key(tx.context)):
            rows.attempts.change(tx.db, attempt.name, failures=0, until=0.0)


def _take_back(db: Connection, attempt: Attempt, limit: RateLimit) -> None:
    if attempt.failures:
        open_again = {"until": 0.0} if attempt.failures == limit.most else {}
        rows.attempts.change(db, attempt.name, failures=attempt.failures - 1, **open_again)


def forget_old(tx: LoginTransaction) -> None:
    """Remove the rows that no limit needs any more."""
    longest = max(tx.policy.login.failures_within, tx.policy.login.address_within, DAY)
    old = (rows.attempts.c.until < tx.now()) & (rows.attempts.c.since < tx.now() - longest)
    rows.attempts.remove_free(tx.db, old)


def _closed(tx: LoginTransaction, limits: Sequence[RateLimit]) -> ClosedLimit | None:
    """Return the limit that is closed the longest; None if all are open."""
    now, keys = tx.now(), {limit.key(tx.context): limit.what for limit in limits}
    found = rows.attempts.all(tx.db, rows.attempts.c.name.in_(keys), rows.attempts.c.until > now)
    closed = [ClosedLimit(attempt.name, keys[attempt.name], attempt.until) for attempt in found]
    return max(closed, key=lambda each: each.until, default=None)


def _in_order(context: LoginContext, limits: Iterable[RateLimit]) -> list[RateLimit]:
    """Return the limits in the order in which all transactions lock them."""
    return sorted(limits, key=lambda limit: limit.key(context))


def _locked(db: Connection, key: str, now: float) -> Attempt:
    """Lock the row of this key and return it. Add the row if it does not exist or has just been removed."""
    while True:
        rows.attempts.ensure(db, Attempt(key, 0, now, 0))
        if attempt := rows.attempts.locked(db, key):
            return attempt


def _closed_for(limit: RateLimit, failures: int, elapsed: float) -> float:
    if failures >= limit.most:
        return limit.closed_for or limit.within - elapsed
    if not limit.pause_after or failures < limit.pause_after:
        return 0
    doublings = min(failures - limit.pause_after, _MOST_DOUBLINGS)
    return float(min(limit.pause * 2**doublings, limit.closed_for))
