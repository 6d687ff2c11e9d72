"""Coming in: name and password, then the device's own element.

Four promises:

1. Nobody comes in without a live device, but to `Scope.TRADING` after opting out, and to the statements of a closed account.
2. Name and password are refused in the same way and time, whichever is wrong; each attempt is counted before it is looked at.
3. An answer is judged once; an offer is good for a few answers and a few minutes, and for the login that it was made for.
4. What opens the door is asked anew when it is opened: a device that was taken out of use meanwhile does not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from dsc_host.errors import OutOfMemory, out_of_memory
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import users
from dsc_host.login.context import Reception, account_of, as_data, data_of, find_user, locked_user
from dsc_host.login.devices import answer_limits, registry
from dsc_host.login.devices.kinds import FACTORS, Desk, Outcome
from dsc_host.login.errors import NotFound, NotNow, WrongCredentials
from dsc_host.login.messages import outbox
from dsc_host.login.model import Answered, DeviceView, Kind, Offer, Scope, Stage, Status, Step
from dsc_host.login.rate_limits import Gate
from dsc_host.login.rows import Device, Session, Use, User
from dsc_host.login.signin import sessions
from dsc_host.login.signin.step_up import PROVEN_AT
from dsc_host.records.context import Refused
from dsc_host.records.table_rows import is_key

_ADDRESS_LETTERS = 64
_COMPARISONS = 3
"""With a hash that was changed meanwhile, at the most."""


def check_password(at: Reception, name: str, password: str, address: str) -> User:
    """The user whose name and password these are. Raises `WrongCredentials`, `TooManyAttempts`, `OutOfMemory`."""
    name = name.strip().lower()[:64] if isinstance(name, str) else ""
    gates, visits = rate_limits.gates_of_login(at, name, address), rate_limits.visits(at, name, address)
    # First only to look: who is shut out writes nothing, and waits for nobody who does.
    rate_limits.check(at, [*gates, visits])
    earlier = rate_limits.uncounted(at, [*gates, visits])

    def charged(db: Connection) -> User | Refused | None:
        if refusal := rate_limits.charge(at, db, gates):
            return Refused(refusal)
        user = find_user(db, name)
        at.passwords.works.renew(at.now(), lambda: users.password_costs(db))
        rate_limits.log_refusals(at, db, earlier)
        return user

    user: User | None = at.change(charged)
    try:
        for _ in range(_COMPARISONS):
            user, same = _compared(at, user, password, gates, visits)
            if same:
                return user
            # Another login has had the hash made anew while the old one was compared: once more, with the new one.
    except OutOfMemory:
        # The password was not looked at, so it was no attempt.
        with out_of_memory():
            at.change(lambda db: rate_limits.take_back(at, db, gates))
        raise
    raise WrongCredentials


def _compared(at: Reception, user: User | None, password: str, gates: Sequence[Gate], visits: Gate) -> tuple[User, bool]:
    """The user as they are now, and whether they still have the hash that was compared. Raises `WrongCredentials`."""
    right = at.passwords.matches(password, user.password if user else None)
    anew = at.passwords.hashed(password) if user and right and at.passwords.is_weaker(user.password) else None

    def judged(db: Connection) -> tuple[User, bool] | Refused:
        # Looked for in any case: what is spared for a name that there is not would be seen in the time.
        now = rows.users.locked(db, user.id if user else "")
        if now is not None and user is not None and now.password != user.password:
            return now, False
        if now is None or not right:
            at.log(db, "password", now, "refused", "wrong" if now else "unknown")
            return Refused(WrongCredentials())
        rate_limits.passed(at, db, gates)
        # Of those that come at once, each is looked at; the next one is refused.
        rate_limits.charge(at, db, [visits])
        if anew:
            # The same password under a dearer hash: nothing that anybody would have to log in anew for.
            rows.users.change(db, now.id, password=anew)
        at.log(db, "password", now, "done")
        return now, True

    return at.change(judged)


def begin(at: Reception, name: str, password: str, address: str) -> Step:
    """The first step. Raises `WrongCredentials`, `TooManyAttempts`."""
    user = check_password(at, name, password, address)
    known = address[:_ADDRESS_LETTERS] if is_key(address) else ""

    def begun(db: Connection) -> Step:
        now = locked_user(db, user.id)
        if account_of(db, now).closed_at is not None:
            return _in(at, db, now, "", Outcome(Status.ACCEPTED, Scope.STATEMENTS))
        return _choosing(at, db, now, known)

    return at.change(begun)


def choose(at: Reception, token: str, device_id: str, *, manual: bool = False) -> Step:
    """Ask for the element of one of the user's devices. Raises `NotIn`, `NotFound`, and what the device refuses with."""

    def chosen(db: Connection) -> Step | Refused:
        user, session = sessions.locked(at, db, token, Stage.CHOOSING, Stage.ANSWERING)
        device, use = registry.held(db, user, device_id)
        if not registry.is_live(device, use, at.now()):
            raise NotFound("you have no such device in use")
        if refusal := answer_limits.refusal(at, db, use) or rate_limits.charge(at, db, [answer_limits.offers(at, user)]):
            return Refused(refusal)
        address = str(data_of(session)["address"])
        new = sessions.begin(at, db, user, Stage.ANSWERING, device=device.id, until=session.expires_at)
        desk = Desk(at, db, user, device, new, address)
        offered = FACTORS[Kind(device.kind)].offer(desk, manual=manual)
        if isinstance(offered, Refused):
            # The login stands where it stood: there may be another device.
            sessions.drop(db, new)
            return offered
        sessions.end(db, session)
        shows = offered.shows
        left = 1 if offered.once else at.policy.login.code_attempts
        _keep(db, new, {"address": address, "keeps": offered.keeps, "left": left, "shows": shows})
        at.log(db, "offer", user, "done", device.kind, device=device.id)
        return Step(new, Stage.ANSWERING, user.name, offer=_offer(device, shows))

    return at.change(chosen)


