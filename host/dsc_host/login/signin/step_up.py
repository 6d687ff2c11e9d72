"""Step-up: the operations for which a customer must answer with a device again, although the session is open.

Somebody with a stolen session can read, and can do what loses nothing. Operations that add, change or remove protection need
proof that the user has a device at hand: an answer within the last few minutes, in this very session. The answer that opened
the session counts too.
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
"""The operations that weaken the protection, or prepare to."""
ANSWERS = frozenset({"activate", "answer_share", "change_pin", "confirm_phone", "confirm_share"})
"""The operations that complete a guarded one with an answer to its challenge."""
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
"""The operations that only read or withdraw a request. Withdrawals of money have limits of their own."""
PROVEN_AT = "proven_at"
"""The key, in the data of a session, of the time at which a device last answered in it."""


def check(context: LoginContext, session: Session, operation: str) -> None:
    """Raise `ProofNeeded` if the operation needs a fresh answer and there is none. Raises `KeyError` for unknown operations."""
    if operation not in GUARDED | ANSWERS | HARMLESS:
        raise KeyError(operation)
    # A login in progress has shown the password a few minutes ago, and has no device to answer with.
    if operation in GUARDED and session.stage == Stage.IN and not is_fresh(context, session):
        raise ProofNeeded


def is_fresh(context: LoginContext, session: Session) -> bool:
    """Return whether a device has answered in this session within the time of the policy."""
    proven_at = float(data_of(session).get(PROVEN_AT, 0))
    return context.now() < proven_at + context.policy.protection.proof_seconds
