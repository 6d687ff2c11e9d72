"""The commands for accounts: account add, list, equity, primary."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating, print_id
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Result, show, show_all
from dsc_host.cli.person import PersonArgument
from dsc_host.cli.policy import PolicyOption
from dsc_host.errors import InputError
from dsc_host.login.accounts.directory import AccountView

AccountArgument = Annotated[
    str, typer.Argument(metavar="ACCOUNT", help="The account's id, as printed by `dscplus account list`.")
]


def add_account(
    records: Records,
    person: PersonArgument,
    equity: Annotated[
        str, typer.Option(metavar="AMOUNT", help="The balance. The policy sets the balance that a card needs.")
    ] = "0",
    currency: Annotated[str, typer.Option(metavar="CODE", help="For example EUR.", show_default=True)] = "USD",
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open an account for a person and print its id.

    \b
    Examples:
      dscplus account add 0123456789abcdef
      dscplus account add 0123456789abcdef --equity 2500000 --currency EUR
    """
    with operating(records, policy) as operator:
        print_id("account", operator.add_account(person, _amount(equity), currency), as_json)


def list_accounts(
    records: Records,
    as_json: JsonOption = False,
) -> None:
    """List the accounts.

    \b
    Examples:
      dscplus account list
      dscplus account list --json
    """
    with operating(records) as operator:
        found = operator.accounts()
    show_all(
        [_account(each) if as_json else _account_line(each) for each in found], as_json=as_json, none="There are no accounts."
    )


def set_equity(
    records: Records,
    account: AccountArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="The balance in the account's currency.")],
    policy: PolicyOption = None,
) -> None:
    """Set the equity of an account.

    \b
    Examples:
      dscplus account equity 0123456789abcdef 1200000
      dscplus account equity 0123456789abcdef 950000.50
    """
    with operating(records, policy) as operator:
        operator.set_equity(account, _amount(amount))


def set_primary(
    records: Records,
    account: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the account's users.")],
    as_json: JsonOption = False,
) -> None:
    """Make a user the primary user of an account.

    Only the primary user may change the account's security settings. The old and the new primary user get an email.

    \b
    Examples:
      dscplus account primary 0123456789abcdef ben
      dscplus account primary 0123456789abcdef ben --json
    """
    with operating(records) as operator:
        operator.set_primary(account, name)
        (found,) = [each for each in operator.accounts() if each.id == account]
    if as_json:
        show(_account(found), as_json=True)
    else:
        show_all([_account_line(found)], as_json=False)


def _account(account: AccountView) -> Result:
    closed_at = None if account.closed_at is None else datetime.fromtimestamp(account.closed_at, UTC)
    return {
        "account": account.id,
        "person": account.person,
        "person_name": account.person_name,
        "equity": f"{account.equity:.2f}",
        "currency": account.currency,
        "closed_at": closed_at.isoformat(timespec="seconds") if closed_at else None,
        "primary": account.primary,
        "users": list(account.users),
    }


def _account_line(account: AccountView) -> Result:
    return {
        "account": account.id,
        "person_name": account.person_name,
        "equity": f"{account.equity:.2f} {account.currency}",
        "state": "open" if account.closed_at is None else "closed",
        "primary": account.primary,
        "users": list(account.users),
    }


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InputError("equity", "must be an amount of money, for example 2500000") from None
