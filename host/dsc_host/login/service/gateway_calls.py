"""The calls of a gateway, through which other programs let users log in. Its logins open no session.

Three promises:

1. A login without a device is never accepted: neither after opting out, nor for the statements of a closed account.
2. A challenge ends with the first answer, or with the choice of another device. If several answers or choices arrive in
   parallel, only the first counts.
3. The limits are those of the login page, because both use `signin.flow`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dsc_host.login import rows
from dsc_host.login.devices import kinds
from dsc_host.login.errors import NotAllowed
from dsc_host.login.model import Scope, Stage
from dsc_host.login.rows import User
from dsc_host.login.signin import flow, password_check, sessions
from dsc_host.login.signin.origins import Origin
from dsc_host.login.transaction import LoginContext, LoginTransaction, account_of
from dsc_host.login.views import DeviceView, Offer, Step, Visitor
from dsc_host.records.transaction import Refused

_NO_DEVICE = "a device is needed to log in"


@dataclass(frozen=True, slots=True)
class OfferedChallenge:
    """A challenge for a user, and the user's other devices. Each device has a number for `GatewayCalls.choose`."""

    user: str
    token: str
    offer: Offer
    others: tuple[tuple[int, DeviceView], ...]
    language: str


@dataclass(frozen=True, slots=True)
class AcceptedLogin:
    """A login that was accepted: the user, the scope, and the kind of the device with its level in the policy."""

    user: str
    scope: Scope
    kind: str
    level: int


@dataclass(frozen=True, slots=True)
class GatewayCalls:
    """The calls of a gateway. `LoginSystem.gateway` makes the object."""

    context: LoginContext
    deliver: Callable[[str], int]
    """Send the codes for the user of this name."""

    def ask(self, name: str, password: str, address: str = "") -> OfferedChallenge:
        """Check name and password, and return the challenge of the user's device of the highest level.

        Locked devices are skipped. The token is valid for one call of `answer` or `choose`. Raises `WrongCredentials`,
        `TooManyAttempts`, and `NotAllowed` if the user has no device with full access.
        """
        user = password_check.check_password(self.context, name, password, address, Origin.of(address))
        return self._delivered(self.context.change(lambda tx: _ask(tx, user, address)))

    def choose(self, token: str, number: int) -> OfferedChallenge:
        """Return the challenge of the device with this number. The token becomes invalid. Raises `NotIn`, `NotAllowed`."""
        return self._delivered(self.context.change(lambda tx: _choose(tx, token, number)))

    def answer(self, token: str, text: str) -> AcceptedLogin | None:
        """Judge the answer to a challenge, and end the login. Return None if the answer was wrong. Raises `NotIn`."""
        return self.context.change(lambda tx: _answer(tx, token, text))

    def enter(self, name: str, password: str, code: str, address: str = "") -> AcceptedLogin | None:
        """Log in with a password and a code that needs no challenge. Return None if the code is wrong. Raises as `ask` does."""
        user = password_check.check_password(self.context, name, password, address, Origin.of(address))
        return self.context.change(lambda tx: _enter(tx, user, code, address))

    def visitor(self, session: str) -> tuple[Visitor, str]:
        """Return the user of an open session, and the kind of the device that opened the session. Raises `NotIn`.

        The kind is empty if no device opened the session. `session` is the id of the session's row, with which nobody can log
        in. The call counts as a use of the session.
        """
        visitor, kind = self.context.read(lambda tx: _visitor(tx, session))
        self.context.activity.record(visitor.session, self.context.now())
        return visitor, kind

    def _delivered(self, asked: OfferedChallenge) -> OfferedChallenge:
        self.deliver(asked.user)
        return asked


def _visitor(tx: LoginTransaction, session: str) -> tuple[Visitor, str]:
    visitor = sessions.visitor_by_id(tx, session)
    device = rows.devices.find(tx.db, visitor.device) if visitor.device else None
    return visitor, device.kind if device else ""


def _ask(tx: LoginTransaction, user: User, address: str) -> OfferedChallenge | Refused:
    begun = _begin(tx, user, address)
    return begun if isinstance(begun, Refused) else _offered(tx, user, begun, (each.id for each in _usable(tx, begun)))


def _begin(tx: LoginTransaction, checked: User, address: str) -> Step | Refused:
    """Begin the login of a user whose password was correct. Refuse a user of a closed account, who has no device."""
    closed = account_of(tx.db, checked).closed_at is not None
    return Refused(NotAllowed(_NO_DEVICE)) if closed else flow.begin(tx, checked, Origin.of(address))


def _choose(tx: LoginTransaction, token: str, number: int) -> OfferedChallenge | Refused:
    user, _ = sessions.locked(tx, token, Stage.ANSWERING)
    step = flow.step(tx, token)
    wanted = [device.id for place, device in enumerate(_usable(tx, step), 1) if place == number]
    return _offered(tx, user, step, wanted)


def _usable(tx: LoginTransaction, step: Step) -> list[DeviceView]:
    """Return the devices that give full access now, the highest level first."""
    now = tx.now()
    return [each for each in step.choices if each.full_until is None or now < each.full_until]


def _offered(tx: LoginTransaction, user: User, step: Step, wanted: Iterable[str]) -> OfferedChallenge | Refused:
    """Return the challenge of the first wanted device that offers one. If no device offers one, end the login."""
    refused = Refused(NotAllowed(_NO_DEVICE))
    for device in wanted:
        # Ask for a challenge to type, because no page waits here for a push.
        offered = flow.choose(tx, step.token, device, manual=True)
        if not isinstance(offered, Refused) and offered.offer is not None:
            others = [each for each in enumerate(_usable(tx, step), 1) if each[1].id != device]
            return OfferedChallenge(offered.user, offered.token, offered.offer, tuple(others), user.language)
        refused = offered if isinstance(offered, Refused) else refused
    sessions.drop(tx.db, step.token)
    return refused


def _answer(tx: LoginTransaction, token: str, text: str) -> AcceptedLogin | None:
    step = flow.answer(tx, token, text).step
    try:
        return _entered(tx, step) if step is not None else None
    finally:
        for each in (token, step.token if step else ""):
            sessions.drop(tx.db, each)


def _entered(tx: LoginTransaction, step: Step) -> AcceptedLogin | None:
    if step.stage is not Stage.IN or step.scope is None:
        return None
    _, kind = _visitor(tx, sessions.hashed(step.token))
    return AcceptedLogin(step.user, step.scope, kind, tx.policy.level(kind))


def _enter(tx: LoginTransaction, user: User, code: str, address: str) -> AcceptedLogin | Refused | None:
    begun = _begin(tx, user, address)
    if isinstance(begun, Refused):
        return begun
    wanted = [device.id for device in _usable(tx, begun) if not kinds.KINDS[device.kind].needs_challenge]
    asked = _offered(tx, user, begun, wanted)
    return asked if isinstance(asked, Refused) else _answer(tx, asked.token, code)
