"""The activation of devices.

A card or a sheet of codes is activated by its first response. A card is also activated automatically, some weeks after it was
shipped, and a printed sheet some weeks after it was made. A wait postpones this. A misplaced device that was found can be
activated again. When a device is activated, any other device of the user that is temporary ends, for example the online card.
The user's sessions end too, except the session in which the user gave the response.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from dsc_host.login import json_column, rows
from dsc_host.login.devices import kinds, registry, waits
from dsc_host.login.devices.kinds import Attempt, Outcome
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState, OrderState, Status, UseState, WaitState
from dsc_host.login.protection import sharing
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device, Session, User
from dsc_host.login.signin import device_proof, sessions
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.transaction import LoginTransaction, found, locked_users
from dsc_host.login.views import Offer
from dsc_host.records.transaction import Refused

_WAITING = (DeviceState.SHIPPED, DeviceState.MISPLACED)
_MOVED = DAY / 2
"""The seconds by which an announced activation must be postponed to be announced again. A change of the clock is shorter."""


def ask(tx: LoginTransaction, session: Session, user: User, device_id: str) -> Offer | Refused:
    """Begin to activate a device that was shipped or found again. Raises `NotFound`, `NotNow`."""
    device, _ = registry.held(tx.db, user, device_id)
    if device.owner_id != user.id or device.state not in _WAITING or registry.is_over(device, tx.now()):
        raise NotNow("this device cannot be activated: it is in use, permanently out of use, or not yours")
    waits.check_card(tx, user, device)
    return device_proof.ask(tx, session, user, device, Purpose.ACTIVATE)


def shown(tx: LoginTransaction, session: Session) -> Offer:
    """Return the challenge of the device that is being activated. Raises `NotNow` if there is nothing to answer."""
    return device_proof.shown(tx, session, Purpose.ACTIVATE)


def answer(tx: LoginTransaction, session: Session, user: User, text: str) -> bool:
    """Activate the device if the answer is correct. Return whether it is. Raises `NotNow`."""
    device, _ = device_proof.asked(tx.db, session, Purpose.ACTIVATE)
    # Check the state before the answer. The secret of a device that is permanently out of use is forgotten, so a correct answer
    # would be refused as wrong.
    if device.state not in _WAITING or registry.is_over(device, tx.now()):
        raise NotNow("this device was activated or taken out of use in the meantime")
    waits.check_card(tx, user, device)
    device, outcome = device_proof.judge(tx, session, user, Purpose.ACTIVATE, text, check=_check_answer)
    if outcome.status is not Status.ACCEPTED:
        tx.log("activate", user, "refused", device.kind, device=device.id)
        return False
    activate(tx, user, device, "by its response")
    # The session continues with the device that has just answered.
    rows.sessions.change(tx.db, session.id, device_id=device.id)
    sessions.end_all(tx.db, user, except_id=session.id)
    return True


def activate(tx: LoginTransaction, user: User, device: Device, reason: str) -> None:
    """Bring a device into use, so that the user can log in with it. The caller has locked the user's row."""
    kind = kinds.of(device)
    notices.notify(tx, user, "activated", device=registry.label(device))
    registry.move(tx, device, DeviceState.ACTIVE, expires_at=kind.valid_until(tx.policy, tx.now()))
    for other, use in registry.held_by(tx.db, user):
        if other.id == device.id:
            rows.uses.change(tx.db, use.id, state=str(UseState.ACTIVE), failures=0, locked_until=None)
        elif other.owner_id != user.id:
            # Another user owns this device and shares it, so this activation must not end it.
            continue
        elif other.state == DeviceState.MISPLACED and kind.replaces(kinds.of(other)):
            # The new device replaces the misplaced device, so that nobody can use the misplaced device even if it is found.
            kinds.of(other).disable(tx, other, "replaced")
            registry.move(tx, other, DeviceState.LOST)
            sharing.end_of_device(tx, other)
        elif kind.replaces_messages and other.state == DeviceState.ACTIVE and other.kind in tx.policy.phone.removes:
            kinds.of(other).disable(tx, other, "replaced")
            registry.move(tx, other, DeviceState.ENDED)
            sharing.end_of_device(tx, other)
    waits.end_of_card(tx, user, device, WaitState.DONE)
    # An online card ends the temporary code. A lasting device ends the online card and the temporary code.
    registry.end_temporary(tx, user, except_id=device.id)
    # The owner has the card, even if the issuer has not recorded its shipping yet.
    done = rows.orders.c.state.in_([OrderState.PERSONALIZED, OrderState.SHIPPED])
    for order in rows.orders.all(tx.db, rows.orders.c.device_id == device.id, done):
        rows.orders.change(tx.db, order.id, state=str(OrderState.DONE), shipped_at=order.shipped_at or tx.now())
    set_online_card_end(tx, user)
    tx.log("activate", user, "done", reason, device=device.id)


def _check_answer(attempt: Attempt, kept: Mapping[str, Any], text: str) -> Outcome:
    return kinds.of(attempt.device).check_activation(attempt, kept, text)


# ---- without a response ----


def activate_due(tx: LoginTransaction, order_id: str) -> None:
    """Activate the card of a request if its automatic activation is due. Announce the activation if it is near.

    Do nothing if the card was not shipped.
    """
    order = rows.orders.find(tx.db, order_id)
    if order is None:
        return
    user = _locked_owner(tx, order.user_id)
    order = found(rows.orders.locked(tx.db, order_id))
    if order.state != OrderState.SHIPPED or order.shipped_at is None:
        return
    device = found(rows.devices.locked(tx.db, order.device_id))
    if stage := _activate_or_announce(tx, user, device, order.shipped_at, order.told):
        rows.orders.change(tx.db, order.id, told=stage)


