"""The check of a name and password.

A wrong name and a wrong password are refused with the same error and after the same time. Each attempt is counted before it is
checked.

The password is hashed outside any transaction, because hashing takes long and SQLite has only one writer at a time.
"""

from collections.abc import Sequence

from sqlalchemy import select

from dsc_host.errors import OutOfMemory, out_of_memory
from dsc_host.login import rate_limits, rows
from dsc_host.login.accounts import users
from dsc_host.login.errors import WrongCredentials
from dsc_host.login.rate_limits import RateLimit
from dsc_host.login.rows import User
from dsc_host.login.signin.origins import Origin
from dsc_host.login.transaction import LoginContext, LoginTransaction, detail_of, find_user
from dsc_host.records.refusals import Counted
from dsc_host.records.tables import audit
from dsc_host.records.transaction import Refused
from dsc_host.schema.log_index import user_of

_COMPARISONS = 3
"""The maximum number of comparisons for one attempt. If another login renews the hash meanwhile, the comparison is repeated."""
_MOST_WRONG = 1000
"""The number of the newest wrong passwords of a user whose addresses `clear_failures` reads."""


def check_password(context: LoginContext, name: str, password: str, address: str, origin: Origin | None = None) -> User:
    """Return the user with this name and password. Raises `WrongCredentials`, `TooManyAttempts`, `OutOfMemory`.

    `address` is the IP address, or another text whose attempts are limited. `origin` is what the log says about the attempt.
    """
    name = name.strip().lower()[:64] if isinstance(name, str) else ""
    limits, successes = rate_limits.login_limits(context, name, address), rate_limits.successes(context, name, address)
    # Begin with a transaction that only reads: a refused attempt must neither write nor wait for a transaction that writes.
    rate_limits.check(context, [*limits, successes])
    earlier = rate_limits.take_refusals(context, [*limits, successes])
    user: User | None = context.change(lambda tx: _charge(tx, name, limits, earlier))
    try:
        for _ in range(_COMPARISONS):
            user, same = _compare(context, user, password, limits, successes, origin or Origin())
            if same:
                return user
            # Another login has renewed the hash during the comparison: compare again, with the new hash.
    except OutOfMemory:
        # The password was not checked, so the attempt does not count.
        with out_of_memory():
            context.change(lambda tx: rate_limits.take_back(tx, limits))
        raise
    raise WrongCredentials


def _charge(tx: LoginTransaction, name: str, limits: Sequence[RateLimit], earlier: Sequence[Counted]) -> User | Refused | None:
    """Count an attempt, and log the earlier refusals. Return the user of this name; None if there is none."""
    if refusal := rate_limits.charge(tx, limits):
        return Refused(refusal)
    user = find_user(tx.db, name)
    tx.passwords.stored_costs.renew(tx.now(), lambda: users.password_costs(tx.db))
    rate_limits.log_refusals(tx, earlier)
    return user


def _compare(
    context: LoginContext,
    user: User | None,
    password: str,
    limits: Sequence[RateLimit],
    successes: RateLimit,
    origin: Origin,
) -> tuple[User, bool]:
    """Compare the password. Return the user as stored now, and whether the stored hash is still the hash that was compared.

    Raises `WrongCredentials`.
    """
    right = context.passwords.matches(password, user.password if user else None)
    renewed = context.passwords.hashed(password) if user and right and context.passwords.is_outdated(user.password) else None
    return context.change(lambda tx: _judge(tx, user, right, renewed, limits, successes, origin))


def _judge(
    tx: LoginTransaction,
    user: User | None,
    right: bool,
    renewed: str | None,
    limits: Sequence[RateLimit],
    successes: RateLimit,
    origin: Origin,
) -> tuple[User, bool] | Refused:
    """Record whether the password was right. If `renewed` is given, store it as the new hash."""
    # Make this query for unknown names too: otherwise the time would reveal which names exist.
    stored = rows.users.locked(tx.db, user.id if user else "")
    if stored is not None and user is not None and stored.password != user.password:
        return stored, False
    if stored is None or not right:
        tx.log("password", stored, "refused", "wrong" if stored else "unknown", address=origin.address, browser=origin.browser)
        return Refused(WrongCredentials())
    rate_limits.record_success(tx, limits)
    # Parallel logins may exceed the limit together, but the next login is refused.
    rate_limits.charge(tx, [successes])
    if renewed:
        # The password is the same and only the cost of its hash has changed, so sessions need not end.
        rows.users.change(tx.db, stored.id, password=renewed)
    tx.log("password", stored, "done", address=origin.address, browser=origin.browser)
    return stored._replace(password=renewed or stored.password), True


def still_checked(checked: User, locked: User) -> User:
    """Return the user `locked`. Raises `WrongCredentials` if the password was changed after `checked` was read."""
    # A change of the password also changes `settings`. A renewal of the hash, by another login, does not.
    if locked.password != checked.password and locked.settings != checked.settings:
        raise WrongCredentials
    return locked


def clear_failures(tx: LoginTransaction, user: User) -> None:
    """Open the limits on wrong passwords for the name of this user, at all addresses.

    The rows of the limits hold no addresses, so the addresses come from the audit log.
    """
    wrong = (
        select(audit.c.detail)
        .where(user_of == user.name, audit.c.action == "login.password", audit.c.outcome == "refused")
        .order_by(audit.c.number.desc())
        .limit(_MOST_WRONG)
    )
    addresses = {"", *(detail_of(detail).get("address", "") for detail in tx.db.scalars(wrong))}
    rate_limits.clear(tx, {limit for each in addresses for limit in rate_limits.name_limits(tx.context, user.name, each)})
