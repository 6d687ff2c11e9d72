"""The profile as its user sees it."""

from dataclasses import replace

from dsc_host.login import rows
from dsc_host.login.accounts import permissions
from dsc_host.login.devices import waits
from dsc_host.login.profile import bank_instructions, email_change
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction, found
from dsc_host.login.views import Profile


def profile(tx: LoginTransaction, session: Session, user: User) -> Profile:
    """Return the data that the user may see and change about themselves in this session."""
    sent = email_change.sent(tx, session)
    temporary = waits.is_temporary(tx.db, session)
    return replace(of_user(tx, user), asked_email=sent.to if sent else "", temporary=temporary)


def of_user(tx: LoginTransaction, user: User) -> Profile:
    """Return the profile of a user outside of any session."""
    entity = found(rows.entities.find(tx.db, user.entity_id))
    return Profile(
        person=entity.name,
        email=user.email,
        asked_email="",
        address=entity.address,
        bank=bank_instructions.masked(tx, user),
        primary=permissions.is_primary(tx.db, user),
        opted_out=user.opted_out,
    )
