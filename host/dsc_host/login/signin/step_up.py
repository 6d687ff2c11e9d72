"""Step-up: which operations of a customer want a fresh answer of one of their devices, beside the session.

Whoever holds a stolen session can look, and can do what loses nothing. What adds, changes or removes protection wants proof
that a device of the user is at hand now: an answer within the last few minutes, given in this very session. The answer that
opened the session counts as long as any other.
"""

from dsc_host.login.errors import ProofNeeded
from dsc_host.login.model import Stage
from dsc_host.login.rows import Session
from dsc_host.login.transaction import LoginContext, data_of

GUARDED = frozenset({
    "announce_return",
    "ask_to_activate",
    "ask_to_change_pin",
    "ask_to_confirm_phone",
    "begin_share",
    "cancel_share",
    "change_password",
    "close_account",
    "confirm_request",
    "draft_request",
    "forget_phone",
    "opt_in",
    "opt_out",
    "request_online_card",
    "sheet",
})  # fmt: skip
"""The operations that weaken protection, or prepare to."""
ANSWERS = frozenset({"activate", "answer_share", "change_pin", "confirm_phone", "confirm_share"})
"""The operations that only complete what a guarded one has begun, by an answer to what it asked."""
HARMLESS = frozenset({
    "account_users",
    "address",
    "cancel_request",
    "check_primary",
    "deposit_accounts",
    "devices",
    "parcels",
    "phone_numbers",
    "protection",
    "requests",
    "shares",
    "waiting",
    "withdraw",
})  # fmt: skip
"""The operations that look, or take back what was asked for. A withdrawal has limits of its own."""
PROVEN_AT = "proven_at"
"""Under what name a session keeps when a device last answered in it."""


def check(context: LoginContext, session: Session, operation: str) -> None:
    """Raise `ProofNeeded` if this operation wants a fresh answer and there is none. An unknown operation is a `KeyError`."""
    if operation not in GUARDED | ANSWERS | HARMLESS:
        raise KeyError(operation)
    # A login that is half-way has shown its password a few minutes ago, and has no device to answer with.
    if operation in GUARDED and session.stage == Stage.IN and not is_fresh(context, session):
        raise ProofNeeded


def is_fresh(context: LoginContext, session: Session) -> bool:
    """Return whether a device has answered in this session within the time of the policy."""
    proven_at = float(data_of(session).get(PROVEN_AT, 0))
    return context.now() < proven_at + context.policy.protection.proof_seconds
