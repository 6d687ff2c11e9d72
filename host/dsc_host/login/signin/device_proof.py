"""Proving, within a session, that one holds a device: to activate it, to change its PIN, to share it, or to step up.

What was offered is kept with the session, for one purpose, and for a few answers.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from dsc_host.login import rate_limits, rows
from dsc_host.login.context import Reception, as_data, data_of
from dsc_host.login.devices import answer_limits, registry
from dsc_host.login.devices.kinds import FACTORS, Desk, Outcome
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import outbox
from dsc_host.login.model import Kind, Offer, Status
from dsc_host.login.rows import Device, Session, Use, User
from dsc_host.records.context import Refused


class Purpose(StrEnum):
    """What a proof is for. One for another purpose proves nothing."""

    ACTIVATE = "activate"
    PIN = "pin"
    SHARE = "share"
    FRESH = "fresh"


def ask(
    at: Reception,
    db: Connection,
    session: Session,
    user: User,
    device: Device,
    purpose: Purpose,
    about: str = "",
    *,
    token: str = "",
) -> Offer | Refused:
    """Offer a device's element. `about` is what else the proof is bound to. Counted as at the login: it may wear a card out.

    `token`: the session's own, for what is known to the visitor's browser alone.
    """
    use = _use_of(db, device, user, purpose)
    locked = answer_limits.refusal(at, db, use) if use else None
    if refusal := locked or rate_limits.charge(at, db, [answer_limits.offers(at, user)]):
        return Refused(refusal)
    desk = Desk(at, db, user, device, token or session.id)
    offered = FACTORS[Kind(device.kind)].offer(desk, manual=True)
    if isinstance(offered, Refused):
        return offered
    proof = {
        "purpose": purpose,
        "device": device.id,
        "about": about,
        "keeps": offered.keeps,
        "shows": offered.shows,
        "tries": 0,
    }
    _keep(db, session, proof)
    return Offer(Kind(device.kind), device.id, registry.label(device), dict(offered.shows))


def asked(db: Connection, session: Session, purpose: Purpose, about: str = "") -> tuple[Device, dict[str, Any]]:
    """The device whose element was offered, and what was. Raises `NotNow` if there is nothing to answer."""
    proof = data_of(session).get("proof")
    device = rows.devices.locked(db, proof["device"]) if proof else None
    if proof is None or device is None or (proof["purpose"], proof["about"]) != (purpose, about):
        raise NotNow("there is nothing to answer; begin again")
    return device, proof


def shown(db: Connection, session: Session, purpose: Purpose, about: str = "") -> Offer:
    """What was offered, again. Raises `NotNow`."""
    device, proof = asked(db, session, purpose, about)
    return Offer(Kind(device.kind), device.id, registry.label(device), dict(proof["shows"]))


def judge(
    at: Reception,
    db: Connection,
    session: Session,
    user: User,
    purpose: Purpose,
    answer: str,
    *,
    about: str = "",
    token: str = "",
    check: Callable[[Desk, dict[str, Any], str], Outcome] | None = None,
) -> tuple[Device, bool]:
    """Whether the answer is right. `check` is how, if not as the device's factor does. Raises `NotNow`."""
    device, proof = asked(db, session, purpose, about)
    use = _use_of(db, device, user, purpose)
    if use is not None and answer_limits.locked_for(at, db, use):
        return device, _failed(at, db, session, proof)
    desk, factor = Desk(at, db, user, device, token or session.id), FACTORS[Kind(device.kind)]
    given = answer if isinstance(answer, str) and len(answer) <= 64 else ""
    outcome = (check or factor.check)(desk, proof["keeps"], given)
    if outcome.duress:
        outbox.tell(at, db, user, "duress", to=at.policy.login.alarm_address)
    if outcome.status is Status.ACCEPTED:
        _keep(db, session, None)
        return device, True
    if use is not None and outcome.looked_at:
        answer_limits.count_failure(at, db, factor, use)
    return device, _failed(at, db, session, proof)


def _failed(at: Reception, db: Connection, session: Session, proof: dict[str, Any]) -> bool:
    """Count one answer to what was offered; return False."""
    tries = int(proof["tries"]) + 1
    _keep(db, session, {**proof, "tries": tries} if tries < at.policy.login.code_attempts else None)
    return False


def _use_of(db: Connection, device: Device, user: User, purpose: Purpose) -> Use | None:
    """Return the use in which the wrong answers of a proof are counted.

    Who proves who they are does it by their own use; who activates or shares a device, by its owner's.
    """
    whose = user.id if purpose is Purpose.FRESH else device.owner_id
    return rows.uses.one(db, rows.uses.c.device_id == device.id, rows.uses.c.user_id == whose)


def _keep(db: Connection, session: Session, proof: dict[str, Any] | None) -> None:
    rows.sessions.change(db, session.id, data=as_data({**data_of(session), "proof": proof}))
