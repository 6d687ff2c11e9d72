"""Step-up: the operations for which a customer must answer with a device again, although the session is open.

A thief with a stolen session can read pages and do harmless operations. Operations that add, change or remove protection need
proof that the user has a device at hand: an answer within the last few minutes, in the same session. The answer that opened
the session counts too.
"""

from dataclasses import replace

from dsc_host.login import rows
from dsc_host.login.devices import registry
from dsc_host.login.errors import NotFound, ProofNeeded
from dsc_host.login.model import Scope, Stage, Status
from dsc_host.login.rows import Device, Session, User
from dsc_host.login.signin import device_proof, extension, session_data
from dsc_host.login.signin.device_proof import Purpose
from dsc_host.login.signin.session_data import OpenData
from dsc_host.login.transaction import LoginContext, LoginTransaction, found
from dsc_host.login.views import DeviceView, Offer
from dsc_host.records.transaction import Refused

GUARDED = frozenset({
    "announce_return",
    "ask_to_activate",
    "ask_to_change_email",
    "ask_to_change_pin",
    "ask_to_confirm_phone",
    "begin_share",
    "cancel_share",
    "change_address",
    "change_bank",
    "change_password",
    "close_account",
    "confirm_request",
    "draft_request",
    "forget_phone",
    "opt_in",
    "opt_out",
    "remove_app",
    "request_online_card",
    "resend_email_code",
    "resend_phone_code",
    "sheet",
})  # fmt: skip
"""The operations that can weaken the protection, and the operations that prepare them."""
ANSWERS = frozenset({"activate", "answer_share", "change_pin", "confirm_email", "confirm_phone", "confirm_share"})
"""The operations that complete a guarded operation: they take the answer to its challenge, or confirm it."""
HARMLESS = frozenset({
    "account_users",
    "activation_offer",
    "address",
    "cancel_request",
    "card_candidates",
    "check_funding",
    "check_new_pin",
    "check_primary",
    "check_withdrawal",
    "deposit_accounts",
    "deposits",
    "devices",
    "end_other_sessions",
    "end_session",
    "fund",
    "name_device",
    "office",
    "parcels",
    "payout",
    "phone_numbers",
    "pin_offer",
    "profile",
    "protection",
    "requests",
    "security_events",
    "sent_email_code",
    "sent_phone_code",
    "sessions",
    "share_offer",
    "shares",
    "waiting",
    "withdraw",
    "withdrawal_limit",
})  # fmt: skip
"""The operations that do not weaken the protection. They include withdrawals of money, which have limits of their own."""


def check(context: LoginContext, session: Session, operation: str) -> None:
    """Raise `ProofNeeded` if the operation needs a fresh answer and there is none. Raises `KeyError` for unknown operations."""
    if operation not in GUARDED | ANSWERS | HARMLESS:
        raise KeyError(operation)
    # A login in progress needs no step-up: its password was entered a few minutes ago, and there is no device to answer with.
    if operation in GUARDED and session.stage == Stage.IN and not is_fresh(context, session):
        raise ProofNeeded


def is_fresh(context: LoginContext, session: Session) -> bool:
    """Return whether a device has answered in this session within the time of the policy.

    If the clock was set back, the answer may be in the future, but no further than the time of the policy.
    """
    return abs(context.now() - OpenData.of(session).proven_at) < context.policy.protection.proof_seconds


def choices(tx: LoginTransaction, session: Session, user: User) -> tuple[DeviceView, ...]:
    """Return the devices with which the user may answer in this session, the highest level first."""
    able = {device.id for device, _ in registry.live_of(tx, user) if _may_answer(tx, session, device)}
    return tuple(each for each in registry.views(tx, user) if each.id in able)


def _may_answer(tx: LoginTransaction, session: Session, device: Device) -> bool:
    """Return whether a login with this device would get at least the scope of this session."""
    return session.scope != Scope.FULL or registry.opens_all(tx, device)


def ask(tx: LoginTransaction, session: Session, user: User, token: str, device_id: str) -> tuple[str, Offer] | Refused:
    """Offer a challenge of one of the user's devices. Return the user's name and the challenge. Raises `NotFound`."""
    device, use = registry.held(tx.db, user, device_id)
    if not registry.is_live(device, use, tx.now()) or not _may_answer(tx, session, device):
        raise NotFound("you have no such device in use")
    offer = device_proof.ask(tx, session, user, device, Purpose.FRESH, token=token)
    return offer if isinstance(offer, Refused) else (user.name, offer)


def answer(tx: LoginTransaction, session: Session, user: User, token: str, text: str) -> bool:
    """Return whether the answer was correct. If so, allow guarded operations for some minutes. Raises `NotNow`.

    An answer with a finger or a face also extends a session that was opened in the same way.
    """
    device, outcome = device_proof.judge(tx, session, user, Purpose.FRESH, text, token=token)
    held = registry.held(tx.db, user, device.id)
    right = outcome.status is Status.ACCEPTED and registry.is_live(*held, tx.now())
    extended = right and extension.extend(tx, session, outcome)
    if right:
        rows.uses.change(tx.db, held[1].id, used_at=tx.now())
        data = OpenData.of(found(rows.sessions.find(tx.db, session.id)))
        session_data.keep(tx.db, session.id, replace(data, proven_at=tx.now()))
    tx.log("prove", user, "done" if right else "refused", "extended" if extended else "", device=device.id)
    return right
