"""Changes of a password, by its user or by the operator.

The user is notified. All sessions of the user end, except the session in which the user changes the password.
"""

from dsc_host.login.accounts import users
from dsc_host.login.messages import notices
from dsc_host.login.rows import Session, User
from dsc_host.login.signin import password_check, sessions
from dsc_host.login.transaction import LoginTransaction, locked_user


def change(tx: LoginTransaction, session: Session, user: User, checked: User, password_hash: str) -> None:
    """Replace the password. `checked` is the user as read when the old password was checked.

    Raises `WrongCredentials` if the password was changed after the check.
    """
    _replace(tx, password_check.still_checked(checked, user), password_hash, except_id=session.id)


def set_forgotten(tx: LoginTransaction, name: str, password_hash: str) -> None:
    """Set the password of a user who has forgotten it, and forget the wrong passwords before. Raises `InputError`."""
    user = locked_user(tx.db, users.user_by_name(tx.db, name).id)
    _replace(tx, user, password_hash, by=users.BY_OPERATOR)
    password_check.clear_failures(tx, user)


def _replace(tx: LoginTransaction, user: User, password_hash: str, *, except_id: str = "", by: str = "") -> None:
    notices.notify(tx, user, "password_changed")
    users.invalidate_sessions(tx.db, user, password=password_hash)
    sessions.end_all(tx.db, user, except_id=except_id)
    tx.log("password.change", user, "done", by=by)
