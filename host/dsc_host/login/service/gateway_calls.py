"""The calls of a gateway, through which other programs let users log in. Its logins open no session.

Three promises:

1. Nobody is accepted without a device, even after opting out, nor for the statements of a closed account.
2. A challenge takes one answer. Of two parallel answers to it, one is judged.
3. The limits are those of the login page, because the calls take the same steps.
"""

from collections.abc import Callable
from dataclasses import dataclass

from dsc_host.login import rows
from dsc_host.login.errors import NotAllowed
from dsc_host.login.model import Answered, Stage, Step, Visitor
from dsc_host.login.rows import User
from dsc_host.login.signin import flow, password_check, sessions
from dsc_host.login.transaction import LoginContext, LoginTransaction
from dsc_host.records.transaction import Refused


@dataclass(frozen=True, slots=True)
class GatewayCalls:
    """The calls of a gateway. `LoginSystem.gateway` makes the object."""

    context: LoginContext
    deliver: Callable[[str], int]
    """Send the codes for the user of this name."""

    def ask(self, name: str, password: str, address: str = "") -> Step:
        """Check name and password, and return a step with the challenge of the user's device of the highest level.

        The token of the step is valid for one answer. Raises `WrongCredentials`, `TooManyAttempts`, and `NotAllowed` if the
        user has no device or the account is closed.
        """
        user = password_check.check_password(self.context, name, password, address)
        step = self.context.change(lambda tx: _ask(tx, user, address))
        self.deliver(step.user)
        return step

    def answer(self, token: str, text: str) -> Answered:
        """Judge the answer to a challenge, and end the login, whatever the result. Raises `NotIn`."""
        return self.context.change(lambda tx: _answer(tx, token, text))

    def visitor(self, session: str) -> tuple[Visitor, str]:
        """Return the user of an open session, and the kind of the device that opened it, or empty text. Raises `NotIn`.

        `session` is the id of the session's row, which opens nothing. The session counts as used.
        """
        visitor, kind = self.context.read(lambda tx: _visitor(tx, session))
        self.context.activity.record(visitor.session, self.context.now())
        return visitor, kind


def _visitor(tx: LoginTransaction, session: str) -> tuple[Visitor, str]:
    visitor = sessions.visitor_by_id(tx, session)
    device = rows.devices.find(tx.db, visitor.device) if visitor.device else None
    return visitor, device.kind if device else ""


def _ask(tx: LoginTransaction, user: User, address: str) -> Step | Refused:
    begun = flow.begin(tx, user, address)
    if begun.stage is not Stage.CHOOSING or not begun.choices:
        sessions.drop(tx.db, begun.token)
        return Refused(NotAllowed("a device is needed to log in"))
    # Ask for a challenge to type, because no page waits here for a push.
    offered = flow.choose(tx, begun.token, begun.choices[0].id, manual=True)
    if isinstance(offered, Refused):
        sessions.drop(tx.db, begun.token)
    return offered


def _answer(tx: LoginTransaction, token: str, text: str) -> Answered:
    answered = flow.answer(tx, token, text)
    for each in (token, answered.step.token if answered.step else ""):
        sessions.drop(tx.db, each)
    return answered
