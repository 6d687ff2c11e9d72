"""Waits: changes that count only after some days, or after a second person's word, and that their owner may stop meanwhile.

What a temporary device or support has begun, and what would last, waits: a number, a card, opting out. Its owner is told on
every channel from before, with a code that stops it, without logging in, and can do nothing else. A second identification by
support, on a later day and by another member, makes it count at once. A corrected identity waits for a second person.

A card that waits is made and sent as any other, and cannot be activated before.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import contacts
from dsc_host.login.devices import codes
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import TEMPORARY, Role, WaitKind, WaitState, WaitView
from dsc_host.login.rows import Device, Session, User, Wait
from dsc_host.login.transaction import LoginContext, LoginTransaction, as_data, data_of, found
from dsc_host.records import table_rows

_DAY = 24 * 60 * 60
_STOP_LETTERS = 16
_WAITING = rows.waits.c.state == WaitState.WAITING


def is_temporary(db: Connection, session: Session) -> bool:
    """Return whether a temporary device has opened this session: what is begun in it and would last has to wait."""
    device = rows.devices.find(db, session.device_id)
    return device is not None and device.kind in TEMPORARY


def begin(
    tx: LoginTransaction,
    user: User,
    kind: WaitKind,
    data: Mapping[str, str],
    what: str = "",
    *,
    by: str = "",
    also: Sequence[User] = (),
) -> Wait:
    """Begin to wait, and tell the owner. `what` names it in the message, `by` is the member of support who asked for it,
    `also` who is told beside the owner, with the same code.

    A wait for the same thing that has begun before is replaced.
    """
    for earlier in of_user(tx.db, user):
        if (earlier.kind, earlier.data) == (kind, as_data(data)):
            _end(tx, earlier, WaitState.STOPPED, "")
    code = codes.random_code(_STOP_LETTERS)
    due_at = None if kind is WaitKind.IDENTITY else tx.now() + tx.policy.protection.wait_days * _DAY
    wait = Wait(
        table_rows.new_id(), user.id, str(kind), str(WaitState.WAITING), _hash(code), by, tx.now(), due_at, "", None,
        as_data(data)
    )  # fmt: skip
    rows.waits.add(tx.db, wait)
    values: dict[str, str | date] = {"what": what, "stop": code}
    if due_at is not None:
        values["day"] = tx.calendar.day(due_at)
    for each in (user, *also):
        notices.tell(tx, each, f"{kind}_waits", **values)
    return wait


def of_user(db: Connection, user: User) -> list[Wait]:
    """Return what waits for a user, the oldest first."""
    return rows.waits.all(db, rows.waits.c.user_id == user.id, _WAITING, order=rows.waits.c.at)


def corrections(db: Connection) -> list[Wait]:
    """Return the corrected identities that wait for a second person, the oldest first."""
    return rows.waits.all(db, _WAITING, rows.waits.c.kind == WaitKind.IDENTITY, order=rows.waits.c.at)


def view(db: Connection, wait: Wait) -> WaitView:
    """Return a wait as its owner and support see it."""
    data, kind = data_of(wait), WaitKind(wait.kind)
    shown = contacts.masked(data["number"]) if kind is WaitKind.NUMBER else data.get("label", "")
    return WaitView(wait.id, found(rows.users.find(db, wait.user_id)).name, kind, shown, wait.at, wait.due_at, wait.asked_by)


def with_code(db: Connection, code: str) -> Wait | None:
    """Return what this code stops, if it waits still; whatever `code` is."""
    normal = codes.normalized(code) if isinstance(code, str) and len(code) <= 64 else None
    return rows.waits.one(db, rows.waits.c.stop == _hash(normal), _WAITING) if normal else None


def check_card(tx: LoginTransaction, user: User, device: Device) -> None:
    """Raise `NotNow` if this card waits still."""
    if wait := card_wait(tx, user, device):
        day = tx.calendar.day(wait.due_at or tx.now())
        raise NotNow("this card can be activated from {day} on: it was asked for without a lasting device", day=day.isoformat())


def card_wait(tx: LoginTransaction, user: User, device: Device) -> Wait | None:
    """Return the wait of this card, if it waits still."""
    orders = rows.orders.all(tx.db, rows.orders.c.device_id == device.id)
    mine = {device.id, *(order.id for order in orders)}
    cards = [wait for wait in of_user(tx.db, user) if wait.kind == WaitKind.CARD and tx.now() < (wait.due_at or 0)]
    return next((wait for wait in cards if data_of(wait)["card"] in mine), None)


def to_end(tx: LoginTransaction) -> list[str]:
    """Return the ids of what has waited long enough."""
    due = _WAITING & (rows.waits.c.due_at <= tx.now())
    return [wait.id for wait in rows.waits.all(tx.db, due, order=rows.waits.c.due_at, most=1000)]


def check_may_confirm(context: LoginContext, wait: Wait, staff: User) -> None:
    """Raise unless this member of staff may make it count now: another one than who asked, and on a later day."""
    if wait.asked_by == staff.name:
        raise NotAllowed("somebody else must decide this: you have asked for it")
    if wait.kind != WaitKind.IDENTITY and context.calendar.day(context.now()) <= context.calendar.day(wait.at):
        raise NotNow("this can be confirmed on a later day only")
    if wait.kind != WaitKind.IDENTITY and Role(staff.role) is not Role.SUPPORT:
        raise NotAllowed("this is for {role}, logged in with a device", role=str(Role.SUPPORT))


def done(tx: LoginTransaction, wait: Wait, by: str = "") -> None:
    """It counts now."""
    _end(tx, wait, WaitState.DONE, by)


def stopped(tx: LoginTransaction, wait: Wait, by: str = "") -> None:
    """It will never count."""
    _end(tx, wait, WaitState.STOPPED, by)


def locked(db: Connection, wait_id: str, user: User | None = None) -> Wait:
    """Return what waits, locked; with `user`, one of theirs. Raises `NotFound`."""
    wait = rows.waits.locked(db, wait_id)
    if wait is None or wait.state != WaitState.WAITING or (user is not None and wait.user_id != user.id):
        raise NotFound("nothing of that waits")
    return wait


def corrected_until(tx: LoginTransaction, user: User) -> float:
    """Return until when nobody is identified by what is known of this person, because it was corrected; 0 if it was not."""
    theirs = [each.id for each in rows.users.all(tx.db, rows.users.c.entity_id == user.entity_id)]
    lately = rows.waits.c.decided_at > tx.now() - tx.policy.protection.corrected_seconds
    mine = rows.waits.all(
        tx.db,
        rows.waits.c.user_id.in_(theirs),
        rows.waits.c.kind == WaitKind.IDENTITY,
        rows.waits.c.state == WaitState.DONE,
        lately,
    )
    return max((float(wait.decided_at or 0) + tx.policy.protection.corrected_seconds for wait in mine), default=0.0)


def _end(tx: LoginTransaction, wait: Wait, state: WaitState, by: str) -> None:
    rows.waits.change(tx.db, wait.id, state=str(state), decided_by=by, decided_at=tx.now())


def _hash(code: str | None) -> str:
    return hashlib.sha256((code or "").encode()).hexdigest()