def activate_sheet_due(tx: LoginTransaction, device_id: str) -> None:
    """Activate a printed security code card if its automatic activation is due. Announce the activation if it is near.

    Support makes these cards, so they have no request.
    """
    device = rows.devices.find(tx.db, device_id)
    if device is None:
        return
    user = _locked_owner(tx, device.owner_id)
    device = found(rows.devices.locked(tx.db, device_id))
    if stage := _activate_or_announce(tx, user, device, None, device.told):
        rows.devices.change(tx.db, device.id, told=stage)


def _locked_owner(tx: LoginTransaction, user_id: str) -> User:
    """Lock the owner of a card and all users who share a device with the owner: an activation may end the sharing."""
    return locked_users(tx.db, sharing.concerned(tx.db, found(rows.users.find(tx.db, user_id))))[user_id]


def _activate_or_announce(tx: LoginTransaction, user: User, device: Device, shipped_at: float | None, announced: str) -> str:
    """Activate the device if this is due, or announce the activation to its owner. Return the stage of a notice, or empty text.

    The first notice has the stage `near`, and the last notice has the stage `imminent`. `announced` is the stage of the latest
    notice. A device is activated `imminent_days` after the notice `imminent` at the earliest, and not before the time that this
    notice announces. If a change of the policy postpones the activation after this notice, the notices are sent again.
    `shipped_at` is as in `activates_at`. A card that the verifier's operator has taken out of use is not activated, because its
    activation would end the devices that it replaces.
    """
    if device.state != DeviceState.SHIPPED or not kinds.of(device).can_answer(tx, device):
        return ""
    due_at = activates_at(tx, user, device, shipped_at)
    if due_at is None:
        return ""
    policy, left = tx.policy.activation, due_at - tx.now()
    if announced == "imminent" and left > policy.imminent_days * DAY + _MOVED:
        # A change of the policy has postponed the activation since the last notice. Announce it again.
        announced = ""
    if left <= 0 and announced == "imminent":
        activate(tx, user, device, "by itself")
        return ""
    stage = "imminent" if left <= policy.imminent_days * DAY else "near"
    if left > policy.near_days * DAY or announced in (stage, "imminent"):
        return ""
    if stage == "imminent":
        # The notice may be late, because the maintenance did not run. The owner must have time to call support all the same.
        due_at = max(due_at, tx.now() + policy.imminent_days * DAY)
        rows.devices.change(tx.db, device.id, data=json_column.write(kinds.of(device).with_activation(device, due_at)))
        set_online_card_end(tx, user)
    # If the activation will end temporary devices of the user, the notice `imminent` says so.
    ends = stage == "imminent" and bool(registry.temporary_of(tx, user))
    notices.notify(
        tx,
        user,
        "activation_replaces" if ends else f"activation_{stage}",
        device=registry.label(device),
        activates=tx.calendar.day(due_at),
    )
    return stage


def activates_at(tx: LoginTransaction, user: User, device: Device, shipped_at: float | None) -> float | None:
    """Return the Unix time at which a device is activated automatically, after its wait; None if that does not happen.

    `user` is the owner of the device. `shipped_at` is the time at which a requested card was shipped; None for others.
    """
    stored = kinds.of(device).activates_at(device)
    planned = None if shipped_at is None else shipped_at + tx.policy.activation.automatic_days * DAY
    times = [at for at in (stored, planned) if at is not None]
    return waits.after_wait(tx, user, device, max(times)) if times else None


def to_be_activated(tx: LoginTransaction) -> list[str]:
    """Return the ids of the requests whose cards may be due for automatic activation, or for its announcement."""
    before = tx.now() - (tx.policy.activation.automatic_days - tx.policy.activation.near_days) * DAY
    due = (rows.orders.c.state == OrderState.SHIPPED) & (rows.orders.c.shipped_at <= before)
    return [order.id for order in rows.orders.all(tx.db, due, order=rows.orders.c.at)]


def sheets_to_be_activated(tx: LoginTransaction) -> list[str]:
    """Return the ids of the printed security code cards that may be due for automatic activation, or for its announcement."""
    column, before = rows.devices.c, tx.now() + tx.policy.activation.near_days * DAY
    sent = (column.kind == kinds.CODE_CARD.name) & (column.state == DeviceState.SHIPPED)
    sheets = rows.devices.all(tx.db, sent, order=column.made_at)
    return [sheet.id for sheet in sheets if (at := kinds.of(sheet).activates_at(sheet)) is not None and at <= before]


# ---- the online card until the activation ----


def set_online_card_end(tx: LoginTransaction, user: User) -> None:
    """Set the end of the user's online card. Call this when a card is shipped, activated or out of use.

    The policy sets the number of days for which an online card is valid. If a card is on its way to the user, the online card
    is valid at least until the day after the automatic activation of that card, so that the user always has a device.
    """
    ends = [at + DAY for at in _activations(tx, user)]
    for device, _ in registry.live_of(tx, user):
        if device.kind != kinds.ONLINE_CARD.name:
            continue
        until = max([kinds.ONLINE_CARD.valid_until(tx.policy, device.since), *ends])
        if until <= tx.now():
            registry.move(tx, device, DeviceState.ENDED)
        else:
            rows.devices.change(tx.db, device.id, expires_at=until)


def _activations(tx: LoginTransaction, user: User) -> Iterator[float]:
    """Yield the Unix times at which the user's shipped cards are activated automatically."""
    shipped_at = {
        order.device_id: order.shipped_at
        for order in rows.orders.all(tx.db, rows.orders.c.user_id == user.id, rows.orders.c.state == OrderState.SHIPPED)
    }
    for device, _ in registry.held_by(tx.db, user):
        at = activates_at(tx, user, device, shipped_at.get(device.id))
        if at is not None:
            yield at
