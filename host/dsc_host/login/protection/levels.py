"""The level of protection that a user has, and the limits that come with it."""

from dataclasses import dataclass

from sqlalchemy import Connection

from dsc_host.login.context import Reception
from dsc_host.login.devices import registry
from dsc_host.login.policy.model import Level
from dsc_host.login.protection import limits
from dsc_host.login.rows import User


@dataclass(frozen=True, slots=True)
class Protection:
    """What a user has by being protected, or would not have."""

    opted_out: bool
    level: Level
    with_protection: Level
    without: Level
    restrictions: tuple[str, ...]
    """What is lost by opting out: keys of the policy's."""


def level_of(at: Reception, db: Connection, user: User) -> Level:
    """Of the highest of what opens this user's door; after opting out, of nothing."""
    return limits.level_of(() if user.opted_out else registry.kinds_of(at, db, user), at.policy)


def protection(at: Reception, db: Connection, user: User) -> Protection:
    return Protection(
        opted_out=user.opted_out,
        level=level_of(at, db, user),
        with_protection=limits.level_of(registry.kinds_of(at, db, user), at.policy),
        without=limits.level_of((), at.policy),
        restrictions=at.policy.restrictions.lost,
    )
