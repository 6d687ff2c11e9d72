"""Sheets of codes: printed security code cards and online cards, until they are activated.

A user activates a sheet by entering the codes that the page asks for. A printed sheet is also activated automatically after
some weeks. The codes are shown only until the activation.
"""

import secrets

from dsc_host.login.devices import codes, kinds, registry
from dsc_host.login.devices.kinds import DeviceKind
from dsc_host.login.devices.kinds.code_card import SheetData
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import DeviceState
from dsc_host.login.rate_limits import DAY
from dsc_host.login.rows import Device, User
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.records import vault

_SEED_BYTES = 32


def begin_code_card(tx: LoginTransaction, user: User, kind: DeviceKind, given_by: str = "") -> Device:
    """Make a new sheet of codes, which the user must activate. End an earlier sheet of this kind that was not activated.

    `given_by` is the name of the support member who gave the temporary code with which the user requests an online card.
    """
    for device, _ in registry.held_by(tx.db, user):
        if device.kind == kind.name and device.state == DeviceState.SHIPPED:
            registry.move(tx, device, DeviceState.ENDED)
    rules = tx.policy.code_card
    activates_at = tx.now() + tx.policy.activation.automatic_days * DAY if kind.lasting else None
    data = SheetData("", codes.random_digits(6), rules.codes, rules.code_letters, activates_at=activates_at, given_by=given_by)
    notified = notices.notify(tx, user, "code_card", number=data.label)
    # A temporary sheet expires even if it is never activated.
    until = kind.valid_until(tx.policy, tx.now())
    device = registry.add(tx, user, kind, notified=notified, state=DeviceState.SHIPPED, expires_at=until, data=data)
    vault.put(tx.cards, kinds.secret_of(device), secrets.token_bytes(_SEED_BYTES))
    return device


def request_online_card(tx: LoginTransaction, user: User) -> Device:
    """Give an online card to a user who has a temporary code from support. Raises `NotNow`.

    The activation of the online card ends the temporary code, so nobody can get a second online card without support.
    """
    registry.check_issued(tx, kinds.ONLINE_CARD)
    live = [device for device, _ in registry.live_of(tx, user)]
    if any(kinds.of(device).lasting for device in live):
        raise NotNow("you have a device in use; an online card is for users who have lost theirs")
    if any(device.kind == kinds.ONLINE_CARD.name for device in live):
        raise NotNow("you have an online card in use; request a lasting card, or call support if you have lost this one")
    code = next((device for device in live if device.kind == kinds.TEMPORARY_CODE.name), None)
    if code is None:
        raise NotNow("call support first: after they have given you a temporary code, you get an online card")
    device = begin_code_card(tx, user, kinds.ONLINE_CARD, kinds.TEMPORARY_CODE.given_by(code))
    tx.log("online-card.request", user, "done", device=device.id)
    return device


def sheet_codes(tx: LoginTransaction, device: Device) -> tuple[str, ...]:
    """Return the codes of a sheet that is not activated yet.

    Raises `NotNow` after the activation. From then on, nobody can see the codes.
    """
    if device.state != DeviceState.SHIPPED or not kinds.of(device).has_sheet:
        raise NotNow("the codes are shown only until the card is activated")
    seed = found(vault.get(tx.cards, kinds.secret_of(device)))
    return codes.codes(seed, *SheetData.of(device).size(tx.policy))
