"""Reports of lost, stolen, damaged and misplaced devices: to support by identified callers, and at the login by users.

A user at the login has entered only a name and password. The device is therefore only suspended. Later, support takes it out of
use permanently, or the owner activates it again.
"""

from dsc_host.errors import InputError
from dsc_host.login.cards import losses
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotFound
from dsc_host.login.model import Loss, Stage
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction, locked_users


def report_loss(tx: LoginTransaction, session: Session, staff: User, device_id: str, loss: Loss) -> None:
    """Take a device of the identified caller out of use. Only a misplaced device can be activated again."""
    if loss not in tuple(Loss):
        raise InputError("loss", "must be one of {kinds}", kinds=", ".join(Loss))
    user = calls.caller(tx, session)
    device, _ = registry.held(tx.db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("the caller does not own such a device")
    losses.take_out(tx, user, device, loss)
    tx.log("desk.loss", user, "done", str(loss), by=staff.name, device=device.id)


def report_at_login(tx: LoginTransaction, token: str, device_id: str, loss: Loss) -> None:
    """Suspend a device of the user whose password was accepted in this login.

    End all logins and sessions of the device's users. Raises `NotIn`, `NotFound`, `InputError`.
    """
    if loss not in (Loss.LOST, Loss.STOLEN):
        raise InputError("loss", "must be one of {kinds}", kinds="lost, stolen")
    user, _ = sessions.find(tx, token, Stage.CHOOSING, Stage.ANSWERING)
    locked_users(tx.db, sharing.concerned(tx.db, user))
    user, _ = sessions.locked(tx, token, Stage.CHOOSING, Stage.ANSWERING)
    device, use = registry.held(tx.db, user, device_id)
    if not registry.is_live(device, use, tx.now()):
        raise NotFound("you have no such device in use")
    losses.suspend(tx, user, device)
    tx.log("loss.report", user, "suspended", str(loss), device=device.id)
