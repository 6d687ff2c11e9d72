"""Self-service: users who are protected by a device change their profile themselves. Other users must ask support."""

from dsc_host.login.devices import waits
from dsc_host.login.errors import NotAllowed, NotNow
from dsc_host.login.rows import Session, User
from dsc_host.login.transaction import LoginTransaction


def check(tx: LoginTransaction, session: Session, user: User) -> None:
    """Raise an error unless the user may change the profile in this session.

    Raises `NotAllowed` after opting out, and `NotNow` if a temporary device opened the session.
    """
    if user.opted_out:
        raise NotAllowed("after opting out, this is changed only through support")
    waits.check_lasting(tx.db, session)


def check_caller(user: User) -> None:
    """Raise `NotNow` unless the user has opted out. Support may change the profiles of such users only."""
    if not user.opted_out:
        raise NotNow("{name} is protected by a device and changes this on the page Profile", name=user.name)
