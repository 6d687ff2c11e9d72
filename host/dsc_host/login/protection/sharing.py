"""Sharing: the use of one device by several users of one person.

The main conditions:

1. The users are known to be the same person.
2. Neither user has a temporary device.
3. Neither user has a physical device that is more secure than the shared device.

The user who does not own the device begins: this user enters the owner's name and password, and answers a challenge with the
device. When the user then confirms, the device is shared. If the policy requires that compliance agrees, the device is shared
only after that. The phone app is not shared, because it can serve several users.

A user without any device begins during the login, with their own password, the owner's password and the owner's device. Sharing
does not log this user in. It gives them a device with which they can log in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from heapq import nlargest

from sqlalchemy import ColumnElement, Connection, select

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import people, permissions, users
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import DifferentIdentity, LessSecureDevice, NotFound, NotNow, TemporaryDevice
from dsc_host.login.messages import notices, outbox
from dsc_host.login.model import Scope, ShareState, Stage, Status, UseState
from dsc_host.login.rows import Device, Session, Share, Use, User
from dsc_host.login.signin import device_proof, password_check, sessions, step_up
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.transaction import LoginTransaction, account_of, found, locked_users
from dsc_host.login.views import Decision, Offer, ShareView
from dsc_host.records import table_rows
from dsc_host.records.transaction import Refused

_STANDING = rows.shares.c.state.in_([str(ShareState.PENDING), str(ShareState.DONE)])
_VALID_SECONDS = 900
"""The seconds from the owner's password to the confirmation."""


@dataclass(frozen=True, slots=True)
class ShareData:
    """The values that are kept with a share."""

    parked: tuple[str, ...] = ()
    """The ids of the `Use` rows of the user's other physical devices, which are set aside while the device is shared."""
    agreed: bool = False
    """Whether compliance agreed."""
    decided_at: float = 0.0
    """The Unix time of the decision of compliance; 0 if there was none."""
    why: str = ""
    """The reason that compliance gave."""


def check_may(tx: LoginTransaction, user: User, session: Session) -> None:
    """Raise `NotIn` or `NotAllowed` unless this session may share devices."""
    if session.stage == Stage.CHOOSING and not registry.live_of(tx, user):
        return
    sessions.check_scope(session, Scope.FULL)


def may(operation: str) -> Callable[[LoginTransaction, User, Session], None]:
    """Return the check for an operation: `check_may`, and a step-up if the operation needs one in an open session."""
    return partial(_check_operation, operation)


def _check_operation(operation: str, tx: LoginTransaction, user: User, session: Session) -> None:
    check_may(tx, user, session)
    step_up.check(tx.context, session, operation)


def check_sees(tx: LoginTransaction, user: User, session: Session) -> None:
    """Raise `NotIn` or `NotAllowed` unless this session may see the user's shares."""
    if session.stage == Stage.IN:
        sessions.check_scope(session, Scope.FULL, Scope.ACCOUNT)
    else:
        check_may(tx, user, session)


def begin(
    tx: LoginTransaction, session: Session, user_id: str, giver: User, device_id: str = ""
) -> tuple[ShareView, Offer] | Refused:
    """Draft a share, and ask for an answer of the owner's device.

    `giver` is the owner, whose password the caller has checked. Without `device_id`, share the most secure
    physical device that belongs to the owner. Raises `WrongCredentials` if the password was changed after the check, `NotNow`,
    `NotFound`, `LessSecureDevice`, `DifferentIdentity`, `TemporaryDevice`.
    """
    if user_id == giver.id:
        raise NotNow("you named yourself; enter the name of the user who owns the device")
    both = locked_users(tx.db, [user_id, giver.id])
    user, owner = both[user_id], password_check.still_checked(giver, both[giver.id])
    device = _choose_device(tx, owner, device_id)
    _check(tx, user, owner, device)
    now, kept = tx.now(), json_column.write(ShareData())
    share = Share(
        table_rows.new_id(), user.id, owner.id, device.id, str(ShareState.DRAFT), now, now + _VALID_SECONDS, "", kept
    )  # fmt: skip
    rows.shares.add(tx.db, share)
    if session.stage == Stage.CHOOSING:
        rows.sessions.change(tx.db, session.id, expires_at=share.expires_at)
    offer = device_proof.ask(tx, session, user, device, Purpose.SHARE, share.id)
    return offer if isinstance(offer, Refused) else (view(tx.db, share), offer)


