"""How often something may fail: by name and address, by name, by address.

Four promises:

1. What is counted for a name that nobody has is counted as for one that somebody has.
2. Nobody can shut somebody else out from a place of their own with a few attempts: the lock is on the name together with the
   address it was tried from. Only many failures, from many places, lock a name as a whole.
3. Who is refused here leaves no new row, and of all refusals under one limit the log has two entries: when they begin, and
   how many they were.
4. Who reads the database learns no name and no address: they stand there as a keyed hash, whose key it does not hold.
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
"""As long as any gate of another kind counts."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that is counted. `most` failures within `within` seconds shut it for `shut_for`."""

    what: str
    who: str
    most: int
    within: float
    shut_for: float = 0
    """0: until the time is over in which they were counted."""
    pause_after: int = 0
    """From so many failures on there is a pause, twice as long each time; 0: never."""
    pause: float = 0

    def key(self, context: LoginContext) -> str:
        """Return the name of its row: a hash that only who has the master key can make."""
        return context.cards.keys.current.pseudonym(f"{self.what}\n{self.who}")


@dataclass(frozen=True, slots=True)
class Shut:
    """A gate that lets nothing pass now."""

    key: str
    what: str
    until: float


def gates_of_login(context: LoginContext, name: str, address: object) -> tuple[Gate, ...]:
    """Return what a name and a password have to pass. An address is counted with the whole network that its client has."""
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
    """Return what counts right passwords: each leaves a login that is half-way, and entries in the log."""
    login = context.policy.login
    return Gate("right passwords", f"{name}\n{client_network(address)}", login.successes_by_address, login.address_within)


def shut_until(tx: LoginTransaction, gates: Sequence[Gate]) -> float:
    """Return the Unix time from which on all of these gates are open; 0 if they are open now."""
    shut = _shut(tx, gates)
    return shut.until if shut else 0.0


def check(context: LoginContext, gates: Sequence[Gate]) -> None:
    """Raise `TooManyAttempts` if one of the gates is shut. Nothing is written but the first refusal's entry in the log."""
    shut = context.read(lambda tx: _shut(tx, gates))
    if shut is None:
        return
    now = context.now()
    if context.cards.refusals.add(shut.key, shut.what, now, shut.until):
        context.change(lambda tx: tx.log("password", None, "refused", "too many", counted=shut.what))
    raise TooManyAttempts(max(shut.until - now, 0))


def uncounted(context: LoginContext, gates: Sequence[Gate]) -> list[Counted]:
    """Return the refusals at these gates, which are open again, to be logged; they are counted anew from here on."""
    return context.cards.refusals.take([gate.key(context) for gate in gates])


def log_refusals(tx: LoginTransaction, counted: Sequence[Counted]) -> None:
    """Log how many refusals there were. To be the last thing that a transaction does."""
    for each in counted:
        tx.log("password", None, "refused", "too many", counted=each.what, times=str(each.count), since=f"{each.since:.0f}")


def charge(tx: LoginTransaction, gates: Sequence[Gate]) -> TooManyAttempts | None:
    """Count an attempt at each as failed, before it is looked at: so that any number at once gain nothing.

    If one of them is shut now, nothing is counted, and the refusal is returned.
    """
    now = tx.now()
    # First without making a row: who is refused adds none.
    if shut := _shut(tx, gates):
        return TooManyAttempts(shut.until - now)
    before = {gate: _locked(tx.db, gate.key(tx.context), now) for gate in _in_order(tx.context, gates)}
    if times := [attempt.until - now for attempt in before.values() if now < attempt.until]:
        # Another attempt has shut it meanwhile.
        return TooManyAttempts(max(times))
    for gate, attempt in before.items():
        over = now >= attempt.since + gate.within or attempt.failures >= gate.most
        failures = 1 if over else attempt.failures + 1
        since = now if over else attempt.since
        until = now + _shut_for(gate, failures, now - since)
        rows.attempts.change(tx.db, attempt.name, failures=failures, since=since, until=until)
    return None


def passed(tx: LoginTransaction, gates: Sequence[Gate]) -> None:
    """Forget the failures at the first gate, one's own; at the others, which many pass, take back what was charged."""
    for gate in _in_order(tx.context, gates):
        attempt = rows.attempts.locked(tx.db, gate.key(tx.context))
        if attempt and gate is gates[0]:
            # Not removed: whoever waits for its lock would find nothing there.
            rows.attempts.change(tx.db, attempt.name, failures=0, until=0.0)
        elif attempt:
            _take_back(tx.db, attempt, gate)


def take_back(tx: LoginTransaction, gates: Sequence[Gate]) -> None:
    """Take back at each gate what was charged, for an attempt that could not be looked at."""
    for gate in _in_order(tx.context, gates):
        if attempt := rows.attempts.locked(tx.db, gate.key(tx.context)):
            _take_back(tx.db, attempt, gate)


def _take_back(db: Connection, attempt: Attempt, gate: Gate) -> None:
    if attempt.failures:
        open_again = {"until": 0.0} if attempt.failures == gate.most else {}
        rows.attempts.change(db, attempt.name, failures=attempt.failures - 1, **open_again)


def forget_old(tx: LoginTransaction) -> None:
    """Remove the rows that count for nothing any more, those of an earlier master key too."""
    longest = max(tx.policy.login.failures_within, tx.policy.login.address_within, DAY)
    old = (rows.attempts.c.until < tx.now()) & (rows.attempts.c.since < tx.now() - longest)
    rows.attempts.remove(tx.db, old)


def _shut(tx: LoginTransaction, gates: Sequence[Gate]) -> Shut | None:
    """Return the gate that is shut the longest; None if all are open."""
    now, keys = tx.now(), {gate.key(tx.context): gate.what for gate in gates}
    found = rows.attempts.all(tx.db, rows.attempts.c.name.in_(keys), rows.attempts.c.until > now)
    shut = [Shut(attempt.name, keys[attempt.name], attempt.until) for attempt in found]
    return max(shut, key=lambda each: each.until, default=None)


def _in_order(context: LoginContext, gates: Sequence[Gate]) -> list[Gate]:
    """Return them in the order in which all transactions lock them."""
    return sorted(gates, key=lambda gate: gate.key(context))


def _locked(db: Connection, key: str, now: float) -> Attempt:
    """Made if it was not there, or was tidied away just now."""
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
