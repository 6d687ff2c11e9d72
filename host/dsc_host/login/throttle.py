"""How often something may fail: by name and address, by name, by address.

Two promises: what is counted for a name that there is not is counted as for one that there is; and nobody can shut somebody
else out from a place of their own with a few attempts: the lock is on the name together with the address it was tried from.
Only many failures, from many places, lock a name as a whole.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from dsc_host.client_address import client_network
from dsc_host.login import records
from dsc_host.login.errors import TooManyAttempts
from dsc_host.login.reception import Reception
from dsc_host.login.records import Attempt

_MOST_DOUBLINGS = 20
_DAY = 24 * 60 * 60
"""As long as any gate of another kind counts."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One thing that is counted. `most` failures within `within` seconds shut it for `shut_for`."""

    what: str
    who: str
    most: int
    within: float
    shut_for: float
    pause_after: int = 0
    """From so many failures on there is a pause, twice as long each time; 0: never."""
    pause: float = 0

    @property
    def name(self) -> str:
        # Hashed: names and addresses of people who never came in are nobody's to read.
        return hashlib.sha256(f"{self.what}\n{self.who}".encode("utf-8", "surrogatepass")).hexdigest()


def gates_of_login(at: Reception, name: str, address: object) -> tuple[Gate, ...]:
    """Return what a name and a password have to pass. An address is counted with the whole network that its client has."""
    login, network = at.policy.login, client_network(address)
    return (
        Gate(
            "name and address", f"{name}\n{network}",
            login.failures, login.failures_within, login.lock_for, login.pause_after, login.pause,
        ),
        Gate("name", name, login.failures_by_name, login.failures_within, login.lock_for),
        Gate("address", network, login.failures_by_address, login.address_within, login.address_within),
    )  # fmt: skip


def charge(at: Reception, db: Connection, gates: Sequence[Gate]) -> TooManyAttempts | None:
    """Count an attempt at each as failed, before it is looked at: so that any number at once gain nothing.

    If one of them is shut now, nothing is counted, and the refusal is returned.
    """
    now = at.now()
    before = {gate: _locked(db, gate, now) for gate in sorted(gates, key=lambda gate: gate.name)}
    shut = [attempt.until - now for attempt in before.values() if now < attempt.until]
    if shut:
        return TooManyAttempts(max(shut))
    for gate, attempt in before.items():
        over = now >= attempt.since + gate.within or attempt.failures >= gate.most
        failures = 1 if over else attempt.failures + 1
        since = now if over else attempt.since
        records.attempts.change(db, gate.name, failures=failures, since=since, until=now + _shut_for(gate, failures))
    return None


def passed(db: Connection, gates: Sequence[Gate]) -> None:
    """Forget the failures at the first gate, one's own; at the others, which many pass, take back what was charged."""
    for gate in sorted(gates, key=lambda gate: gate.name):
        attempt = records.attempts.locked(db, gate.name)
        if attempt and gate is gates[0]:
            # Not removed: whoever waits for its lock would find nothing there.
            records.attempts.change(db, gate.name, failures=0, until=0.0)
        elif attempt and attempt.failures:
            open_again = {"until": 0.0} if attempt.failures == gate.most else {}
            records.attempts.change(db, gate.name, failures=attempt.failures - 1, **open_again)


def forget_old(at: Reception, db: Connection) -> None:
    """Those that count for nothing any more."""
    longest = max(at.policy.login.failures_within, at.policy.login.address_within, _DAY)
    old = (records.attempts.c.until < at.now()) & (records.attempts.c.since < at.now() - longest)
    records.attempts.remove(db, old)


def _locked(db: Connection, gate: Gate, now: float) -> Attempt:
    """Made if it was not there, or was tidied away just now."""
    while True:
        records.attempts.ensure(db, Attempt(gate.name, 0, now, 0))
        if attempt := records.attempts.locked(db, gate.name):
            return attempt


def _shut_for(gate: Gate, failures: int) -> float:
    if failures >= gate.most:
        return gate.shut_for
    if not gate.pause_after or failures < gate.pause_after:
        return 0
    doublings = min((failures - gate.pause_after), _MOST_DOUBLINGS)
    return float(min(gate.pause * 2**doublings, gate.shut_for))
