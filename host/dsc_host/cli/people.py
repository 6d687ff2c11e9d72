"""Commands for the login system's people: person, account; and, each in a module of its own, user and issuer."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from dsc_host.cli import issuer, users
from dsc_host.cli.operating import add_group, operating, print_id
from dsc_host.cli.options import DatabaseOption, JsonOption, MasterKeyOption
from dsc_host.cli.output import Result, show, show_all
from dsc_host.cli.portal import PolicyOption
from dsc_host.errors import InputError
from dsc_host.login import Identity
from dsc_host.login.accounts.directory import AccountView, PersonView

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="The id, as `dscplus person list` shows it.")]
AccountArgument = Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id, as `dscplus account list` shows it.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    add_group(
        app,
        "person",
        "Those whom the login system knows by their papers.",
        add=add_person,
        list=list_persons,
        review=review,
    )
    add_group(
        app,
        "account",
        "What a person has, and users log in to.",
        add=add_account,
        list=list_accounts,
        equity=set_equity,
        primary=set_primary,
    )
    users.register(app)
    issuer.register(app)


def add_person(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As in the papers.")],
    address: Annotated[str, typer.Option(metavar="TEXT", help="Where cards are sent.")],
    birth_date: Annotated[str, typer.Option(metavar="DAY", help="As 1980-12-31.")],
    citizenship: Annotated[str, typer.Option(metavar="COUNTRY", help="Two letters, as CH.")],
    document: Annotated[str, typer.Option(metavar="KIND:NUMBER", help="passport, id, licence or ssn, and its number.")],
    residence: Annotated[str | None, typer.Option(metavar="COUNTRY", help="Default: the citizenship.")] = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person, and print their id. Two entries with the same papers are the same person.

    \b
    Examples:
      dscplus person add Anna --address "1 Key Road, Zug" --birth-date 1980-05-17 \\
        --citizenship CH --document passport:X1234567
      dscplus person add Carl --address "2 Lake Street, Ulm" --birth-date 1975-11-02 \\
        --citizenship DE --residence CH --document id:L01X00T47
    """
    kind, _, number = document.partition(":")
    identity = Identity(birth_date, citizenship, residence or citizenship, kind, number)
    with operating(database, master_key, may_make=True) as operator:
        print_id("person", operator.add_entity(name, identity, address), as_json)


def list_persons(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Only those whose names have this in them.", show_default=False)
    ] = "",
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the persons, one line each: id, name, birth date, whether under review, accounts, names to log in by.

    \b
    Examples:
      dscplus person list
      dscplus person list anna --json
    """
    with operating(database, master_key) as operator:
        found = operator.persons(name)
    show_all([_person(each) if as_json else _person_line(each) for each in found], as_json=as_json)


def review(
    person: PersonArgument,
    off: Annotated[bool, typer.Option("--off", help="No more.")] = False,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a person under review: compliance has to agree before a device of theirs is shared.

    The policy may ask for that of everybody, or of nobody: its key is `compliance`, in the table `sharing`.

    \b
    Examples:
      dscplus person review 0123456789abcdef
      dscplus person review 0123456789abcdef --off
    """
    with operating(database, master_key) as operator:
        operator.put_under_review(person, not off)
        (found,) = [each for each in operator.persons() if each.id == person]
    show_all([_person_line(found)], as_json=False) if not as_json else show(_person(found), as_json=True)


def add_account(
    person: PersonArgument,
    equity: Annotated[str, typer.Option(metavar="AMOUNT", help="What is on it; a card needs more than the policy says.")] = "0",
    currency: Annotated[str, typer.Option(metavar="CODE", help="As EUR.", show_default=True)] = "USD",
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Open an account for a person, and print its id.

    \b
    Examples:
      dscplus account add 0123456789abcdef
      dscplus account add 0123456789abcdef --equity 2500000 --currency EUR
    """
    with operating(database, master_key, policy) as operator:
        print_id("account", operator.add_account(person, _amount(equity), currency), as_json)


def list_accounts(
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the accounts, one line each: id, whose it is, equity, open or closed, the primary user, all users.

    \b
    Examples:
      dscplus account list
      dscplus account list --json
    """
    with operating(database, master_key) as operator:
        found = operator.accounts()
    show_all([_account(each) if as_json else _account_line(each) for each in found], as_json=as_json)


def set_equity(
    account: AccountArgument,
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the account's currency.")],
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Write down what is on an account now.

    \b
    Examples:
      dscplus account equity 0123456789abcdef 1200000
      dscplus account equity 0123456789abcdef 950000.50
    """
    with operating(database, master_key, policy) as operator:
        operator.set_equity(account, _amount(amount))


def set_primary(
    account: AccountArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="One of the account's users.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one of an account's users its primary one, who alone may change its security settings. Both are told by email.

    \b
    Examples:
      dscplus account primary 0123456789abcdef ben
      dscplus account primary 0123456789abcdef ben --json
    """
    with operating(database, master_key) as operator:
        operator.set_primary(account, name)
        (found,) = [each for each in operator.accounts() if each.id == account]
    show_all([_account_line(found)], as_json=False) if not as_json else show(_account(found), as_json=True)


def _person(person: PersonView) -> Result:
    return {
        "person": person.id,
        "name": person.name,
        "birth_date": person.birth_date,
        "citizenship": person.citizenship,
        "residence": person.residence,
        "address": person.address,
        "under_review": person.under_review,
        "accounts": list(person.accounts),
        "users": list(person.users),
    }


def _person_line(person: PersonView) -> Result:
    facts = dict(_person(person))
    kept = ("person", "name", "birth_date", "under_review", "accounts", "users")
    return {name: facts[name] for name in kept} | {"under_review": "under review" if person.under_review else None}


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
        raise InputError("equity", "must be an amount of money, as 2500000") from None
