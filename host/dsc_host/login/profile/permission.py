"""The permission to change one's own profile without support, which belongs to the protection by a device."""

from dsc_host.login.devices import waits
from dsc_host.login.errors import NotAllowed, NotNow
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction


def check(tx: LoginTransaction, session: Session, user: User) -> None:
    """Raise unless the user may change the profile in this session: protected, and logged in with a lasting device.

    Raises `NotAllowed` after opting out, and `NotNow` in the session of a temporary device.
    """
    if user.opted_out:
        raise NotAllowed("after opting out, this is changed only through support")
    if waits.is_temporary(tx.db, session):
        raise NotNow("this cannot be changed with a temporary device; log in with another device first")


def check_caller(user: User) -> None:
    """Raise `NotNow` unless support changes the profile of this user, who must have opted out."""
    if not user.opted_out:
        raise NotNow("{name} is protected by a device and changes this on the page Profile", name=user.name)
