"""Corrections of a person's identity, requested by support and confirmed by a second staff member.

The person is notified under all their user names and can stop the correction. For some time after the correction, support may
not identify the person by the corrected details.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from dsc_host.login import json_column, rows
from dsc_host.login.accounts import field_checks, people, permissions
from dsc_host.login.devices import waits
from dsc_host.login.messages import notices
from dsc_host.login.model import Identity, ShareState, WaitState
from dsc_host.login.protection import sharing
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction, found, locked_users, user_named
from dsc_host.login.views import CheckedPerson, Decision, WaitView


@dataclass(frozen=True, slots=True)
class DecidedIdentity(Identity):
    """The corrected details, with the reason that the deciding staff member gave."""

    why: str = ""


def locked_person(db: Connection, user: User) -> User:
    """Lock all users of a person and all users who share a device with them. Return `user`, locked."""
    known = rows.users.all(db, rows.users.c.entity_id == user.entity_id)
    return locked_users(db, [each for one in known for each in sharing.concerned(db, one)])[user.id]


def correct_identity(tx: LoginTransaction, staff: User, name: str, identity: Identity) -> None:
    """Request a correction of a person's identity, after this person has shown their papers. A second person must confirm it.

    All users of the person are notified and can stop the correction. Raises `InputError`, `NotFound`, and `NotNow` if the staff
    member is this person, or has the identity that this person would get.
    """
    field_checks.check_identity(identity)
    user = locked_person(tx.db, user_named(tx.db, name))
    permissions.check_other(tx.db, staff, user, identity)
    waits.begin(tx, user, identity, by=staff.name)
    tx.log("desk.identity", user, "waits", by=staff.name)


def corrections(tx: LoginTransaction) -> list[tuple[WaitView, Identity]]:
    """Return the corrections that wait for a second person, the oldest first."""
    return [(waits.view(tx.db, each), json_column.read(Identity, each.data)) for each in waits.corrections(tx.db)]


def people_to_check(tx: LoginTransaction) -> dict[str, CheckedPerson]:
    """Return the people whom the waiting corrections and requests to share are about, by their user names."""
    asked = rows.shares.all(tx.db, rows.shares.c.state == ShareState.PENDING)
    sharing_users = {user for share in asked for user in (share.user_id, share.owner_id)}
    wanted = sharing_users | {each.user_id for each in waits.corrections(tx.db)}
    return {
        user.name: CheckedPerson(found(rows.entities.find(tx.db, user.entity_id)).name, people.identity_of(tx.db, user))
        for user in rows.users.all(tx.db, rows.users.c.id.in_(wanted))
    }


def decisions(tx: LoginTransaction, most: int) -> list[Decision]:
    """Return the newest decisions about corrections, the newest first, at most `most` of them."""
    return [
        Decision(found(rows.users.find(tx.db, each.user_id)).name, "", "", None, each.state == WaitState.DONE, each.decided_by,
                 each.decided_at, json_column.read(DecidedIdentity, each.data).why)
        for each in waits.decided_corrections(tx.db, most)
    ]  # fmt: skip


def set_identity(tx: LoginTransaction, user: User, identity: Identity, staff: User) -> None:
    """Correct a person's identity, notify all their users, and end shares that are no longer allowed.

    The caller has locked these users.
    """
    for each in rows.users.all(tx.db, rows.users.c.entity_id == user.entity_id):
        notices.notify(tx, each, "identity_corrected")
    rows.entities.change(tx.db, user.entity_id, **asdict(identity))
    sharing.end_of_identity(tx, user.entity_id)
    tx.log("desk.identity", user, "done", by=staff.name)
