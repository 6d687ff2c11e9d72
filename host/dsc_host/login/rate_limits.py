"""Rate limits on attempts: by name and address, by name, and by address.

Four promises:

1. Attempts for a name that does not exist are counted as those for a name that exists.
2. Nobody can lock out another user from a single address with a few attempts: the lock applies to the name together with the
   address that the attempts came from. Only many failures, from many addresses, lock a name as a whole.
3. A refused attempt adds no row. A limit logs at most two entries, however often it refuses: one for the first refusal, and
   later one with the number of refusals.
4. The database reveals no name and no address: it stores a keyed hash, and the key is not in the database.
"""

from collections.abc import Sequence
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
"""The seconds of a day: the longest `within` of the limits that the policy does not set."""


@dataclass(frozen=True, slots=True)
class Gate:
    """A limit on one kind of attempt. `most` failures within `within` seconds close it for `shut_for` seconds."""

    what: str
    who: str
    most: int
    within: float
    shut_for: float = 0
    """The seconds for which the limit is closed. 0 means until `within` is over."""
    pause_after: int = 0
    """From this number of failures on, each failure causes a pause that is twice as long as the last one. 0 means no pauses."""
    pause: float = 0

    def key(self, context: LoginContext) -> str:
        """Return the name of the limit's row: a hash that only the holder of the master key can compute."""
        return context.cards.keys.current.pseudonym(f"{self.what}\n{self.who}")


@dataclass(frozen=True, slots=True)
class Shut:
    """A limit that is closed now."""

    key: str
    what: str
    until: float


def gates_of_login(context: LoginContext, name: str, address: object) -> tuple[Gate, ...]:
    """Return the limits on attempts with a name and password. All addresses of one client's network count as one."""
    login, network = context.policy.login, client_network(address)
    return (
        Gate(
            "name and address", f"{name}\n{network}",
            login.failures, login.failures_within, login.lock_for, login.pause_after, login.pause,
        ),
        Gate("name", name, login.failures_by_name, login.failures_within, login.lock_for),
        Gate("address", network, login.failures_by_address, login.address_within, login.address_within),
    )  # fmt: skip


def visits(context: LoginContext, name: str, address: object) -> Gate:
    """Return the limit on correct passwords. Each of them creates a login in progress and entries in the log."""
    login = context.policy.login
    return Gate("right passwords", f"{name}\n{client_network(address)}", login.successes_by_address, login.address_within)


def shut_until(tx: LoginTransaction, gates: Sequence[Gate]) -> float:
    """Return the Unix time from which all of these limits are open; 0 if they are open now."""
    shut = _shut(tx, gates)
    return shut.until if shut else 0.0


def check(context: LoginContext, gates: Sequence[Gate]) -> None:
    """Raise `TooManyAttempts` if one of the limits is closed. Write nothing except the log entry for the first refusal."""
    shut = context.read(lambda tx: _shut(tx, gates))
    if shut is None:
        return
    now = context.now()
    if context.cards.refusals.add(shut.key, shut.what, now, shut.until):
        context.change(lambda tx: tx.log("password", None, "refused", "too many", counted=shut.what))
    raise TooManyAttempts(max(shut.until - now, 0))


def take_refusals(context: LoginContext, gates: Sequence[Gate]) -> list[Counted]:
    """Return and reset the refusals that these limits have counted, so that the caller can log them."""
    return context.cards.refusals.take([gate.key(context) for gate in gates])


def log_refusals(tx: LoginTransaction, counted: Sequence[Counted]) -> None:
    """Log the number of refusals. Call this last in a transaction."""
    for each in counted:
        tx.log("password", None, "refused", "too many", counted=each.what, times=str(each.count), since=f"{each.since:.0f}")


