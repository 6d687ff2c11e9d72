"""Waits: changes that take effect only after some days or after a second person's confirmation. Their owner can stop them.

The owner of a wait is the user whom the change concerns. A lasting change (a phone number, a card, opting out) waits if it was
begun by support, or by a user with a temporary device. The owner is notified by email and at every phone number that was
confirmed before. The message has a code with which the owner can stop the change without a login. The change takes effect
earlier if a member of support identifies the owner on a later day and confirms the change. This must be another member than
the one who began the change, or who gave the temporary device. A correction of an identity waits until a second person
confirms it.

A card for which there is a wait is made and shipped like any other card, but it cannot be activated before the end of the wait.
"""

import hashlib
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import contacts
from dsc_host.login.devices import codes, kinds
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.messages import notices, outbox
from dsc_host.login.model import Identity, Role, WaitKind, WaitState
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device, Session, User, Wait
from dsc_host.login.transaction import LoginContext, LoginTransaction, account_of, found
from dsc_host.login.views import WaitView
from dsc_host.records import table_rows

_STOP_LETTERS = 16
_WAITING = rows.waits.c.state == WaitState.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lasting:
    """The base of the lasting changes."""

    given_by: str = field(default="", compare=False)
    """The name of the support member who gave the temporary device with which the change was begun; empty if there is none."""


@dataclass(frozen=True, slots=True)
class NewNumber(_Lasting):
    """A phone number to which codes are to be sent."""

    number: str


@dataclass(frozen=True, slots=True)
class NewCard(_Lasting):
    """A card that is to be activated."""

    card: str
    """The id of the card's request; for a code card, the id of its device."""
    label: str = ""


@dataclass(frozen=True, slots=True)
class OptOut(_Lasting):
    """Opting out of the protection by devices."""


Change = NewNumber | NewCard | OptOut | Identity
"""The change that takes effect after the wait."""
_CHANGES: Mapping[WaitKind, type[Change]] = {
    WaitKind.NUMBER: NewNumber,
    WaitKind.CARD: NewCard,
    WaitKind.OPT_OUT: OptOut,
    WaitKind.IDENTITY: Identity,
}


def change_of(wait: Wait) -> Change:
    """Return the change for which a wait was created."""
    return json_column.read(_CHANGES[WaitKind(wait.kind)], wait.data)


def is_temporary(db: Connection, session: Session) -> bool:
    """Return whether a temporary device opened this session. Lasting changes that are begun in such a session must wait."""
    device = rows.devices.find(db, session.device_id)
    return device is not None and kinds.of(device).temporary


def check_lasting(db: Connection, session: Session) -> None:
    """Raise `NotNow` if a temporary device opened this session."""
    if is_temporary(db, session):
        raise NotNow("this cannot be changed with a temporary device; log in with another device first")


def begin(
    tx: LoginTransaction,
    user: User,
    change: Change,
    what: str = "",
    *,
    by: str = "",
    session: Session | None = None,
) -> Wait:
    """Create a wait, in place of an earlier wait for the same change. Notify the users whom `told` returns.

    `what` names the change in the message. `by` is the name of the support member who asked for the change. `session` is the
    session in which a user with a temporary device began the change.
    """
    end(tx, user, change, WaitState.STOPPED)
    if session is not None and not isinstance(change, Identity):
        change = replace(change, given_by=_given_by(tx.db, session))
    kind = next(kind for kind, each in _CHANGES.items() if isinstance(change, each))
    code = codes.random_code(_STOP_LETTERS)
    due_at = None if kind is WaitKind.IDENTITY else tx.now() + tx.policy.protection.wait_days * DAY
    wait = Wait(
        table_rows.new_id(), user.id, str(kind), str(WaitState.WAITING), _hash(code), by, tx.now(), due_at, "", None,
        json_column.write(change)
    )  # fmt: skip
    rows.waits.add(tx.db, wait)
    values: dict[str, str | datetime] = {"what": what, "stop": code}
    if due_at is not None:
        values["day"] = outbox.moment(due_at)
    for each in told(tx.db, user, wait):
        notices.notify(tx, each, f"{kind}_waits", **values)
    return wait