def shown(tx: LoginTransaction, session: Session, share_id: str) -> Offer:
    """Return the challenge of the owner's device for this share. Raises `NotNow` if there is nothing to answer."""
    return device_proof.shown(tx, session, Purpose.SHARE, share_id)


def answer(tx: LoginTransaction, session: Session, user: User, share_id: str, text: str) -> bool:
    """Judge the device's answer. Return whether the answer was correct. Raises `NotFound`, `NotNow`."""
    share = _own(tx, user, share_id, ShareState.DRAFT)
    _, outcome = device_proof.judge(tx, session, user, Purpose.SHARE, text, about=share.id)
    right = outcome.status is Status.ACCEPTED
    if right:
        rows.shares.change(tx.db, share.id, state=str(ShareState.PROVEN))
    tx.log("share.prove", user, "done" if right else "refused", device=share.device_id)
    return right


def parties(db: Connection, share_id: str) -> list[str]:
    """Return the ids of the user who asks and of the device's owner. The caller must lock both. Raises `NotFound`."""
    share = rows.shares.find(db, share_id) if isinstance(share_id, str) else None
    if share is None:
        raise NotFound("you have no such request")
    return [share.user_id, share.owner_id]


def concerned(db: Connection, user: User) -> list[str]:
    """Return the ids of all users whom a change of this user or their devices may affect. The caller must lock them."""
    mine = select(rows.uses.c.device_id).where(rows.uses.c.user_id == user.id)
    using = [use.user_id for use in rows.uses.all(db, rows.uses.c.device_id.in_(mine))]
    asked = rows.shares.all(db, _involving([user.id]), _STANDING)
    return [user.id, *using, *(each for share in asked for each in (share.user_id, share.owner_id))]


def confirm(tx: LoginTransaction, session: Session, user_id: str, share_id: str) -> ShareState:
    """Check the conditions again. Then share the device, or submit the request to compliance. Raises as `begin` does."""
    share = found(rows.shares.find(tx.db, share_id))
    if share.user_id != user_id:
        raise NotFound("you have no such request")
    both = locked_users(tx.db, [user_id, share.owner_id])
    user, owner = both[user_id], both[share.owner_id]
    share = _own(tx, user, share_id, ShareState.PROVEN)
    device = found(rows.devices.locked(tx.db, share.device_id))
    _check(tx, user, owner, device)
    if _needs_compliance(tx, user, owner):
        rows.shares.change(tx.db, share.id, state=str(ShareState.PENDING), expires_at=None)
        tx.log("share.confirm", user, "pending", device=device.id)
        return ShareState.PENDING
    _start_sharing(tx, share, user, owner, device)
    opened_by = rows.uses.one(tx.db, rows.uses.c.user_id == user.id, rows.uses.c.device_id == session.device_id)
    if opened_by is not None and opened_by.state == UseState.PARKED:
        # The device that opened this session is set aside. The session continues with the device that has just answered.
        rows.sessions.change(tx.db, session.id, device_id=device.id)
    sessions.end_all(tx.db, user, except_id=session.id)
    return ShareState.DONE


