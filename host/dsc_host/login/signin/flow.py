"""The login: name and password first, then the challenge of a device.

Four promises:

1. Nobody logs in without a valid device, except with `Scope.TRADING` after opting out, and to the statements of a closed
   account.
2. A wrong name and a wrong password are refused in the same way and time. Each attempt is counted before it is checked.
3. An answer is judged once. A challenge is valid for a few answers and a few minutes, and only for its own login.
4. The device is checked again when the login succeeds: one that was taken out of use meanwhile does not log in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from dsc_host.errors import OutOfMemory, out_of_memory
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import users
from dsc_host.login.devices import answer_limits, kinds, registry
from dsc_host.login.devices.kinds import Attempt, Outcome
from dsc_host.login.errors import NotFound, NotNow, WrongCredentials
from dsc_host.login.messages import outbox
from dsc_host.login.model import Answered, DeviceView, Scope, Stage, Status, Step
from dsc_host.login.rate_limits import Gate
from dsc_host.login.rows import Device, Session, Use, User
from dsc_host.login.signin import sessions
from dsc_host.login.signin.step_up import PROVEN_AT
from dsc_host.login.transaction import (
    LoginContext,
    LoginTransaction,
    account_of,
    as_data,
    data_of,
    find_user,
    found,
    locked_user,
)
from dsc_host.records.table_rows import is_key
from dsc_host.records.transaction import Refused

_ADDRESS_LETTERS = 64
_COMPARISONS = 3
"""The maximum number of comparisons, if another login renews the hash meanwhile."""


def check_password(context: LoginContext, name: str, password: str, address: str) -> User:
    """Return the user with this name and password. Raises `WrongCredentials`, `TooManyAttempts`, `OutOfMemory`."""
    name = name.strip().lower()[:64] if isinstance(name, str) else ""
    gates, visits = rate_limits.gates_of_login(context, name, address), rate_limits.visits(context, name, address)
    # Only read at first: a refused attempt must not write, nor wait for another one that does.
    rate_limits.check(context, [*gates, visits])
    earlier = rate_limits.take_refusals(context, [*gates, visits])

    def charged(tx: LoginTransaction) -> User | Refused | None:
        if refusal := rate_limits.charge(tx, gates):
            return Refused(refusal)
        user = find_user(tx.db, name)
        context.passwords.works.renew(context.now(), lambda: users.password_costs(tx.db))
        rate_limits.log_refusals(tx, earlier)
        return user

    user: User | None = context.change(charged)
    try:
        for _ in range(_COMPARISONS):
            user, same = _compare(context, user, password, gates, visits)
            if same:
                return user
            # Another login has renewed the hash during the comparison: compare again, with the new hash.
    except OutOfMemory:
        # The password was not checked, so this was no attempt.
        with out_of_memory():
            context.change(lambda tx: rate_limits.take_back(tx, gates))
        raise
    raise WrongCredentials


def _compare(context: LoginContext, user: User | None, password: str, gates: Sequence[Gate], visits: Gate) -> tuple[User, bool]:
    """Compare the password. Return the current user, and whether the compared hash is still theirs.

    Raises `WrongCredentials`.
    """
    right = context.passwords.matches(password, user.password if user else None)
    anew = context.passwords.hashed(password) if user and right and context.passwords.is_weaker(user.password) else None

    def judged(tx: LoginTransaction) -> tuple[User, bool] | Refused:
        # Query in any case: the time would show that an unknown name needs no query.
        now = rows.users.locked(tx.db, user.id if user else "")
        if now is not None and user is not None and now.password != user.password:
            return now, False
        if now is None or not right:
            tx.log("password", now, "refused", "wrong" if now else "unknown")
            return Refused(WrongCredentials())
        rate_limits.record_success(tx, gates)
        # Parallel logins all pass here, but the next one is refused.
        rate_limits.charge(tx, [visits])
        if anew:
            # The password is the same and only its hash costs more, so sessions need not end.
            rows.users.change(tx.db, now.id, password=anew)
        tx.log("password", now, "done")
        return now, True

    return context.change(judged)


def begin(context: LoginContext, name: str, password: str, address: str) -> Step:
    """Begin a login with name and password. Raises `WrongCredentials`, `TooManyAttempts`."""
    user = check_password(context, name, password, address)
    known = address[:_ADDRESS_LETTERS] if is_key(address) else ""

    def begun(tx: LoginTransaction) -> Step:
        now = locked_user(tx.db, user.id)
        if account_of(tx.db, now).closed_at is not None:
            return _open_session(tx, now, "", Outcome(Status.ACCEPTED, Scope.STATEMENTS))
        return _offer_devices(tx, now, known)

    return context.change(begun)


def choose(context: LoginContext, token: str, device_id: str, *, manual: bool = False) -> Step:
    """Offer a challenge of one of the user's devices. Raises `NotIn`, `NotFound`, and the refusals of the device."""

    def chosen(tx: LoginTransaction) -> Step | Refused:
        user, session = sessions.locked(tx, token, Stage.CHOOSING, Stage.ANSWERING)
        device, use = registry.held(tx.db, user, device_id)
        if not registry.is_live(device, use, context.now()):
            raise NotFound("you have no such device in use")
        if refusal := answer_limits.refusal(tx, use) or rate_limits.charge(tx, [answer_limits.offers(context, user)]):
            return Refused(refusal)
        address = str(data_of(session)["address"])
        new = sessions.begin(tx, user, Stage.ANSWERING, device=device.id, until=session.expires_at)
        attempt = Attempt(tx, user, device, new, address)
        offered = kinds.of(device).offer(attempt, manual=manual)
        if isinstance(offered, Refused):
            # The login stays at its stage: the user may have another device.
            sessions.drop(tx.db, new)
            return offered
        sessions.end(tx.db, session)
        shows = offered.shows
        left = 1 if offered.once else context.policy.login.code_attempts
        _keep(tx.db, new, {"address": address, "keeps": offered.keeps, "left": left, "shows": shows})
        tx.log("offer", user, "done", device.kind, device=device.id)
        return Step(new, Stage.ANSWERING, user.name, offer=registry.offer(device, shows))

    return context.change(chosen)