def _given_by(db: Connection, session: Session) -> str:
    device = rows.devices.find(db, session.device_id)
    return kinds.of(device).given_by(device) if device else ""


def told(db: Connection, user: User, wait: Wait) -> list[User]:
    """Return the users who are notified of a wait and of its end: its owner, `user`, first.

    If a card or an opt-out was not begun by support, the account's primary user is notified too, because it was begun in
    the primary user's name. A correction concerns all users of the person.
    """
    if wait.kind == WaitKind.IDENTITY:
        others = rows.users.c.entity_id == user.entity_id
    elif wait.kind in (WaitKind.CARD, WaitKind.OPT_OUT) and not wait.asked_by:
        others = rows.users.c.id == account_of(db, user).primary_user
    else:
        return [user]
    return [user, *rows.users.all(db, others, rows.users.c.id != user.id)]


def of_user(db: Connection, user: User) -> list[Wait]:
    """Return the waits of a user, the oldest first."""
    return rows.waits.all(db, rows.waits.c.user_id == user.id, _WAITING, order=rows.waits.c.at)


def corrections(db: Connection) -> list[Wait]:
    """Return the corrections of identities that wait for a second person, the oldest first."""
    return rows.waits.all(db, _WAITING, rows.waits.c.kind == WaitKind.IDENTITY, order=rows.waits.c.at)


def decided_corrections(db: Connection, most: int) -> list[Wait]:
    """Return the corrections that staff has decided on, the most recently decided first, at most `most` of them."""
    c = rows.waits.c
    return rows.waits.all(db, c.kind == WaitKind.IDENTITY, c.decided_by != "", order=c.decided_at.desc(), most=most)


def view(db: Connection, wait: Wait) -> WaitView:
    """Return a wait as its owner and support see it."""
    name, kind = found(rows.users.find(db, wait.user_id)).name, WaitKind(wait.kind)
    return WaitView(wait.id, name, kind, _what(change_of(wait)), wait.at, wait.due_at, wait.asked_by)


def views(db: Connection, user: User) -> list[WaitView]:
    """Return the waits of a user as the user and support see them, the oldest first."""
    return [view(db, wait) for wait in of_user(db, user)]


def with_code(db: Connection, code: str) -> Wait | None:
    """Return the wait that can be stopped with this code; None if there is none. `code` may be any text."""
    normal = codes.normalized(code) if isinstance(code, str) and len(code) <= 64 else None
    return rows.waits.one(db, rows.waits.c.stop == _hash(normal), _WAITING) if normal else None


def check_card(tx: LoginTransaction, user: User, device: Device) -> None:
    """Raise `NotNow` if the wait of this card is not over."""
    if wait := card_wait(tx, user, device):
        raise NotNow(
            "this card cannot be activated before {time}, because it was requested by support or with a temporary device",
            time=f"{outbox.moment(wait.due_at or tx.now()):%Y-%m-%d %H:%M} UTC",
        )


def card_wait(tx: LoginTransaction, user: User, device: Device) -> Wait | None:
    """Return the wait of this card; None if the card has no wait, or if the wait is over."""
    return next((wait for wait in _of_card(tx, user, device) if tx.now() < (wait.due_at or 0)), None)


def after_wait(tx: LoginTransaction, user: User, device: Device, at: float) -> float:
    """Return the Unix time `at`, or the end of this card's wait if it is later."""
    wait = card_wait(tx, user, device)
    return max(at, (wait.due_at or 0) if wait else 0)


def end_of_card(tx: LoginTransaction, user: User, device: Device, state: WaitState) -> None:
    """End the waits of a card that has been activated, or that can never be activated. `user` is its owner.

    The time of such a wait may be over, although the maintenance has not ended it yet.
    """
    for wait in _of_card(tx, user, device):
        record(tx, wait, state)


