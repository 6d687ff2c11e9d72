"""The change of a card's PIN, proven by a response that was made with the new PIN."""

from dsc_host.login import rows
from dsc_host.login.accounts import users
from dsc_host.login.cards import requests
from dsc_host.login.devices import kinds, registry
from dsc_host.login.errors import NotFound, NotNow
from dsc_host.login.messages import notices
from dsc_host.login.model import Status
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import device_proof, sessions
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.login.views import Offer
from dsc_host.records.transaction import Refused


def ask_for_pin(tx: LoginTransaction, session: Session, user: User, device_id: str) -> Offer | Refused:
    """Begin to change a card's PIN. Raises `NotFound`, `NotNow`."""
    device, use = registry.held(tx.db, user, device_id)
    if not kinds.of(device).changes_pin or device.owner_id != user.id:
        raise NotFound("you do not own such a card")
    if not registry.is_live(device, use, tx.now()):
        raise NotNow("activate the card first")
    return device_proof.ask(tx, session, user, device, Purpose.PIN)


def shown(tx: LoginTransaction, session: Session) -> Offer:
    """Return the challenge that the user answers with the new PIN. Raises `NotNow` if there is nothing to answer."""
    return device_proof.shown(tx, session, Purpose.PIN)


def change_pin(tx: LoginTransaction, session: Session, user: User, text: str, new_pin: str) -> bool:
    """Change the PIN of a card if this response was made with `new_pin`. Return whether it was.

    Raises `InputError` for a weak PIN, and `NotNow` if there is nothing to answer.
    """
    requests.check_pin(tx, user, new_pin)
    device, outcome = device_proof.judge(
        tx,
        session,
        user,
        Purpose.PIN,
        text,
        check=lambda attempt, kept, response: kinds.of(attempt.device).check_new_pin(attempt, kept, response, new_pin),
    )
    if outcome.status is not Status.ACCEPTED:
        tx.log("pin.change", user, "refused", device=device.id)
        return False
    for user_id in registry.users_of(tx.db, device):
        each = found(rows.users.find(tx.db, user_id))
        notices.notify(tx, each, "pin_changed", device=registry.label(device))
        users.invalidate_sessions(tx.db, each)
    sessions.end_all(tx.db, user, except_id=session.id)
    tx.log("pin.change", user, "done", device=device.id)
    return True
