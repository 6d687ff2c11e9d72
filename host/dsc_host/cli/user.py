"""The commands for users: user add, list, card, password, email, profile, address, language."""

from typing import Annotated

import typer

from dsc_host.cli import prompts
from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating, print_id
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Result, notice, show, show_all
from dsc_host.cli.policy import PolicyOption
from dsc_host.errors import InputError
from dsc_host.login import Role
from dsc_host.login.accounts.directory import UserView

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The user name.")]


def add_user(
    records: Records,
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's id, as printed by `dscplus account list`.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new user name.")],
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="The address for messages.")],
    phone: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="A confirmed phone number, for example +41791234567.")
    ] = None,
    language: Annotated[
        str, typer.Option(metavar="CODE", help="The language of messages: en, de or ru.", show_default=True)
    ] = "en",
    role: Annotated[str, typer.Option(metavar="ROLE", help="customer, support, issuer or compliance.")] = "customer",
    person: Annotated[
        str | None, typer.Option(metavar="PERSON", help="The id of the person who logs in. Default: the account's holder.")
    ] = None,
    policy: PolicyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a user and print the new id.

    The command prompts for the password, or reads it from standard input. A user with a phone number can immediately log in by
    SMS. Give any other user a card with `dscplus user card`. The first user of an account is its primary user.

    \b
    Examples:
      dscplus user add 0123456789abcdef anna --email anna@example.com --phone +41791234567
      dscplus user add 0123456789abcdef sue --email sue@example.com --role support
      dscplus user add 0123456789abcdef ben --email b@x.example --person 76543210fedcba98
    """
    if role not in set(Role):
        raise InputError("role", f"must be one of {', '.join(Role)}")
    with operating(records, policy) as operator:
        operator.check_new_user(account, name, email=email, phone=phone, language=language, entity=person)
        password = prompts.read_secret("Password", confirm=True)
        user = operator.add_user(
            account, name, password, email=email, phone=phone, language=language, role=Role(role), entity=person
        )  # fmt: skip
        print_id("user", user, as_json)


def list_users(
    records: Records,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Only users whose names contain this text.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List the users.

    \b
    Examples:
      dscplus user list
      dscplus user list anna --json
    """
    with operating(records) as operator:
        found = operator.users(name)
    none = "There are no such users." if name else "There are no users. `dscplus user add` adds one."
    show_all([_user(each) if as_json else _line(each) for each in found], as_json=as_json, none=none)


def give_card(
    records: Records,
    name: NameArgument,
    serial: Annotated[str, typer.Argument(metavar="SERIAL", help="The serial of an enrolled card.")],
    kind: Annotated[
        str, typer.Option("--kind", metavar="KIND", help="dsc_plus, or platinum, gold or digital_card for an older card.")
    ] = "dsc_plus",
    policy: PolicyOption = None,
) -> None:
    """Let a user log in with a card that is already in the records.

    Platinum, gold and digital_card are kinds that are no longer issued. Each of them has its own limits.

    \b
    Examples:
      dscplus user card anna IB3000123
      dscplus user card sue IB3000124 --db postgresql://dscplus@db/dscplus
      dscplus user card tom GD-00071 --kind gold
    """
    with operating(records, policy) as operator:
        operator.enroll_card(name, serial, kind)


def set_password(
    records: Records,
    name: NameArgument,
    policy: PolicyOption = None,
) -> None:
    """Set a new password for a user who has forgotten the old password.

    First make sure that the request comes from the user. The command prompts for the password, or reads it from standard
    input. All sessions of the user end, and the user gets an email. The user's devices do not change.

    \b
    Examples:
      dscplus user password anna
      dscplus user password anna --policy rules.toml < password.txt
    """
    with operating(records, policy) as operator:
        operator.user(name)
        operator.set_password(name, prompts.read_secret("Password", confirm=True))
    notice(f"The password of {name} was changed.")


def set_email(
    records: Records,
    name: NameArgument,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="The new address for messages.")],
    as_json: JsonOption = False,
) -> None:
    """Send a user's messages to another address. Both addresses get a notice.

    \b
    Examples:
      dscplus user email anna anna@example.org
      dscplus user email anna anna@example.org --json
    """
    with operating(records) as operator:
        operator.set_email(name, address)
        _show(operator.user(name), as_json)


def show_profile(
    records: Records,
    name: NameArgument,
    as_json: JsonOption = False,
) -> None:
    """Show the addresses and bank instructions of a user.

    The bank instructions are masked: only the ends of the numbers are shown.

    \b
    Examples:
      dscplus user profile anna
      dscplus user profile anna --json
    """
    with operating(records) as operator:
        known = operator.profile(name)
    show({"name": name, "email": known.email, "address": known.address, "bank": known.bank}, as_json=as_json)


def set_address(
    records: Records,
    name: NameArgument,
    address: Annotated[str, typer.Argument(metavar="TEXT", help="The new postal address, in one line.")],
    as_json: JsonOption = False,
) -> None:
    """Correct the postal address of a user.

    Cards are sent to this address. The user gets a notice.

    No command changes bank instructions: users change them themselves, or support changes them for a caller.

    \b
    Examples:
      dscplus user address anna "4 Quay, 6300 Zug"
      dscplus user address anna "4 Quay, 6300 Zug" --json
    """
    with operating(records) as operator:
        operator.set_address(name, address)
    show_profile(records, name, as_json)


def set_language(
    records: Records,
    name: NameArgument,
    language: Annotated[str, typer.Argument(metavar="CODE", help="The language of messages: en, de or ru.")],
    as_json: JsonOption = False,
) -> None:
    """Change the language of a user's messages.

    \b
    Examples:
      dscplus user language anna de
      dscplus user language anna en --json
    """
    with operating(records) as operator:
        operator.set_language(name, language)
        _show(operator.user(name), as_json)


def _show(user: UserView, as_json: bool) -> None:
    """Print one user as `list_users` prints each user."""
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
