"""Permissions: which users may see the other users of an account, and which may change security settings.

The primary user of an account sees all its users and changes their security settings. Any other user sees only their own data.
If such a user tries to change a setting, the error names the primary user. Staff may not decide about themselves.
"""

from sqlalchemy import Connection

from dsc_host.login import rows
from dsc_host.login.accounts import people
from dsc_host.login.errors import NotAllowed, NotFound, NotNow
from dsc_host.login.model import Identity
from dsc_host.login.rows import User
from dsc_host.login.transaction import account_of, found


def is_primary(db: Connection, user: User) -> bool:
    """Return whether a user is the primary user of their account."""
    return account_of(db, user).primary_user == user.id


def check_primary(db: Connection, user: User) -> None:
    """Raise `NotAllowed` unless `user` is the primary user of the account. The error names the primary user."""
    account = account_of(db, user)
    if account.primary_user != user.id:
        primary = found(rows.users.find(db, account.primary_user))
        raise NotAllowed("only the account's primary user may change its security settings; ask {name}", name=primary.name)


def visible_users(db: Connection, user: User) -> list[User]:
    """Return the users whose protection `user` may see, `user` first.

    A primary user sees all users of the account. Any other user sees only themselves.
    """
    if not is_primary(db, user):
        return [user]
    others = (rows.users.c.account_id == user.account_id) & (rows.users.c.id != user.id)
    return [user, *rows.users.all(db, others, order=rows.users.c.name)]


def changeable_user(db: Connection, user: User, name: str | None) -> User:
    """Return the user called `name`, whose settings `user` wants to change. None stands for `user`.

    Raises `NotAllowed`, `NotFound`.
    """
    check_primary(db, user)
    for each in visible_users(db, user):
        if each.name == (user.name if name is None else name):
            return each
    raise NotFound("your account has no such user")


def check_other(db: Connection, staff: User, user: User | None, becomes: Identity | None = None) -> None:
    """Raise `NotNow` if `staff` and `user` are the same person, who may have several user names.

    `becomes` is the identity that `user` gets by the decision of `staff`. It must not be the identity of `staff` either.
    """
    if user is not None and people.identity_of(db, staff) in (people.identity_of(db, user), becomes):
        raise NotNow("somebody else must decide this, because it is about you")
