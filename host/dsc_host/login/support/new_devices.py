"""Devices that support gives to identified callers: a security code card, or codes by SMS and call-back.

The user can use them only after a wait, because an attacker could have deceived support. There is no wait for a number that the
user had confirmed before.
"""

from dsc_host.login.accounts import contacts
from dsc_host.login.cards import activation
from dsc_host.login.devices import code_sheets, kinds, registry, waits
from dsc_host.login.devices import lifecycle as device_lifecycle
from dsc_host.login.messages import notices
from dsc_host.login.rows import Session, User
from dsc_host.login.support import calls
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import DeviceView


def issue_code_card(tx: LoginTransaction, session: Session, staff: User) -> tuple[DeviceView, tuple[str, ...]]:
    """Make a security code card for the identified caller. Return the card and its codes, to be printed and sent by mail."""
    registry.check_issued(tx, kinds.CODE_CARD)
    user = calls.caller(tx, session)
    calls.check_open(tx, user)
    device = code_sheets.begin_code_card(tx, user, kinds.CODE_CARD)
    label = registry.label(device)
    waits.begin(tx, user, waits.NewCard(device.id, label), label, by=staff.name)
    activation.set_online_card_end(tx, user)
    tx.log("desk.code-card", user, "done", by=staff.name, device=device.id)
    return sheet(tx, session, device.id)


def sheet(tx: LoginTransaction, session: Session, device_id: str) -> tuple[DeviceView, tuple[str, ...]]:
    """Return a card of the identified caller with its codes. Raises `NotFound`, and `NotNow` after its activation."""
    user = calls.known_caller(tx, session)
    device, use = registry.held(tx.db, user, device_id, lock=False)
    return registry.view(tx, user, device, use), code_sheets.sheet_codes(tx, device)


def offer_messages(tx: LoginTransaction, session: Session, staff: User, number: str) -> bool:
    """Enable SMS and call-back to a number of the identified caller: now, or, for a new number, after a wait.

    Return whether they are enabled now.
    """
    user = calls.caller(tx, session)
    calls.check_open(tx, user)
    device_lifecycle.check_no_app(tx, user)
    registry.check_issued(tx, kinds.SMS, kinds.VOICE)
    if number not in notices.numbers_of(tx.db, user):
        waits.begin(tx, user, waits.NewNumber(number), contacts.masked(number), by=staff.name)
        tx.log("messages.enable", user, "waits", by=staff.name)
        return False
    notified = notices.notify(tx, user, "messages_enabled", phone=contacts.masked(number))
    contacts.add_phone(tx, user, number, notified=notified)
    device_lifecycle.enable_messages(tx, user, number, notified, anew=True, by=staff.name)
    return True
