"""Opting out of the protection, and back in."""

from dsc_host.login.accounts import users
from dsc_host.login.devices import waits
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import WaitKind
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, locked_user


def opt(tx: LoginTransaction, primary: User, user_id: str, out: bool) -> None:
    """From now on, a device is not needed for trading, and no more is worth than without; or it is needed again.

    For the primary user, locked, or another one of the account. Raises `NotNow`.
    """
    user = primary if user_id == primary.id else locked_user(tx.db, user_id)
    if user.opted_out == out:
        raise NotNow("{name} has opted out already" if out else "{name} has not opted out", name=user.name)
    notices.tell(tx, user, "opted_out" if out else "opted_in")
    users.settings_changed(tx.db, user, opted_out=out)
    tx.log("opt-out" if out else "opt-in", user, "done", by=primary.name)


def opt_out_later(tx: LoginTransaction, primary: User, user_id: str) -> None:
    """Like `opt`, begun by a temporary device: it waits. Raises `NotNow`."""
    user = primary if user_id == primary.id else locked_user(tx.db, user_id)
    if user.opted_out:
        raise NotNow("{name} has opted out already", name=user.name)
    waits.begin(tx, user, WaitKind.OPT_OUT, {}, user.name, also=[primary] if user.id != primary.id else [])
    tx.log("opt-out", user, "waits", by=primary.name)
