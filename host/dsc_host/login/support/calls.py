"""Calls to support: staff must identify a caller before they do anything for the caller.

Three promises:

1. Each operation needs a certain role. An operation for a caller needs an identification of this caller, in the same session
   and not too long ago.
2. A temporary code is shown once, to the staff member who created it. A user has one such code at a time.
3. The log has an entry for each search, identification and change, with the name of the staff member. The entry also has the
   name of the user, if the user is known.
"""

import hmac
from dataclasses import replace

from dsc_host.errors import InputError
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import people, permissions
from dsc_host.login.devices import registry, waits
from dsc_host.login.errors import NotAllowed, NotNow
from dsc_host.login.model import Identity
from dsc_host.login.protection import sharing
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import session_data
from dsc_host.login.signin.session_data import Call, OpenData
from dsc_host.login.transaction import LoginTransaction, account_of, find_user, found, locked_users
from dsc_host.login.views import CallerView, DeviceView
from dsc_host.records.transaction import Refused

IDENTIFIED_FOR = 900
"""The seconds for which an identification is valid: the duration of a call."""
_TRIES, _TRIES_SECONDS = 5, 3600


def identify(tx: LoginTransaction, session: Session, staff: User, name: str, said: Identity) -> bool | Refused:
    """Return whether a caller's details match this user. If so, the caller is identified in this session.

    Wrong details count against the user name, no matter which staff member enters them. Returns a refusal for malformed
    details, for the staff member's own identity, and after too many attempts.
    """
    # The previous call ends even if this identification fails. So return each refusal: raising an error would undo the end.
    session_data.keep(tx.db, session.id, replace(OpenData.of(session), called=None))
    try:
        given = _canonical(said)
    except InputError as error:
        return Refused(error)
    limit = RateLimit("identity", name if isinstance(name, str) else "", _TRIES, _TRIES_SECONDS, _TRIES_SECONDS)
    if refusal := rate_limits.charge(tx, [limit]):
        return Refused(refusal)
    user = find_user(tx.db, name)
    known = people.identity_of(tx.db, user) if user else None
    try:
        permissions.check_other(tx.db, staff, user)
    except NotNow as error:
        return Refused(error)
    if user and tx.now() < waits.corrected_until(tx, user):
        tx.log("desk.identify", user, "refused", "corrected", by=staff.name)
        return Refused(NotNow("the details of this user were corrected recently and cannot identify anybody yet"))
    right = known is not None and hmac.compare_digest(_canonical(known), given)
    if user and right:
        rate_limits.record_success(tx, [limit])
        called = Call(user.id, tx.now() + IDENTIFIED_FOR)
        session_data.keep(tx.db, session.id, replace(OpenData.of(session), called=called))
    tx.log("desk.identify", user, "done" if right else "refused", by=staff.name)
    return right


def caller(tx: LoginTransaction, session: Session) -> User:
    """Lock the identified caller and all users who share a device with them. Return the caller. Raises as `known_caller`."""
    user = known_caller(tx, session)
    return locked_users(tx.db, sharing.concerned(tx.db, user))[user.id]


def known_caller(tx: LoginTransaction, session: Session) -> User:
    """Return the identified caller. Raises `NotAllowed` if no caller was identified, or if the identification has expired."""
    called = OpenData.of(session).called
    if called is None or tx.now() >= called.until:
        raise NotAllowed("identify the caller first")
    return found(rows.users.find(tx.db, called.user))


def check_open(tx: LoginTransaction, user: User) -> None:
    """Raise `NotNow` if the account of this user is closed: its users need no device to see its statements."""
    if account_of(tx.db, user).closed_at is not None:
        raise NotNow("the account is closed: its statements need only the name and password")


def caller_view(tx: LoginTransaction, session: Session) -> CallerView:
    """Return the caller, with the time until which the identification is valid. Raises as `known_caller` does."""
    user = known_caller(tx, session)
    called = OpenData.of(session).called
    person = found(rows.entities.find(tx.db, user.entity_id))
    closed = account_of(tx.db, user).closed_at is not None
    return CallerView(
        user.name, person.name, user.language, person.address, user.opted_out, closed, called.until if called else 0
    )


def end(tx: LoginTransaction, session: Session, staff: User) -> None:
    """End the call. Support can do nothing more for this caller until they are identified again."""
    data = OpenData.of(session)
    session_data.keep(tx.db, session.id, replace(data, called=None))
    user = rows.users.find(tx.db, data.called.user) if data.called else None
    if user is not None:
        tx.log("desk.end", user, "done", by=staff.name)


def caller_devices(tx: LoginTransaction, session: Session) -> tuple[str, tuple[DeviceView, ...]]:
    """Return the name and the devices of the caller. Raises as `known_caller` does."""
    user = known_caller(tx, session)
    return user.name, registry.views(tx, user)


def _canonical(identity: Identity) -> bytes:
    if not isinstance(identity, Identity):
        raise InputError("identity", "must be texts of at most 64 characters")
    parts = (identity.birth_date, identity.citizenship, identity.residence, identity.document_type, identity.document_number)
    for part in parts:
        if not isinstance(part, str) or len(part) > 64:
            raise InputError("identity", "must be texts of at most 64 characters")
    return "\n".join(part.strip().upper() for part in parts).encode("utf-8", "surrogatepass")