def decide(tx: LoginTransaction, staff: User, share_id: str, agreed: bool, why: str = "") -> ShareState:
    """Carry out the decision of compliance. Record it with its reason, `why`.

    Raises `NotFound`, `NotNow`, and the errors of `begin` if a condition no longer holds.
    """
    share = found(rows.shares.find(tx.db, share_id))
    both = locked_users(tx.db, [share.user_id, share.owner_id])
    share = found(rows.shares.locked(tx.db, share_id))
    if share.state != ShareState.PENDING:
        raise NotNow("this request no longer waits for a decision")
    user, owner = both[share.user_id], both[share.owner_id]
    for one in (user, owner):
        permissions.check_other(tx.db, staff, one)
    if agreed:
        device = found(rows.devices.locked(tx.db, share.device_id))
        _check(tx, user, owner, device)
        _start_sharing(tx, share, user, owner, device, staff.name)
    else:
        rows.shares.change(tx.db, share.id, state=str(ShareState.REFUSED), decided_by=staff.name)
        outbox.add(tx, user, "share_refused")
    kept = replace(_data(tx.db, share.id), agreed=agreed, decided_at=tx.now(), why=why)
    rows.shares.change(tx.db, share.id, data=json_column.write(kept))
    tx.log("share.decide", user, "done" if agreed else "refused", by=staff.name, why=why)
    return ShareState.DONE if agreed else ShareState.REFUSED


def cancel(tx: LoginTransaction, session: Session, user_id: str, share_id: str) -> None:
    """End a share, or cancel a request that waits for compliance. Either of the two users may do this.

    Restore the devices that were set aside. Notify the user who asked, unless this user cancels a request that still waits.
    Raises `NotFound`, `NotNow`.
    """
    share = found(rows.shares.find(tx.db, share_id))
    if user_id not in (share.user_id, share.owner_id):
        raise NotFound("you have no such request")
    both = locked_users(tx.db, [share.user_id, share.owner_id])
    share = found(rows.shares.locked(tx.db, share_id))
    user = both[share.user_id]
    if share.state == ShareState.PENDING:
        rows.shares.change(tx.db, share.id, state=str(ShareState.CANCELLED))
        if user_id != user.id:
            notices.notify(tx, user, "share_refused")
        tx.log("share.cancel", user, "done", by=both[user_id].name, device=share.device_id)
        return
    if share.state != ShareState.DONE:
        raise NotNow("this device is not shared")
    if user_id == share.user_id and not _keeps_device(tx, user, share):
        raise NotNow("you would have no device left to log in with; ask support for another device first")
    _stop_sharing(tx.db, user, share)
    # If the shared device opened this session, the session ends too.
    own = user_id == share.user_id and session.device_id == share.device_id
    sessions.end_all(tx.db, both[user_id], except_id="" if own else session.id)
    notices.notify(tx, user, "share_ended")
    tx.log("share.cancel", user, "done", by=both[user_id].name, device=share.device_id)


def end_of_device(tx: LoginTransaction, device: Device) -> None:
    """End the sharing of a device that is permanently out of use, and restore the devices that its users had set aside."""
    for share in rows.shares.all(tx.db, rows.shares.c.device_id == device.id, _STANDING):
        _end(tx, share)


def end_of_identity(tx: LoginTransaction, entity_id: str) -> None:
    """End the shares between this person and users who, after a correction, are no longer known to be the same person."""
    mine = [each.id for each in rows.users.all(tx.db, rows.users.c.entity_id == entity_id)]
    for share in rows.shares.all(tx.db, _involving(mine), _STANDING):
        user, owner = (found(rows.users.find(tx.db, each)) for each in (share.user_id, share.owner_id))
        if people.identity_of(tx.db, user) != people.identity_of(tx.db, owner):
            _end(tx, share)


def end_of_user(tx: LoginTransaction, user: User) -> None:
    """End all sharing of a user whose account is closed."""
    for share in rows.shares.all(tx.db, _involving([user.id]), _STANDING):
        _end(tx, share)


def shares_of(tx: LoginTransaction, user: User) -> list[ShareView]:
    """Return the shares and requests in which a user is the device's owner or the other user, the oldest first."""
    shown = rows.shares.all(tx.db, _involving([user.id]), order=rows.shares.c.at)
    return [view(tx.db, share) for share in shown if share.state != ShareState.DRAFT]


def pending(db: Connection) -> list[ShareView]:
    """Return the requests that wait for compliance, the oldest first."""
    waiting = rows.shares.c.state == ShareState.PENDING
    return [view(db, share) for share in rows.shares.all(db, waiting, order=rows.shares.c.at)]


