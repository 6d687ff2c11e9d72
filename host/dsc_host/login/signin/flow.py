"""The login after the check of name and password: the choice of a device, and its challenge.

Three promises:

1. Nobody logs in without a valid device, with two exceptions. A user who has opted out may trade. A user of a closed account
   may see its statements.
2. Each answer is judged once. A challenge is valid for a few answers and a few minutes, and only for its own login.
3. If the device was taken out of use during the login, the answer is refused and no session is opened.
"""

from dataclasses import replace

from dsc_host.login import rate_limits, rows
from dsc_host.login.devices import answer_limits, kinds, registry
from dsc_host.login.devices.kinds import Attempt, Outcome
from dsc_host.login.errors import NotFound, NotNow, TooManyAttempts
from dsc_host.login.messages import outbox
from dsc_host.login.model import Scope, Stage, Status
from dsc_host.login.rows import Device, Session, Use, User
from dsc_host.login.signin import password_check, session_data, sessions
from dsc_host.login.signin.origins import Origin
from dsc_host.login.signin.session_data import LoginData, OfferData, OpenData
from dsc_host.login.transaction import LoginTransaction, account_of, found, locked_user
from dsc_host.login.views import Answered, DeviceView, Step
from dsc_host.records.table_rows import new_id
from dsc_host.records.transaction import Refused

_LONGEST = 64
"""The maximum number of characters of an answer."""


def begin(tx: LoginTransaction, checked: User, origin: Origin) -> Step:
    """Begin the login of a user whose password was correct. For a closed account, open a session for its statements.

    Raises `WrongCredentials` if the password was changed after the check.
    """
    user = password_check.still_checked(checked, locked_user(tx.db, checked.id))
    login = LoginData(address=origin.address, browser=origin.browser)
    if account_of(tx.db, user).closed_at is not None:
        return _open_session(tx, user, "", Outcome(Status.ACCEPTED, Scope.STATEMENTS), login)
    until = tx.now() + tx.policy.login.step_validity
    token = sessions.begin(tx, user, Stage.CHOOSING, until=until, data=login)
    return Step(token, Stage.CHOOSING, user.name, _choices(tx, user), user.opted_out)


def choose(tx: LoginTransaction, token: str, device_id: str, *, manual: bool = False) -> Step | Refused:
    """Offer a challenge of one of the user's devices. Raises `NotIn`, `NotFound`.

    Returns a refusal if the device is locked, or if a limit on challenges or messages is reached.
    """
    user, session = sessions.locked(tx, token, Stage.CHOOSING, Stage.ANSWERING)
    device, use = registry.held(tx.db, user, device_id)
    if not registry.is_live(device, use, tx.now()):
        raise NotFound("you have no such device in use")
    if refusal := answer_limits.refusal(tx, use) or rate_limits.charge(tx, [answer_limits.offers(tx.context, user)]):
        return Refused(refusal)
    login = LoginData.of(session)
    new = sessions.begin(tx, user, Stage.ANSWERING, device=device.id, until=session.expires_at)
    attempt = Attempt(tx, user, device, new, login.address)
    offered = kinds.of(device).offer(attempt, manual=manual)
    if isinstance(offered, Refused):
        # The login stays at its stage: the user may have another device.
        sessions.drop(tx.db, new)
        return offered
    sessions.end(tx.db, session)
    left = 1 if offered.once else tx.policy.login.code_attempts
    data = OfferData(address=login.address, browser=login.browser, keeps=offered.keeps, shows=offered.shows, left=left)
    session_data.keep(tx.db, sessions.hashed(new), data)
    tx.log("offer", user, "done", device.kind, device=device.id)
    return Step(new, Stage.ANSWERING, user.name, offer=registry.offer(tx, device, offered.shows, offered.keeps, left))


def resend(tx: LoginTransaction, token: str) -> Step | Refused:
    """Send a new code in place of the last code. Raises `NotIn`, `NotNow`, `TooManyAttempts`.

    Raises `NotFound` if the device was taken out of use. Returns a refusal as `choose` does.
    """
    user, session = sessions.locked(tx, token, Stage.ANSWERING)
    device, _ = registry.held(tx.db, user, session.device_id)
    again_at = kinds.of(device).again_at(tx.policy, OfferData.of(session).keeps)
    if again_at is None:
        raise NotNow("no code was sent for this login")
    if tx.now() < again_at:
        raise TooManyAttempts(again_at - tx.now())
    return choose(tx, token, session.device_id)


