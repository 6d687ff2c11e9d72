"""The level of protection that a user has, and the limits that come with it."""

from dataclasses import dataclass

from dsc_host.login.devices import registry
from dsc_host.login.policy.model import Level
from dsc_host.login.protection import limits
from dsc_host.login.rows import User
from dsc_host.login.transaction import LoginTransaction


@dataclass(frozen=True, slots=True)
class Protection:
    """What a user has by being protected, or would not have."""

    opted_out: bool
    level: Level
    with_protection: Level
    without: Level
    restrictions: tuple[str, ...]
    """What is lost by opting out: keys of the policy's."""


def level_of(tx: LoginTransaction, user: User) -> Level:
    """Of the highest of what opens this user's door; after opting out, of nothing."""
    return limits.level_of(() if user.opted_out else registry.kinds_of(tx, user), tx.policy)


def protection(tx: LoginTransaction, user: User) -> Protection:
    return Protection(
        opted_out=user.opted_out,
        level=level_of(tx, user),
        with_protection=limits.level_of(registry.kinds_of(tx, user), tx.policy),
        without=limits.level_of((), tx.policy),
        restrictions=tx.policy.restrictions.lost,
    )