def decisions(db: Connection, most: int) -> list[Decision]:
    """Return the newest decisions of compliance, the newest first, at most `most` of them."""
    # The time of a decision is in the data of its row, so the database cannot sort by it.
    by_staff = rows.shares.all(db, rows.shares.c.decided_by != "")
    return [_decision(db, share) for share in nlargest(most, by_staff, key=_decided_at)]


def _decided_at(share: Share) -> tuple[float, float]:
    """Return the sort key of a decision: its time, or 0 if an earlier version did not record it, and the request's time."""
    return json_column.read(ShareData, share.data).decided_at, share.at


def _decision(db: Connection, share: Share) -> Decision:
    seen, kept = view(db, share), json_column.read(ShareData, share.data)
    # Earlier versions did not record whether compliance agreed. The state shows it: it stays `refused` after a refusal.
    agreed = kept.agreed if kept.decided_at else share.state != ShareState.REFUSED
    return Decision(seen.user, seen.owner, seen.device, seen.kind, agreed, share.decided_by, kept.decided_at or None, kept.why)


def view(db: Connection, share: Share) -> ShareView:
    """Return a share as its users see it."""
    device = found(rows.devices.find(db, share.device_id))
    names = [found(rows.users.find(db, each)).name for each in (share.user_id, share.owner_id)]
    kind = kinds.of(device)
    return ShareView(share.id, names[0], names[1], kind.label(device), kind.name, ShareState(share.state), share.at)


# ---- the conditions ----


def _check(tx: LoginTransaction, user: User, owner: User, device: Device) -> None:
    if people.identity_of(tx.db, user) != people.identity_of(tx.db, owner):
        raise DifferentIdentity(
            "different identification information: only users of the same person can share a device; "
            "if both users are you, ask support to correct your details"
        )
    if account_of(tx.db, user).closed_at is not None:
        raise NotNow("the account is closed")
    held = [(one, each) for one in (user, owner) for each in registry.live_of(tx, one)]
    if any(registry.temporary_of(tx, one) for one in (user, owner)):
        raise TemporaryDevice("one of the two users has a temporary device; wait until it has been replaced")
    if device.id not in {each.id for one, (each, _) in held if one.id == owner.id} or device.owner_id != owner.id:
        raise NotNow("this device is no longer in use")
    if rows.uses.count(tx.db, rows.uses.c.user_id == user.id, rows.uses.c.device_id == device.id):
        raise NotNow("you already share this device")
    if not tx.policy.levels[tx.policy.level(device.kind)].shareable:
        raise NotNow("this kind of device cannot be shared; a phone app serves several users itself")
    best = min(tx.policy.level(each.kind) for _, (each, _) in held if kinds.of(each).physical)
    if tx.policy.level(device.kind) > best:
        raise LessSecureDevice("less secure device: only the most secure device of the two users can be shared")


def _choose_device(tx: LoginTransaction, owner: User, device_id: str) -> Device:
    own = [device for device, _ in registry.live_of(tx, owner) if device.owner_id == owner.id]
    own = [device for device in own if kinds.of(device).physical and device_id in ("", device.id)]
    if not own:
        raise NotFound("this user has no device of their own that can be shared")
    return min(own, key=lambda device: tx.policy.level(device.kind))


def _needs_compliance(tx: LoginTransaction, user: User, owner: User) -> bool:
    rule = tx.policy.sharing.compliance
    reviewed = any(found(rows.entities.find(tx.db, one.entity_id)).under_review for one in (user, owner))
    return rule == "always" or (rule == "reviewed" and reviewed)


def _own(tx: LoginTransaction, user: User, share_id: str, state: ShareState) -> Share:
    share = rows.shares.locked(tx.db, share_id) if isinstance(share_id, str) else None
    if share is None or share.user_id != user.id:
        raise NotFound("you have no such request")
    if share.state != state or (share.expires_at is not None and tx.now() >= share.expires_at):
        raise NotNow("this request has expired or is at another step; begin again")
    return share


# ---- the changes ----


