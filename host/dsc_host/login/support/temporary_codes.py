"""Temporary codes, which support reads out to identified callers."""

from dsc_host.login.accounts import users
from dsc_host.login.devices import codes, kinds, registry
from dsc_host.login.devices.kinds.temporary_code import TemporaryData
from dsc_host.login.messages import notices, outbox
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction
from dsc_host.records import vault


def give_temporary_code(tx: LoginTransaction, session: Session, staff: User) -> str:
    """Make a temporary code, which support reads out to the identified caller. It replaces the caller's temporary devices.

    Raises `NotNow` for a closed account or if such codes are no longer issued, and the errors of `calls.caller`.
    """
    user = calls.caller(tx, session)
    calls.check_open(tx, user)
    registry.check_issued(tx, kinds.TEMPORARY_CODE)
    # End the caller's online card too: a caller who needs a temporary code has probably lost the online card.
    registry.end_temporary(tx, user)
    kind, now = kinds.TEMPORARY_CODE, tx.now()
    full_until, until = kind.full_days_end(tx.policy, now), kind.valid_until(tx.policy, now)
    notified = notices.notify(tx, user, "temporary_code", full=outbox.moment(full_until), until=outbox.moment(until))
    code = codes.random_code(tx.policy.temporary.letters)
    device = registry.add(tx, user, kind, notified=notified, expires_at=until, data=TemporaryData(staff.name))
    vault.put(tx.cards, kinds.secret_of(device), code.encode())
    users.invalidate_sessions(tx.db, user)
    tx.log("desk.temporary-code", user, "done", by=staff.name)
    return code
