"""Commands for the login system's people, and for the cards that they asked for: person, account, user, issuer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

from dsc_host.cli import asking
from dsc_host.cli.options import CardOption, DatabaseOption, JsonOption, MasterKeyOption, open_verifier
from dsc_host.cli.output import notice, show, show_all
from dsc_host.cli.portal import PolicyOption, load_policy
from dsc_host.errors import InputError
from dsc_host.link import CardClient, find_card
from dsc_host.login import Identity, LoginSystem, Request, Role
from dsc_host.login.operator import Operator


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    _group(app, "person", "Those whom the login system knows by their papers.", add=add_person)
    _group(app, "account", "What a person has, and users log in to.", add=add_account, equity=set_equity)
    _group(app, "user", "Names to log in by.", add=add_user, card=give_card)
    _group(app, "issuer", "Cards that were asked for: to be made, and to be sent.", list=list_waiting, make=make, ship=ship)


def _group(app: typer.Typer, name: str, words: str, **commands: Callable[..., None]) -> None:
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=words)
    # Without this, a group of one command would be that command.
    group.callback()(lambda: None)
    for word, command in commands.items():
        group.command(name=word)(command)
    app.add_typer(group, name=name)


@contextmanager
def _operator(
    database: str | None, master_key: Path | None, policy: Path | None = None, *, may_make: bool = False
) -> Iterator[Operator]:
    rules = load_policy(policy)
    with open_verifier(database, master_key, may_make=may_make) as verifier:
        yield LoginSystem.over(verifier, policy=rules).operator


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
    with _operator(database, master_key, may_make=True) as operator:
        _print("person", operator.add_entity(name, identity, address), as_json)


def add_account(
    person: Annotated[str, typer.Argument(metavar="PERSON", help="The id that `dscplus person add` printed.")],
    equity: Annotated[str, typer.Option(metavar="AMOUNT", help="What is on it; a card needs more than the policy says.")] = "0",
    currency: Annotated[str, typer.Option(metavar="CODE", help="As EUR.", show_default=True)] = "USD",
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
    with _operator(database, master_key) as operator:
        _print("account", operator.add_account(person, _amount(equity), currency), as_json)


def set_equity(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id that `dscplus account add` printed.")],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help="In the account's currency.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Write down what is on an account now.

    \b
    Examples:
      dscplus account equity 0123456789abcdef 1200000
      dscplus account equity 0123456789abcdef 950000.50
    """
    with _operator(database, master_key) as operator:
        operator.set_equity(account, _amount(amount))


def add_user(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id that `dscplus account add` printed.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="To log in by.")],
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="Where messages go.")],
    phone: Annotated[str | None, typer.Option(metavar="NUMBER", help="A number that was confirmed, as +41791234567.")] = None,
    language: Annotated[str, typer.Option(metavar="CODE", help="Of messages: en, de or ru.", show_default=True)] = "en",
    role: Annotated[str, typer.Option(metavar="ROLE", help="customer, support, issuer or compliance.")] = "customer",
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a name to log in by, and print its id. The password is asked for, or read from standard input.

    With a phone they log in by SMS at once; without, give them a card by `dscplus user card`. The first user of an account
    is its primary one.

    \b
    Examples:
      dscplus user add 0123456789abcdef anna --email anna@example.com --phone +41791234567
      dscplus user add 0123456789abcdef sue --email sue@example.com --role support
    """
    if role not in set(Role):
        raise InputError("role", f"must be one of {', '.join(Role)}")
    rules = load_policy(policy)
    with open_verifier(database, master_key, may_make=False) as verifier:
        password = asking.read_secret("Password", confirm=True)
        operator = LoginSystem.over(verifier, policy=rules).operator
        user = operator.add_user(account, name, password, email=email, phone=phone, language=language, role=Role(role))
        _print("user", user, as_json)


def give_card(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A user's.")],
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Of a card that was enrolled.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Let a user log in with a card that the records have already.

    \b
    Examples:
      dscplus user card anna IB3000123
      dscplus user card sue IB3000124 --db postgresql://dscplus@db/dscplus
    """
    with _operator(database, master_key) as operator:
        operator.enrol_card(name, serial)


def list_waiting(
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the cards that are to be made or to be sent, the oldest first.

    \b
    Examples:
      dscplus issuer list
      dscplus issuer list --json
    """
    with _operator(database, master_key) as operator:
        show_all([_result(each) for each in operator.queue()], as_json=as_json)


def make(
    card: CardOption = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not wait for Enter before each card.")] = False,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make all cards that were asked for, one after another: plug one in, press Enter, take it out.

    What was made stays made if one fails: run it again for the rest.

    \b
    Examples:
      dscplus issuer make
      dscplus issuer make --card /dev/ttyACM0
    """

    @contextmanager
    def next_card(request: Request) -> Iterator[CardClient]:
        if not yes:
            asking.read_shown(f"Plug in a blank card for {request.user}, then press Enter")
        with CardClient.open(find_card(card)) as client:
            yield client

    def told(number: int, total: int, request: Request) -> None:
        notice(f"{number} of {total}: {request.serial} for {request.user}")

    with _operator(database, master_key) as operator:
        show_all([_result(each) for each in operator.make_cards(next_card, told)], as_json=as_json)


def ship(
    request: Annotated[str, typer.Argument(metavar="REQUEST", help="Its id, as `dscplus issuer list` shows it.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write down that a card was sent. Its owner is told; it activates itself when the policy says.

    \b
    Examples:
      dscplus issuer ship 0123456789abcdef
      dscplus issuer ship 0123456789abcdef --json
    """
    with _operator(database, master_key) as operator:
        show(_result(operator.ship(request)), as_json=as_json)


def _result(request: Request) -> dict[str, object]:
    return {
        "request": request.id,
        "user": request.user,
        "state": str(request.state),
        "serial": request.serial,
        "address": request.address,
    }


def _print(name: str, made: str, as_json: bool) -> None:
    if as_json:
        show({name: made}, as_json=True)
    else:
        typer.echo(made)


def _amount(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise InputError("equity", "must be an amount of money, as 2500000") from None