def _start_sharing(tx: LoginTransaction, share: Share, user: User, owner: User, device: Device, by: str = "") -> None:
    parked = []
    for other, use in registry.live_of(tx, user):
        if kinds.of(other).physical:
            rows.uses.change(tx.db, use.id, state=str(UseState.PARKED))
            parked.append(use.id)
    rows.uses.add(tx.db, Use(table_rows.new_id(), user.id, device.id, str(UseState.ACTIVE), 0, None))
    kept = json_column.write(ShareData(tuple(parked)))
    rows.shares.change(tx.db, share.id, state=str(ShareState.DONE), expires_at=None, decided_by=by, data=kept)
    users.invalidate_sessions(tx.db, user)
    for each in (user, owner):
        notices.notify(tx, each, "shared", sharer=user.name, owner=owner.name, device=registry.label(device))
    tx.log("share.confirm", user, "done", device=device.id)


def _involving(users: Sequence[str]) -> ColumnElement[bool]:
    """Return the SQL condition that one of these users is the owner or the other user of a share."""
    return rows.shares.c.user_id.in_(users) | rows.shares.c.owner_id.in_(users)


def _end(tx: LoginTransaction, share: Share) -> None:
    """End a share or request that can no longer stand. Notify the user who asked for it, unless the account is closed."""
    user = found(rows.users.find(tx.db, share.user_id))
    if share.state == ShareState.DONE:
        _stop_sharing(tx.db, user, share)
    else:
        # A request has changed none of the user's devices, so the user's sessions continue.
        rows.shares.change(tx.db, share.id, state=str(ShareState.CANCELLED))
    if account_of(tx.db, user).closed_at is None:
        notices.notify(tx, user, "share_ended" if share.state == ShareState.DONE else "share_refused")


def _data(db: Connection, share_id: str) -> ShareData:
    return json_column.read(ShareData, found(rows.shares.find(db, share_id)).data)


def _set_aside(db: Connection, user: User, share: Share) -> list[tuple[registry.Held, str | None]]:
    """Return what is set aside for `share`. With each device, return the id of the share for which it stays set aside.

    The id is None if the device comes back when `share` ends. If the device of `share` is itself set aside for a later share,
    everything stays set aside for that later share. Otherwise, the user's own devices stay set aside for any other share of the
    user, and the other devices come back.
    """
    of_user = (rows.shares.c.user_id == user.id) & (rows.shares.c.state == ShareState.DONE) & (rows.shares.c.id != share.id)
    others = [other.id for other in rows.shares.all(db, of_user, order=rows.shares.c.at)]
    held = registry.held_by(db, user)
    shared = {use.id for device, use in held if device.id == share.device_id}
    later = next((other for other in others if shared & {*_data(db, other).parked}), None)
    any_other = later or next(iter(others), None)
    parked = _data(db, share.id).parked
    return [(each, any_other if each[0].owner_id == user.id else later) for each in held if each[1].id in parked]


def _stop_sharing(db: Connection, user: User, share: Share) -> None:
    for (_, use), stays_for in _set_aside(db, user, share):
        if stays_for is None:
            rows.uses.change(db, use.id, state=str(UseState.ACTIVE))
        else:
            kept = _data(db, stays_for)
            rows.shares.change(db, stays_for, data=json_column.write(replace(kept, parked=(*kept.parked, use.id))))
    rows.uses.remove(db, rows.uses.c.user_id == user.id, rows.uses.c.device_id == share.device_id)
    rows.shares.change(db, share.id, state=str(ShareState.CANCELLED))
    users.invalidate_sessions(db, user)


def _keeps_device(tx: LoginTransaction, user: User, share: Share) -> bool:
    """Return whether the user will have a device to log in with when the share ends."""
    others = any(device.id != share.device_id for device, _ in registry.live_of(tx, user))
    restored = [held for held, stays_for in _set_aside(tx.db, user, share) if stays_for is None]
    active, now = str(UseState.ACTIVE), tx.now()
    return others or any(registry.is_live(device, use._replace(state=active), now) for device, use in restored)