def answer(tx: LoginTransaction, token: str, text: str) -> Answered:
    """Judge an answer to the challenge. Return `Status.REFUSED` for a wrong answer. Raises `NotIn`."""
    user, session = sessions.locked(tx, token, Stage.ANSWERING)
    device, use = registry.held(tx.db, user, session.device_id)
    data = OfferData.of(session)
    if answer_limits.locked_for(tx, use) or not registry.is_live(device, use, tx.now()):
        # Refuse the answer without a check, so that it does not count as a wrong answer of the device.
        return _refuse(tx, user, session, device, data)
    kind = kinds.of(device)
    given = text if isinstance(text, str) and len(text) <= _LONGEST else ""
    outcome = kind.check(Attempt(tx, user, device, token, data.address), data.keeps, given)
    if outcome.status is Status.WAITING:
        return Answered(Status.WAITING)
    if outcome.status is Status.ACCEPTED:
        return Answered(Status.ACCEPTED, _accept(tx, user, session, device, use, outcome))
    if outcome.compared:
        answer_limits.count_failure(tx, kind, use)
    return _refuse(tx, user, session, device, data)


def skip(tx: LoginTransaction, token: str) -> Step:
    """Log in without a device, as a user who has opted out. Raises `NotIn`, `NotNow`."""
    user, session = sessions.locked(tx, token, Stage.CHOOSING, Stage.ANSWERING)
    if not user.opted_out:
        raise NotNow("a device is needed to log in")
    sessions.end(tx.db, session)
    return _open_session(tx, user, "", Outcome(Status.ACCEPTED, Scope.TRADING), LoginData.of(session))


def step(tx: LoginTransaction, token: str) -> Step:
    """Return the current step of a login. Raises `NotIn`."""
    user, session = sessions.find(tx, token, Stage.CHOOSING, Stage.ANSWERING)
    offer = None
    if session.stage == Stage.ANSWERING:
        device, _ = registry.held(tx.db, user, session.device_id, lock=False)
        data = OfferData.of(session)
        again_at = kinds.of(device).again_at(tx.policy, data.keeps)
        offer = replace(registry.offer(tx, device, data.shows, data.keeps, data.left), again_at=again_at)
    return Step(token, Stage(session.stage), user.name, _choices(tx, user), user.opted_out, offer)


def is_waiting(tx: LoginTransaction, token: str) -> bool:
    """Return whether this login waits for the answer to a push. Raises `NotIn`."""
    session = sessions.find(tx, token, Stage.ANSWERING)[1]
    device = found(rows.devices.find(tx.db, session.device_id))
    return kinds.of(device).is_waiting(tx, OfferData.of(session).keeps)


# ---- the steps ----


def _choices(tx: LoginTransaction, user: User) -> tuple[DeviceView, ...]:
    return tuple(shown for shown in registry.views(tx, user) if shown.live)


def _accept(tx: LoginTransaction, user: User, session: Session, device: Device, use: Use, outcome: Outcome) -> Step:
    sessions.end(tx.db, session)
    registry.record_use(tx, use)
    if outcome.duress:
        # Alarm the security team, but show no sign of it on the page.
        outbox.add(tx, user, "duress", to=tx.policy.login.alarm_address)
    # A session lasts no longer than the device that opened it.
    ends = [at for at in (outcome.until, device.expires_at) if at is not None]
    bounded = replace(outcome, until=min(ends, default=None))
    return _open_session(tx, user, device.id, bounded, LoginData.of(session))


def _open_session(tx: LoginTransaction, user: User, device: str, outcome: Outcome, login: LoginData) -> Step:
    now = tx.now()
    until = now + (outcome.longest or tx.policy.sessions.longest)
    until = until if outcome.until is None else min(until, outcome.until)
    data = OpenData(
        public_id=new_id(),
        idle_is_fine=outcome.longest is not None,
        extendable=outcome.extends,
        proven_at=now if device else 0.0,
        address=login.address,
        browser=login.browser,
    )
    token = sessions.begin(tx, user, Stage.IN, scope=outcome.scope, device=device, until=until, data=data)
    tx.log("enter", user, "done", str(outcome.scope), device=device, address=login.address, browser=login.browser)
    return Step(token, Stage.IN, user.name, scope=outcome.scope)


def _refuse(tx: LoginTransaction, user: User, session: Session, device: Device, data: OfferData) -> Answered:
    tx.log("answer", user, "refused", device.kind, device=device.id, address=data.address, browser=data.browser)
    if left := data.left - 1:
        session_data.keep(tx.db, session.id, replace(data, left=left))
        return Answered(Status.REFUSED)
    sessions.end(tx.db, session)
    again = sessions.begin(
        tx, user, Stage.CHOOSING, until=session.expires_at, data=LoginData(address=data.address, browser=data.browser)
    )
    return Answered(Status.REFUSED, Step(again, Stage.CHOOSING, user.name, _choices(tx, user), user.opted_out))