def answer(at: Reception, token: str, text: str) -> Answered:
    """Judge an answer to what was offered. Raises `NotIn`; a wrong one is `Status.REFUSED`."""
    given = text if isinstance(text, str) and len(text) <= 64 else ""

    def answered(db: Connection) -> Answered:
        user, session = sessions.locked(at, db, token, Stage.ANSWERING)
        device, use = registry.held(db, user, session.device_id)
        data = data_of(session)
        if answer_limits.locked_for(at, db, use) or not registry.is_live(device, use, at.now()):
            # Not even looked at: no answer to a device that is locked uses anything up, or is counted.
            return _refused(at, db, user, session, device, data)
        desk, factor = Desk(at, db, user, device, token, str(data["address"])), FACTORS[Kind(device.kind)]
        outcome = factor.check(desk, data["keeps"], given)
        if outcome.status is Status.WAITING:
            return Answered(Status.WAITING)
        if outcome.status is Status.ACCEPTED:
            return Answered(Status.ACCEPTED, _entered(at, db, user, session, device, use, outcome))
        if outcome.looked_at:
            answer_limits.count_failure(at, db, factor, use)
        return _refused(at, db, user, session, device, data)

    return at.change(answered)


def skip(at: Reception, token: str) -> Step:
    """Go on without a device, after opting out. Raises `NotIn`, `NotNow`."""

    def skipped(db: Connection) -> Step:
        user, session = sessions.locked(at, db, token, Stage.CHOOSING, Stage.ANSWERING)
        if not user.opted_out:
            raise NotNow("a device is needed to log in")
        sessions.end(db, session)
        return _in(at, db, user, "", Outcome(Status.ACCEPTED, Scope.TRADING))

    return at.change(skipped)


def step(at: Reception, token: str) -> Step:
    """A login that is half-way, as it stands. Raises `NotIn`."""

    def shown(db: Connection) -> Step:
        user, session = sessions.locked(at, db, token, Stage.CHOOSING, Stage.ANSWERING)
        choices = _choices(at, db, user)
        offer = None
        if session.stage == Stage.ANSWERING:
            offer = _offer(registry.held(db, user, session.device_id)[0], data_of(session)["shows"])
        return Step(token, Stage(session.stage), user.name, choices, user.opted_out, offer)

    return at.change(shown)


# ---- the pieces ----


def _choosing(at: Reception, db: Connection, user: User, address: str) -> Step:
    until = at.now() + at.policy.login.step_validity
    token = sessions.begin(at, db, user, Stage.CHOOSING, until=until, data={"address": address})
    return Step(token, Stage.CHOOSING, user.name, _choices(at, db, user), user.opted_out)


def _choices(at: Reception, db: Connection, user: User) -> tuple[DeviceView, ...]:
    return tuple(shown for shown in registry.views(at, db, user) if shown.live)


def _keep(db: Connection, token: str, data: Mapping[str, Any]) -> None:
    rows.sessions.change(db, sessions.hashed(token), data=as_data(data))


def _offer(device: Device, shows: Mapping[str, str]) -> Offer:
    return Offer(Kind(device.kind), device.id, registry.label(device), dict(shows))


def _entered(at: Reception, db: Connection, user: User, session: Session, device: Device, use: Use, outcome: Outcome) -> Step:
    sessions.end(db, session)
    rows.uses.change(db, use.id, failures=0, locked_until=None)
    if outcome.duress:
        # The page shows nothing of it; those who can help are told.
        outbox.tell(at, db, user, "duress", to=at.policy.login.alarm_address)
    # A session lasts no longer than the device that opened it.
    bounded = outcome if outcome.until is not None else replace(outcome, until=device.expires_at)
    return _in(at, db, user, device.id, bounded)


def _in(at: Reception, db: Connection, user: User, device: str, outcome: Outcome) -> Step:
    now = at.now()
    until = now + (outcome.longest or at.policy.sessions.longest)
    until = until if outcome.until is None else min(until, outcome.until)
    data = {"idle_is_fine": outcome.longest is not None, PROVEN_AT: now if device else 0.0}
    token = sessions.begin(at, db, user, Stage.IN, scope=outcome.scope, device=device, until=until, data=data)
    at.log(db, "enter", user, "done", str(outcome.scope), device=device)
    return Step(token, Stage.IN, user.name, scope=outcome.scope)


def _refused(at: Reception, db: Connection, user: User, session: Session, device: Device, data: Mapping[str, Any]) -> Answered:
    at.log(db, "answer", user, "refused", device.kind, device=device.id)
    if left := int(data["left"]) - 1:
        rows.sessions.change(db, session.id, data=as_data({**data, "left": left}))
        return Answered(Status.REFUSED)
    sessions.end(db, session)
    again = sessions.begin(
        at, db, user, Stage.CHOOSING, until=session.expires_at, data={"address": data["address"]}
    )  # fmt: skip
    return Answered(Status.REFUSED, Step(again, Stage.CHOOSING, user.name, _choices(at, db, user), user.opted_out))