def charge(tx: LoginTransaction, gates: Sequence[Gate]) -> TooManyAttempts | None:
    """Count a failed attempt at each limit, before the attempt is checked, so that parallel attempts gain nothing.

    If one of the limits is closed, count nothing and return the refusal.
    """
    now = tx.now()
    # Check first without adding a row: a refused attempt must not add any.
    if shut := _shut(tx, gates):
        return TooManyAttempts(shut.until - now)
    before = {gate: _locked(tx.db, gate.key(tx.context), now) for gate in _in_order(tx.context, gates)}
    if times := [attempt.until - now for attempt in before.values() if now < attempt.until]:
        # Another attempt has closed the limit meanwhile.
        return TooManyAttempts(max(times))
    for gate, attempt in before.items():
        over = now >= attempt.since + gate.within or attempt.failures >= gate.most
        failures = 1 if over else attempt.failures + 1
        since = now if over else attempt.since
        until = now + _shut_for(gate, failures, now - since)
        rows.attempts.change(tx.db, attempt.name, failures=failures, since=since, until=until)
    return None


def record_success(tx: LoginTransaction, gates: Sequence[Gate]) -> None:
    """Clear all failures at the first limit, which only this user has.

    Undo this attempt's charge at the others, which are shared.
    """
    for gate in _in_order(tx.context, gates):
        attempt = rows.attempts.locked(tx.db, gate.key(tx.context))
        if attempt and gate is gates[0]:
            # Do not remove the row: a transaction that waits for its lock would not find it.
            rows.attempts.change(tx.db, attempt.name, failures=0, until=0.0)
        elif attempt:
            _take_back(tx.db, attempt, gate)


def take_back(tx: LoginTransaction, gates: Sequence[Gate]) -> None:
    """Undo the charge at each limit, for an attempt that could not be checked."""
    for gate in _in_order(tx.context, gates):
        if attempt := rows.attempts.locked(tx.db, gate.key(tx.context)):
            _take_back(tx.db, attempt, gate)


def _take_back(db: Connection, attempt: Attempt, gate: Gate) -> None:
    if attempt.failures:
        open_again = {"until": 0.0} if attempt.failures == gate.most else {}
        rows.attempts.change(db, attempt.name, failures=attempt.failures - 1, **open_again)


def forget_old(tx: LoginTransaction) -> None:
    """Remove rows that no longer count, including those of an earlier master key."""
    longest = max(tx.policy.login.failures_within, tx.policy.login.address_within, DAY)
    old = (rows.attempts.c.until < tx.now()) & (rows.attempts.c.since < tx.now() - longest)
    rows.attempts.remove(tx.db, old)


def _shut(tx: LoginTransaction, gates: Sequence[Gate]) -> Shut | None:
    """Return the limit that is closed the longest; None if all are open."""
    now, keys = tx.now(), {gate.key(tx.context): gate.what for gate in gates}
    found = rows.attempts.all(tx.db, rows.attempts.c.name.in_(keys), rows.attempts.c.until > now)
    shut = [Shut(attempt.name, keys[attempt.name], attempt.until) for attempt in found]
    return max(shut, key=lambda each: each.until, default=None)


def _in_order(context: LoginContext, gates: Sequence[Gate]) -> list[Gate]:
    """Return the limits in the order in which all transactions lock them."""
    return sorted(gates, key=lambda gate: gate.key(context))


def _locked(db: Connection, key: str, now: float) -> Attempt:
    """Lock the row of this key and return it. Add the row if it does not exist or has just been removed."""
    while True:
        rows.attempts.ensure(db, Attempt(key, 0, now, 0))
        if attempt := rows.attempts.locked(db, key):
            return attempt


def _shut_for(gate: Gate, failures: int, elapsed: float) -> float:
    if failures >= gate.most:
        return gate.shut_for or gate.within - elapsed
    if not gate.pause_after or failures < gate.pause_after:
        return 0
    doublings = min((failures - gate.pause_after), _MOST_DOUBLINGS)
    return float(min(gate.pause * 2**doublings, gate.shut_for))
