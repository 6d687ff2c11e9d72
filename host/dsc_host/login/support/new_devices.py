"""Devices that support gives to an identified caller: a security code card, or codes by SMS and call-back."""

from sqlalchemy import Connection

from dsc_host.login.accounts import contacts
from dsc_host.login.context import Reception
from dsc_host.login.devices import code_sheets, registry, waits
from dsc_host.login.devices import lifecycle as device_lifecycle
from dsc_host.login.messages import notices
from dsc_host.login.model import Kind, WaitKind
from dsc_host.login.rows import Device, Session, User
from dsc_host.login.support import calls


def issue_code_card(at: Reception, db: Connection, session: Session, staff: User) -> Device:
    """A security code card for whoever is calling, to be sent to them."""
    user = calls.caller(at, db, session)
    device = code_sheets.begin_code_card(at, db, user, Kind.CODE_CARD)
    label = registry.label(device)
    waits.begin(at, db, user, WaitKind.CARD, {"card": device.id, "label": label}, label, by=staff.name)
    at.log(db, "desk.code-card", user, "done", by=staff.name, device=device.id)
    return device


def offer_messages(at: Reception, db: Connection, user: User, number: str, staff: User) -> bool:
    """Send codes to a number of whoever is calling, and return whether at once: a number that is new waits."""
    device_lifecycle.check_no_app(at, db, user)
    if number not in notices.numbers_of(db, user):
        waits.begin(at, db, user, WaitKind.NUMBER, {"number": number}, contacts.masked(number), by=staff.name)
        at.log(db, "messages.enable", user, "waits", by=staff.name)
        return False
    told = notices.tell(at, db, user, "messages_enabled", phone=contacts.masked(number))
    contacts.add_phone(at, db, user, number, told=told)
    device_lifecycle.enable_messages(at, db, user, number, told)
    return True
