"""Commands for the names to log in by: user."""

from typing import Annotated

import typer

from dsc_host.cli import prompts
from dsc_host.cli.login_system import add_group, operating, print_id
from dsc_host.cli.options import DatabaseOption, JsonOption, MasterKeyOption
from dsc_host.cli.output import Result, notice, show, show_all
from dsc_host.cli.portal import PolicyOption
from dsc_host.errors import InputError
from dsc_host.login import Role
from dsc_host.login.accounts.directory import UserView

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A user's.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    add_group(
        app,
        "user",
        "Names to log in by.",
        add=add_user,
        list=list_users,
        card=give_card,
        password=set_password,
        email=set_email,
        language=set_language,
    )


def add_user(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The id, as `dscplus account list` shows it.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="To log in by.")],
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="Where messages go.")],
    phone: Annotated[str | None, typer.Option(metavar="NUMBER", help="A number that was confirmed, as +41791234567.")] = None,
    language: Annotated[str, typer.Option(metavar="CODE", help="Of messages: en, de or ru.", show_default=True)] = "en",
    role: Annotated[str, typer.Option(metavar="ROLE", help="customer, support, issuer or compliance.")] = "customer",
    person: Annotated[
        str | None, typer.Option(metavar="PERSON", help="Who logs in by it, by their id. Default: whose account it is.")
    ] = None,
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
      dscplus user add 0123456789abcdef ben --email b@x.example --person 76543210fedcba98
    """
    if role not in set(Role):
        raise InputError("role", f"must be one of {', '.join(Role)}")
    with operating(database, master_key, policy) as operator:
        operator.check_new_user(account, name, email=email, phone=phone, language=language, entity=person)
        password = prompts.read_secret("Password", confirm=True)
        user = operator.add_user(
            account, name, password, email=email, phone=phone, language=language, role=Role(role), entity=person
        )  # fmt: skip
        print_id("user", user, as_json)


def list_users(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Only those whose names have this in them.", show_default=False)
    ] = "",
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the users, one line each: name, id, account, person, role, language, email, and what is special.

    \b
    Examples:
      dscplus user list
      dscplus user list anna --json
    """
    with operating(database, master_key) as operator:
        found = operator.users(name)
    show_all([_user(each) if as_json else _line(each) for each in found], as_json=as_json)


def give_card(
    name: NameArgument,
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="Of a card that was enrolled.")],
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Let a user log in with a card that the records have already.

    \b
    Examples:
      dscplus user card anna IB3000123
      dscplus user card sue IB3000124 --db postgresql://dscplus@db/dscplus
    """
    with operating(database, master_key, policy) as operator:
        operator.enrol_card(name, serial)


def set_password(
    name: NameArgument,
    policy: PolicyOption = None,
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
) -> None:
    """Give a user a new password, for who has forgotten theirs: make sure first that it is they who ask.

    It is asked for, or read from standard input. All their sessions end, and they are told by email. What they log in with
    beside the password stays as it is.

    \b
    Examples:
      dscplus user password anna
      dscplus user password anna --policy rules.toml < password.txt
    """
    with operating(database, master_key, policy) as operator:
        operator.user(name)
        operator.set_password(name, prompts.read_secret("Password", confirm=True))
    notice(f"The password of {name} is changed.")


def set_email(
    name: NameArgument,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where messages go from now on.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a user's messages to another address. Both addresses are told.

    \b
    Examples:
      dscplus user email anna anna@example.org
      dscplus user email anna anna@example.org --json
    """
    with operating(database, master_key) as operator:
        operator.set_email(name, address)
        _show(operator.user(name), as_json)


def set_language(
    name: NameArgument,
    language: Annotated[str, typer.Argument(metavar="CODE", help="Of messages: en, de or ru.")],
    database: DatabaseOption = None,
    master_key: MasterKeyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write to a user in another language from now on.

    \b
    Examples:
      dscplus user language anna de
      dscplus user language anna en --json
    """
    with operating(database, master_key) as operator:
        operator.set_language(name, language)
        _show(operator.user(name), as_json)


def _show(user: UserView, as_json: bool) -> None:
    """As it is in the list."""
    if as_json:
        show(_user(user), as_json=True)
    else:
        show_all([_line(user)], as_json=False)


def _user(user: UserView) -> Result:
    return {
        "name": user.name,
        "user": user.id,
        "account": user.account,
        "person": user.person,
        "person_name": user.person_name,
        "role": str(user.role),
        "language": user.language,
        "email": user.email,
        "primary": user.primary,
        "opted_out": user.opted_out,
        "closed": user.closed,
    }


def _line(user: UserView) -> Result:
    facts = _user(user)
    special = {"primary": user.primary, "opted out": user.opted_out, "account closed": user.closed}
    kept = ("name", "user", "account", "person", "role", "language", "email")
    return {name: facts[name] for name in kept} | {"special": [words for words, true in special.items() if true]}