def end_of_request(tx: LoginTransaction, user: User, order_id: str) -> None:
    """End the waits of a request that was cancelled before its card was made. `user` was to get the card."""
    for wait in _for_cards(tx, user, {order_id}):
        record(tx, wait, WaitState.STOPPED)


def _of_card(tx: LoginTransaction, user: User, device: Device) -> list[Wait]:
    orders = rows.orders.all(tx.db, rows.orders.c.device_id == device.id)
    return _for_cards(tx, user, {device.id, *(order.id for order in orders)})


def _for_cards(tx: LoginTransaction, user: User, cards: Set[str]) -> list[Wait]:
    """Return the waits for cards. `cards` has the ids of their requests or devices, as `NewCard.card` does."""
    changes = [(wait, change_of(wait)) for wait in of_user(tx.db, user)]
    return [wait for wait, change in changes if isinstance(change, NewCard) and change.card in cards]


def to_end(tx: LoginTransaction) -> list[str]:
    """Return the ids of the waits whose time is over: at most 1000, the earliest due first."""
    due = _WAITING & (rows.waits.c.due_at <= tx.now())
    return [wait.id for wait in rows.waits.all(tx.db, due, order=rows.waits.c.due_at, most=1000)]


def check_may_confirm(context: LoginContext, wait: Wait, staff: User) -> None:
    """Raise `NotAllowed` or `NotNow` unless this staff member may confirm the change now.

    The staff member who asked for the change may not confirm it. Neither may the one who gave the temporary device with which
    it was begun. A correction of an identity can be confirmed immediately, by support or compliance. Any other change can
    be confirmed only by support, and not on the day of the request.
    """
    if wait.asked_by == staff.name:
        raise NotAllowed("somebody else must decide this, because you asked for it")
    change = change_of(wait)
    if not isinstance(change, Identity) and change.given_by == staff.name:
        raise NotAllowed("somebody else must decide this, because you gave the temporary device with which it was begun")
    if wait.kind != WaitKind.IDENTITY and context.calendar.day(context.now()) <= context.calendar.day(wait.at):
        raise NotNow("this can be confirmed only on a later day")
    if wait.kind != WaitKind.IDENTITY and Role(staff.role) is not Role.SUPPORT:
        raise NotAllowed("only {role}, logged in with a device, may do this", role=str(Role.SUPPORT))


def end(tx: LoginTransaction, user: User, change: Change, state: WaitState) -> None:
    """End the user's wait for this change, if there is one.

    Call this when the user makes the change in another way, reverses the change, or requests it again.
    """
    for wait in of_user(tx.db, user):
        if change_of(wait) == change:
            record(tx, wait, state)


def record(tx: LoginTransaction, wait: Wait, state: WaitState, by: str = "") -> None:
    """Record the end of a wait: the change has taken effect, or was stopped."""
    rows.waits.change(tx.db, wait.id, state=str(state), decided_by=by, decided_at=tx.now())


def locked(db: Connection, wait_id: str, user: User | None = None) -> Wait:
    """Lock a wait and return it. If `user` is given, the wait must belong to this user. Raises `NotFound`."""
    wait = rows.waits.locked(db, wait_id)
    if wait is None or wait.state != WaitState.WAITING or (user is not None and wait.user_id != user.id):
        raise NotFound("no such change is waiting")
    return wait


def corrected_until(tx: LoginTransaction, user: User) -> float:
    """Return the Unix time until which support may not identify this person, because their identity was corrected.

    Return 0 if it was not corrected recently.
    """
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


def _what(change: Change) -> str:
    """Return a masked phone number, or a text that distinguishes a card; empty for other changes."""
    if isinstance(change, NewNumber):
        return contacts.masked(change.number)
    return change.label if isinstance(change, NewCard) else ""


def _hash(code: str | None) -> str:
    return hashlib.sha256((code or "").encode()).hexdigest()
