"""Temporary codes, which support reads out to identified callers."""

from dsc_host.login.accounts import users
from dsc_host.login.cards.activation import DAY
from dsc_host.login.devices import codes, registry
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import TEMPORARY, DeviceState, Kind
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction, account_of
from dsc_host.records import vault


def give_temporary_code(tx: LoginTransaction, session: Session, staff: User) -> str:
    """Make a temporary code for the identified caller, who gets it read out. It replaces an earlier one."""
    user = calls.caller(tx, session)
    if account_of(tx.db, user).closed_at is not None:
        raise NotNow("the account is closed: its statements need only the name and password")
    for earlier in TEMPORARY:
        # A caller who needs a code has lost the online card too.
        _end_kind(tx, user, earlier)
    full_until = tx.now() + tx.policy.temporary.full_days * DAY
    until = full_until + tx.policy.temporary.account_days * DAY
    told = notices.notify(tx, user, "temporary_code", full=tx.calendar.day(full_until), until=tx.calendar.day(until))
    code = codes.random_code(tx.policy.temporary.letters)
    device = registry.add(tx, user, Kind.TEMPORARY_CODE, told=told, expires_at=until)
    vault.put(tx.cards, registry.secret(device.id), code.encode())
    users.settings_changed(tx.db, user)
    tx.log("desk.temporary-code", user, "done", by=staff.name)
    return code


def _end_kind(tx: LoginTransaction, user: User, kind: Kind) -> None:
    for device, _ in registry.held_by(tx.db, user):
        if device.kind == kind and device.state == DeviceState.ACTIVE:
            registry.move(tx, device, DeviceState.ENDED)
