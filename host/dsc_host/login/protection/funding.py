"""Transfers of money into an account, which are limited for users without protection.

The limit applies if the policy's `restrictions.lost` contains `funding`. Users who have opted out, or have no device with full
access, may then make a transfer by ACH or EFT only if the account has had none so far, and only up to an amount in the policy.
Further such transfers need a device. Another system moves and books the money.
"""

from dataclasses import dataclass
from decimal import Decimal

from dsc_host.errors import InputError
from dsc_host.login import rows
from dsc_host.login.accounts import money
from dsc_host.login.model import FundingMethod
from dsc_host.login.protection import form_ids, levels, limits
from dsc_host.login.rows import Account, Funding, User
from dsc_host.login.transaction import LoginTransaction, account_of, found
from dsc_host.records import table_rows

_LIMITED = (FundingMethod.ACH, FundingMethod.EFT)
_RESTRICTION = "funding"


@dataclass(frozen=True, slots=True)
class FundingAllowance:
    """The decision about a transfer. `most` is the largest amount that is accepted now; None means that there is no limit."""

    allowed: bool
    most: Decimal | None

    def __bool__(self) -> bool:
        return self.allowed


def may_fund(tx: LoginTransaction, user: User, amount: Decimal, method: FundingMethod) -> FundingAllowance:
    """Decide whether this user may now transfer this amount of dollars into the account by this method. Raises `InputError`."""
    return _decide(tx, user, account_of(tx.db, user), amount, method)


def check(tx: LoginTransaction, user: User, amount: Decimal, method: FundingMethod) -> FundingAllowance:
    """Return the decision that `fund` would make now, and log a refusal. Raises `InputError`."""
    allowance = may_fund(tx, user, amount, method)
    if not allowance:
        tx.log("deposit", user, "refused", method, amount=str(amount))
    return allowance


def fund(
    tx: LoginTransaction, user: User, amount: Decimal, method: FundingMethod, entry_id: str = ""
) -> FundingAllowance:  # fmt: skip
    """Record a transfer if the user may make it. Return the decision.

    `entry_id` is the id of the new entry, as in `withdrawals.withdraw`. Raises `InputError`, `NotNow`, and `AlreadyDone` if an
    entry with this id exists.
    """
    # Lock the account, because the first transfer of any of its users counts for all of them.
    account = found(rows.accounts.locked(tx.db, user.account_id))
    if entry_id != "":
        form_ids.check_new(tx, rows.fundings, entry_id)
    allowance = _decide(tx, user, account, amount, method)
    if allowance:
        cents = money.cents("amount", amount)
        rows.fundings.add(tx.db, Funding(entry_id or table_rows.new_id(), account.id, user.id, str(method), tx.now(), cents))
    tx.log("deposit", user, "done" if allowance else "refused", method, amount=str(amount))
    return allowance


def _decide(
    tx: LoginTransaction, user: User, account: Account, amount: Decimal, method: FundingMethod
) -> FundingAllowance:  # fmt: skip
    limits.check_amount(amount)
    if method not in tuple(FundingMethod):
        raise InputError("method", "must be one of {kinds}", kinds=", ".join(FundingMethod))
    if account.closed_at is not None:
        return FundingAllowance(False, Decimal(0))
    if method not in _LIMITED or not _is_restricted(tx, user):
        return FundingAllowance(True, None)
    earlier = rows.fundings.count(tx.db, rows.fundings.c.account_id == account.id, rows.fundings.c.method.in_(_LIMITED))
    most = Decimal(0) if earlier else money.money(tx.policy.restrictions.funding_beyond_cents)
    return FundingAllowance(amount <= most, most)


def _is_restricted(tx: LoginTransaction, user: User) -> bool:
    return _RESTRICTION in tx.policy.restrictions.lost and levels.level_of(tx, user) == limits.level_of((), tx.policy)
