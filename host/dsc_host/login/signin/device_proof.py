"""Proofs within a session that a user holds a device: to activate the device, change its PIN, share it, or step up.

The challenge is stored with the session. It is valid for one purpose and for a few answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from dsc_host.login import rate_limits, rows
from dsc_host.login.devices import answer_limits, kinds, registry
from dsc_host.login.devices.kinds import REFUSED, Attempt, Outcome
from dsc_host.login.errors import NotNow
from dsc_host.login.messages import outbox
from dsc_host.login.model import Status
from dsc_host.login.rows import Device, Session, Use, User
from dsc_host.login.signin import session_data
from dsc_host.login.signin.session_data import AskedProof
from dsc_host.login.transaction import LoginTransaction
from dsc_host.login.views import Offer
from dsc_host.records.transaction import Refused


class Purpose(StrEnum):
    """The purpose of a proof. A proof for one purpose is not valid for another."""

    ACTIVATE = "activate"
    PIN = "pin"
    SHARE = "share"
    FRESH = "fresh"


def ask(
    tx: LoginTransaction,
    session: Session,
    user: User,
    device: Device,
    purpose: Purpose,
    about: str = "",
    *,
    token: str = "",
) -> Offer | Refused:
    """Offer a challenge of a device for a purpose.

    The limit on the challenges of logins applies here too. `about` is the id of an object, for example a share: the proof is
    then valid only for this object. `token` is the token of the session. Kinds that bind their challenge to the visitor's
    browser need it.
    """
    use = _use_of(tx.db, device, user, purpose)
    locked = answer_limits.refusal(tx, use) if use else None
    if refusal := locked or rate_limits.charge(tx, [answer_limits.offers(tx.context, user)]):
        return Refused(refusal)
    attempt = Attempt(tx, user, device, token or session.id)
    offered = kinds.of(device).offer(attempt, manual=True)
    if isinstance(offered, Refused):
        return offered
    _keep(tx.db, session, AskedProof(purpose, device.id, about, offered.keeps, offered.shows, 0))
    return registry.offer(tx, device, offered.shows, offered.keeps, tx.policy.login.code_attempts)


def asked(
    db: Connection, session: Session, purpose: Purpose, about: str = "", *, lock: bool = True
) -> tuple[Device, AskedProof]:
    """Return the device whose challenge is open, and the stored challenge. Lock the device unless `lock` is False.

    Raises `NotNow` if there is nothing to answer.
    """
    proof = session_data.of(session).proof
    device = (rows.devices.locked if lock else rows.devices.find)(db, proof.device) if proof else None
    if proof is None or device is None or (proof.purpose, proof.about) != (purpose, about):
        raise NotNow("there is nothing to answer; begin again")
    return device, proof


def shown(tx: LoginTransaction, session: Session, purpose: Purpose, about: str = "") -> Offer:
    """Return the challenge again as the page shows it. This only reads. Raises `NotNow` if there is nothing to answer."""
    device, proof = asked(tx.db, session, purpose, about, lock=False)
    return registry.offer(tx, device, proof.shows, proof.keeps, tx.policy.login.code_attempts - proof.tries)


def judge(
    tx: LoginTransaction,
    session: Session,
    user: User,
    purpose: Purpose,
    answer: str,
    *,
    about: str = "",
    token: str = "",
    check: Callable[[Attempt, Mapping[str, Any], str], Outcome] | None = None,
) -> tuple[Device, Outcome]:
    """Judge an answer. Return the device, and the outcome of the answer.

    `check` replaces the check of the device's kind. Raises `NotNow` if there is nothing to answer.
    """
    device, proof = asked(tx.db, session, purpose, about)
    use = _use_of(tx.db, device, user, purpose)
    if use is not None and answer_limits.locked_for(tx, use):
        _count_failure(tx, session, proof)
        return device, REFUSED
    attempt, kind = Attempt(tx, user, device, token or session.id), kinds.of(device)
    given = answer if isinstance(answer, str) and len(answer) <= 64 else ""
    outcome = (check or kind.check)(attempt, proof.keeps, given)
    if outcome.duress:
        outbox.add(tx, user, "duress", to=tx.policy.login.alarm_address)
    if outcome.status is Status.ACCEPTED:
        _keep(tx.db, session, None)
        if use is not None:
            answer_limits.reset_failures(tx, use)
        return device, outcome
    if use is not None and outcome.compared:
        answer_limits.count_failure(tx, kind, use)
    _count_failure(tx, session, proof)
    return device, outcome


def _count_failure(tx: LoginTransaction, session: Session, proof: AskedProof) -> None:
    """Count a wrong answer to the challenge."""
    tries = proof.tries + 1
    _keep(tx.db, session, replace(proof, tries=tries) if tries < tx.policy.login.code_attempts else None)


def _use_of(db: Connection, device: Device, user: User, purpose: Purpose) -> Use | None:
    """Return the `Use` that counts wrong answers: the user's own for a step-up, and the owner's for other purposes."""
    whose = user.id if purpose is Purpose.FRESH else device.owner_id
    return rows.uses.one(db, rows.uses.c.device_id == device.id, rows.uses.c.user_id == whose)


def _keep(db: Connection, session: Session, proof: AskedProof | None) -> None:
    session_data.keep(db, session.id, replace(session_data.of(session), proof=proof))
