"""The phone app's answers to pushes: the list of unanswered pushes, approving a push, and denying a push.

A push is answered once. Approving a push requires a correct response, made with the PIN or with the key that a finger or a face
releases. This module records the answer. Meanwhile, the login page calls `flow.answer` again and again. The login is completed
when `devices.kinds.phone_app` finds the recorded answer.
"""

from dsc_host.login import rows
from dsc_host.login.devices.kinds import phone_app
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.messages import outbox
from dsc_host.login.phones import app_activation
from dsc_host.login.rows import Device
from dsc_host.login.transaction import LoginTransaction
from dsc_host.phone.protocol import Push
from dsc_host.records.transaction import Refused
from dsc_host.verifier import judgment


def pushes(tx: LoginTransaction, device_id: str, device_token: str) -> tuple[Push, ...]:
    """Return the logins that wait for an answer on this phone. Raises `NotFound`."""
    device, user = app_activation.device_of_app(tx, device_id, device_token, lock=False)
    column = rows.pushes.c
    waiting = (column.device_id == device.id) & (column.state == phone_app.ASKED) & (column.expires_at > tx.now())
    return tuple(
        Push(push.id, push.question, push.number, user.name, push.asked_at, push.asked_from)
        for push in rows.pushes.all(tx.db, waiting)
    )


def approve(
    tx: LoginTransaction, device_id: str, device_token: str, push_id: str, method: str, response: str
) -> Refused | None:
    """Approve a login. Raises `NotFound`, `NotNow`, and `NotAllowed` for a wrong response, which is counted."""
    device, user = app_activation.device_of_app(tx, device_id, device_token)
    push = _push(tx, device, push_id)
    asked = {phone_app.PIN: push.pin_challenge, phone_app.FINGER: push.finger_challenge}
    challenge = asked.get(method if isinstance(method, str) else "", "")
    verdict = judgment.judge(tx.cards, "verify", [(challenge, response)])
    if not verdict:
        tx.log("phone.approve", user, "refused", device=device.id)
        return Refused(NotAllowed("the PIN is wrong"))
    rows.pushes.change(tx.db, push.id, state=phone_app.APPROVED, method=method)
    tx.log("phone.approve", user, "done", method, device=device.id)
    return None


def deny(tx: LoginTransaction, device_id: str, device_token: str, push_id: str) -> None:
    """Deny a login. Raises `NotFound`, `NotNow`."""
    device, user = app_activation.device_of_app(tx, device_id, device_token)
    rows.pushes.change(tx.db, _push(tx, device, push_id).id, state=phone_app.DENIED)
    outbox.add(tx, user, "denied")
    tx.log("phone.deny", user, "done", device=device.id)


def _push(tx: LoginTransaction, device: Device, push_id: str) -> rows.Push:
    push = rows.pushes.locked(tx.db, push_id) if isinstance(push_id, str) else None
    if push is None or push.device_id != device.id:
        raise NotFound("there is no such login")
    if push.state != phone_app.ASKED or tx.now() >= push.expires_at:
        raise NotNow("this login has already been answered, or has expired")
    return push
