"""Loss reports, which a caller makes to support, or a user makes without support.

A caller can report a card as lost, stolen, damaged or misplaced, and any other device as lost. Without support, a user can
report a lost or stolen device: at the login, after name and password, or in a session. Such a report only suspends a lasting
device. Later, support takes this device out of use permanently, or the owner activates it again. A device that is not lasting
ends at once. The report needs no fresh answer of a device, because it gives no access, and a user who suspects a thief must be
quick.
"""

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.cards import losses
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotFound
from dsc_host.login.model import DeviceState, Loss, Stage
from dsc_host.login.protection import sharing
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import sessions
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction, locked_users
from dsc_host.login.views import DeviceView

_REPORTING = (Stage.CHOOSING, Stage.ANSWERING, Stage.IN)
"""The stages at which users report their own devices."""


def report_loss(tx: LoginTransaction, session: Session, staff: User, device_id: str, loss: Loss) -> None:
    """Take a device of the identified caller out of use, permanently unless it is a misplaced card.

    Raises `InputError` unless the device's kind has this loss, `NotFound`, `NotNow`, and the errors of `calls.caller`.
    """
    user = calls.caller(tx, session)
    device, _ = registry.held(tx.db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("the caller does not own such a device")
    possible = kinds.of(device).losses
    if loss not in possible:
        raise InputError("loss", "must be one of {kinds}", kinds=", ".join(possible))
    losses.take_out(tx, user, device, loss)
    tx.log("desk.loss", user, "done", str(loss), by=staff.name, device=device.id)


def devices_to_report(tx: LoginTransaction, token: str) -> tuple[DeviceView, ...]:
    """Return the devices that the user of a login or a session can report as lost. Raises `NotIn`."""
    user, _ = sessions.find(tx, token, *_REPORTING)
    return tuple(shown for shown in registry.views(tx, user) if shown.live)


def report_own(tx: LoginTransaction, token: str, device_id: str, loss: Loss) -> bool:
    """Suspend a device of the user whose login or session has this token. Return whether the session continues.

    End all logins and sessions of the device's users, except this session if another device opened it. Raises `NotIn`,
    `NotFound`, `InputError`.
    """
    if loss not in (Loss.LOST, Loss.STOLEN):
        raise InputError("loss", "must be one of {kinds}", kinds="lost, stolen")
    user, _ = sessions.find(tx, token, *_REPORTING)
    locked_users(tx.db, sharing.concerned(tx.db, user))
    user, session = sessions.locked(tx, token, *_REPORTING)
    device, use = registry.held(tx.db, user, device_id)
    if not registry.is_live(device, use, tx.now()):
        raise NotFound("you have no such device in use")
    losses.suspend(tx, user, device)
    opened_by = rows.devices.find(tx.db, session.device_id) if session.stage == Stage.IN else None
    continues = opened_by is not None and opened_by.state == DeviceState.ACTIVE
    sessions.end_all(tx.db, user, except_id=session.id if continues else "")
    tx.log("loss.report", user, "suspended", str(loss), device=device.id)
    return continues
