"""The level of protection that a user has, and the limits that follow from it."""

from dataclasses import dataclass

from dsc_host.login.accounts import permissions
from dsc_host.login.devices import registry
from dsc_host.login.policy.model import Level
from dsc_host.login.protection import limits
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction


@dataclass(frozen=True, slots=True)
class Protection:
    """The current level of a user, and the levels that the user would have after opting in and after opting out."""

    opted_out: bool
    level: Level
    with_protection: Level
    without: Level
    restrictions: tuple[str, ...]
    """The services that the user would lose by opting out, as the policy's `restrictions.lost` names them."""


def level_of(tx: LoginTransaction, user: User) -> Level:
    """Return the highest level of the devices that now give the user full access.

    Return the level `none` if there is no such device, or if the user has opted out.
    """
    return limits.level_of(() if user.opted_out else registry.kinds_of(tx, user), tx.policy)


def protection(tx: LoginTransaction, user: User) -> Protection:
    """Return the current level of a user, and the levels after opting in and after opting out."""
    return Protection(
        opted_out=user.opted_out,
        level=level_of(tx, user),
        with_protection=limits.level_of(registry.kinds_of(tx, user), tx.policy),
        without=limits.level_of((), tx.policy),
        restrictions=tx.policy.restrictions.lost,
    )


def visible_protection(tx: LoginTransaction, user: User) -> list[tuple[str, Protection]]:
    """Return the names and levels of the account's users whom `user` may see, `user` first."""
    return [(each.name, protection(tx, each)) for each in permissions.visible_users(tx.db, user)]
