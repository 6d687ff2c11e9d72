"""The extension of a session: a user who answers again with a finger or a face stays logged in for longer.

A new login does not extend an open session. Otherwise the owner's daily logins would keep a stolen session open.
"""

from dsc_host.login import rows
from dsc_host.login.devices.kinds import Outcome
from dsc_host.login.policy.model import Policy
from dsc_host.login.rows import Session
from dsc_host.login.signin.session_data import OpenData
from dsc_host.login.transaction import LoginTransaction


def latest(policy: Policy, session: Session) -> float | None:
    """Return the Unix time up to which a session can be extended; None if it cannot be extended."""
    until = session.made_at + policy.sessions.biometrics_longest
    return until if OpenData.of(session).extendable and until > session.expires_at else None


def extend(tx: LoginTransaction, session: Session, outcome: Outcome) -> bool:
    """Extend a session if the answer was made with the method that opened the session. Return whether it was extended."""
    end = latest(tx.policy, session)
    if end is None or not outcome.extends or outcome.longest is None:
        return False
    until = min(tx.now() + outcome.longest, end)
    if until <= session.expires_at:
        return False
    rows.sessions.change(tx.db, session.id, expires_at=until)
    return True
