"""The recent security events of a user's account, as the user sees them.

The events are read from the audit log, without a lock. There is no separate table of events: a wrong password would add a row
only if the user name exists, and the time for adding the row would reveal that the name exists.

Users see only the entries about themselves, and only the entries that have an `EventKind`. They do not see the names of other
people.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Select, select

from dsc_host.errors import InputError
from dsc_host.login.devices import kinds, registry
from dsc_host.login.model import Kind
from dsc_host.login.rows import Device, Use, User
from dsc_host.login.transaction import LoginTransaction, detail_of
from dsc_host.records.tables import audit
from dsc_host.schema.log_index import user_of

PAGE = 20
"""The number of events on a page."""
MOST_PAGES = 500
_SECONDS = 90 * 24 * 60 * 60
"""The maximum age in seconds of an event that is shown. Messages are removed at the same age."""
_PREFIX = "login."


class EventKind(StrEnum):
    """The kinds of events that a user sees. A value is the action and the outcome of an entry of the audit log."""

    PASSWORD_RIGHT = "password done"  # noqa: S105 - an entry of the log
    PASSWORD_WRONG = "password refused"  # noqa: S105 - an entry of the log
    LOGGED_IN = "enter done"
    ANSWER_WRONG = "answer refused"
    PROVEN = "prove done"
    PROOF_WRONG = "prove refused"
    PROGRAM_ENTERED = "openid.grant done"
    PROGRAM_LEFT = "openid.leave done"
    PROGRAM_ENDED = "openid.grant refused"
    SESSION_ENDED = "session.end done"
    PASSWORD_CHANGED = "password.change done"  # noqa: S105 - an entry of the log
    PIN_CHANGED = "pin.change done"
    PIN_CHANGE_WRONG = "pin.change refused"
    ACTIVATED = "activate done"
    ACTIVATION_WRONG = "activate refused"
    DEVICE_NAMED = "device.name done"
    DEVICE_EXPIRED = "device.expire done"
    DEVICE_SUSPENDED = "loss.report suspended"
    DEVICE_LOST = "desk.loss done"
    APP_BEGUN = "phone.begin done"
    APP_ACTIVATED = "phone.activate done"
    APP_WRONG = "phone.activate refused"
    APP_REMOVED = "phone.remove done"
    PUSH_APPROVED = "phone.approve done"
    PUSH_WRONG = "phone.approve refused"
    PUSH_DENIED = "phone.deny done"
    NUMBER_ASKED = "phone.confirm asked"
    NUMBER_WRONG = "phone.confirm refused"
    NUMBER_WAITS = "phone.confirm waits"
    NUMBER_CONFIRMED = "phone.confirm done"
    NUMBER_REMOVED = "phone.forget done"
    MESSAGES_ENABLED = "messages.enable done"
    MESSAGES_WAIT = "messages.enable waits"
    TEMPORARY_CODE = "desk.temporary-code done"
    CODE_CARD = "desk.code-card done"
    ONLINE_CARD = "online-card.request done"
    CARD_ASSIGNED = "card.assign done"
    CARD_REQUESTED = "card.request done"
    CARD_CANCELLED = "card.request cancelled"
    CARD_SHIPPED = "card.ship done"
    CARD_RETURNED = "card.return done"
    CARD_RECEIVED = "card.receive done"
    EMAIL_ASKED = "user.email asked"
    EMAIL_WRONG = "user.email refused"
    EMAIL_CHANGED = "user.email done"
    ADDRESS_CHANGED = "user.address done"
    BANK_CHANGED = "account.bank done"
    LANGUAGE_CHANGED = "user.language done"
    BECAME_PRIMARY = "account.primary done"
    OPTED_OUT = "opt-out done"
    OPT_OUT_WAITS = "opt-out waits"
    OPTED_IN = "opt-in done"
    CHANGE_COUNTS = "wait.count done"
    CHANGE_STOPPED = "wait.stop done"
    SHARE_PROVEN = "share.prove done"
    SHARE_WRONG = "share.prove refused"
    SHARE_WAITS = "share.confirm pending"
    SHARED = "share.confirm done"
    SHARE_ALLOWED = "share.decide done"
    SHARE_REFUSED = "share.decide refused"
    SHARE_ENDED = "share.cancel done"
    IDENTIFIED = "desk.identify done"
    NOT_IDENTIFIED = "desk.identify refused"
    IDENTITY_WAITS = "desk.identity waits"
    IDENTITY_CORRECTED = "desk.identity done"
    USER_ADDED = "user.add done"
    ACCOUNT_CLOSED = "account.close done"


_LOGINS = frozenset({EventKind.PASSWORD_RIGHT, EventKind.PASSWORD_WRONG, EventKind.LOGGED_IN, EventKind.ANSWER_WRONG})
"""The events of which the user sees the address and the browser."""


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """An event, as the user sees it."""

    at: float
    kind: EventKind
    by_other: bool
    """Whether the staff, an operator's command or another user of the account caused the event."""
    device: Kind | None = None
    """The kind of the device that the event is about; None if there is none, or if the user no longer has the device."""
    label: str = ""
    name: str = ""
    """The name that the user has given to the device; empty if there is none."""
    address: str = ""
    """The IP address of a login; empty if it is not known, and for other events."""
    browser: str = ""
    """The name of the browser of a login; empty if it is not known, and for other events."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A page of events, the newest first."""

    events: tuple[SecurityEvent, ...]
    more: bool
    """Whether there is a further page. Page `MOST_PAGES` is always the last one."""


def page(tx: LoginTransaction, user: User, number: int = 1) -> EventPage:
    """Return a page of the user's events. Page 1 has the newest events. Raises `InputError`."""
    if type(number) is not int or not 1 <= number <= MOST_PAGES:
        raise InputError("page", "must be a whole number from 1 to {most}", most=MOST_PAGES)
    found = tx.db.execute(entries(user.name, tx.now() - _SECONDS, number)).all()
    held = {device.id: (device, use) for device, use in registry.held_by(tx.db, user)}
    return EventPage(tuple(_event(user, held, *entry) for entry in found[:PAGE]), len(found) > PAGE and number < MOST_PAGES)


def entries(name: str, since: float, number: int) -> Select[Any]:
    """Return the query for a page of entries about the user with this name, and for the first entry of the next page."""
    return (
        select(audit.c.at, audit.c.action, audit.c.outcome, audit.c.detail)
        .where(user_of == name, audit.c.at >= since)
        .where((audit.c.action + " " + audit.c.outcome).in_([_PREFIX + kind for kind in EventKind]))
        .order_by(audit.c.number.desc())
        .limit(PAGE + 1)
        .offset((number - 1) * PAGE)
    )


def _event(
    user: User, held: Mapping[str, tuple[Device, Use]], at: float, action: str, outcome: str, detail: str
) -> SecurityEvent:
    said = detail_of(detail)
    kind = EventKind(f"{action.removeprefix(_PREFIX)} {outcome}")
    by_other = said.get("by", "") not in ("", user.name)
    address, browser = (said.get(name, "") if kind in _LOGINS else "" for name in ("address", "browser"))
    event = SecurityEvent(at, kind, by_other, address=address, browser=browser)
    # Do not show a device that the user no longer shares: it belongs to another user.
    device, use = held.get(said.get("device", ""), (None, None))
    if device is None or use is None:
        return event
    return replace(event, device=kinds.of(device).name, label=registry.label(device), name=use.name)
