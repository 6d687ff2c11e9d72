"""Reports of lost, stolen, damaged and misplaced devices, which support takes from identified callers."""

from dsc_host.errors import InputError
from dsc_host.login.cards import losses
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotFound
from dsc_host.login.model import Loss
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction


def report_loss(tx: LoginTransaction, session: Session, staff: User, device_id: str, loss: Loss) -> None:
    """Take a device of the identified caller out of use. Only a misplaced one can be activated again."""
    if loss not in tuple(Loss):
        raise InputError("loss", "must be one of {kinds}", kinds=", ".join(Loss))
    user = calls.caller(tx, session)
    device, _ = registry.held(tx.db, user, device_id)
    if device.owner_id != user.id:
        raise NotFound("the caller does not own such a device")
    losses.take_out(tx, user, device, loss)
    tx.log("desk.loss", user, "done", str(loss), by=staff.name, device=device.id)