def answer(context: LoginContext, token: str, text: str) -> Answered:
    """Judge an answer to the challenge. A wrong one returns `Status.REFUSED`. Raises `NotIn`."""
    given = text if isinstance(text, str) and len(text) <= 64 else ""

    def answered(tx: LoginTransaction) -> Answered:
        user, session = sessions.locked(tx, token, Stage.ANSWERING)
        device, use = registry.held(tx.db, user, session.device_id)
        data = data_of(session)
        if answer_limits.locked_for(tx, use) or not registry.is_live(device, use, context.now()):
            # Do not check the answer: an answer to a locked device neither counts nor uses anything up.
            return _refuse(tx, user, session, device, data)
        kind = kinds.of(device)
        outcome = kind.check(Attempt(tx, user, device, token, str(data["address"])), data["keeps"], given)
        if outcome.status is Status.WAITING:
            return Answered(Status.WAITING)
        if outcome.status is Status.ACCEPTED:
            return Answered(Status.ACCEPTED, _accept(tx, user, session, device, use, outcome))
        if outcome.looked_at:
            answer_limits.count_failure(tx, kind, use)
        return _refuse(tx, user, session, device, data)

    return context.change(answered)


def skip(context: LoginContext, token: str) -> Step:
    """Log in without a device, after opting out. Raises `NotIn`, `NotNow`."""

    def skipped(tx: LoginTransaction) -> Step:
        user, session = sessions.locked(tx, token, Stage.CHOOSING, Stage.ANSWERING)
        if not user.opted_out:
            raise NotNow("a device is needed to log in")
        sessions.end(tx.db, session)
        return _open_session(tx, user, "", Outcome(Status.ACCEPTED, Scope.TRADING))

    return context.change(skipped)


def step(context: LoginContext, token: str) -> Step:
    """Return the current step of a login. Raises `NotIn`."""

    def shown(tx: LoginTransaction) -> Step:
        user, session = sessions.find(tx, token, Stage.CHOOSING, Stage.ANSWERING)
        choices = _choices(tx, user)
        offer = None
        if session.stage == Stage.ANSWERING:
            device, _ = registry.held(tx.db, user, session.device_id, lock=False)
            offer = registry.offer(device, data_of(session)["shows"])
        return Step(token, Stage(session.stage), user.name, choices, user.opted_out, offer)

    return context.read(shown)


def is_waiting(context: LoginContext, token: str) -> bool:
    """Return whether a push was offered that nobody has answered yet. Raises `NotIn`."""

    def look(tx: LoginTransaction) -> bool:
        session = sessions.find(tx, token, Stage.ANSWERING)[1]
        device = found(rows.devices.find(tx.db, session.device_id))
        return kinds.of(device).is_waiting(tx, data_of(session)["keeps"])

    return context.read(look)


# ---- the steps ----


def _offer_devices(tx: LoginTransaction, user: User, address: str) -> Step:
    until = tx.now() + tx.policy.login.step_validity
    token = sessions.begin(tx, user, Stage.CHOOSING, until=until, data={"address": address})
    return Step(token, Stage.CHOOSING, user.name, _choices(tx, user), user.opted_out)


def _choices(tx: LoginTransaction, user: User) -> tuple[DeviceView, ...]:
    return tuple(shown for shown in registry.views(tx, user) if shown.live)


def _keep(db: Connection, token: str, data: Mapping[str, Any]) -> None:
    rows.sessions.change(db, sessions.hashed(token), data=as_data(data))


def _accept(tx: LoginTransaction, user: User, session: Session, device: Device, use: Use, outcome: Outcome) -> Step:
    sessions.end(tx.db, session)
    rows.uses.change(tx.db, use.id, failures=0, locked_until=None)
    if outcome.duress:
        # The page must not show it. Notify those who can help.
        outbox.add(tx, user, "duress", to=tx.policy.login.alarm_address)
    # A session lasts no longer than the device that opened it.
    bounded = outcome if outcome.until is not None else replace(outcome, until=device.expires_at)
    return _open_session(tx, user, device.id, bounded)


def _open_session(tx: LoginTransaction, user: User, device: str, outcome: Outcome) -> Step:
    now = tx.now()
    until = now + (outcome.longest or tx.policy.sessions.longest)
    until = until if outcome.until is None else min(until, outcome.until)
    data = {"idle_is_fine": outcome.longest is not None, PROVEN_AT: now if device else 0.0}
    token = sessions.begin(tx, user, Stage.IN, scope=outcome.scope, device=device, until=until, data=data)
    tx.log("enter", user, "done", str(outcome.scope), device=device)
    return Step(token, Stage.IN, user.name, scope=outcome.scope)


def _refuse(tx: LoginTransaction, user: User, session: Session, device: Device, data: Mapping[str, Any]) -> Answered:
    tx.log("answer", user, "refused", device.kind, device=device.id)
    if left := int(data["left"]) - 1:
        rows.sessions.change(tx.db, session.id, data=as_data({**data, "left": left}))
        return Answered(Status.REFUSED)
    sessions.end(tx.db, session)
    again = sessions.begin(
        tx, user, Stage.CHOOSING, until=session.expires_at, data={"address": data["address"]}
    )  # fmt: skip
    return Answered(Status.REFUSED, Step(again, Stage.CHOOSING, user.name, _choices(tx, user), user.opted_out))
