"""The commands for people and companies: person add, list, review."""

from typing import Annotated

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.login_system import operating, print_id
from dsc_host.cli.options import JsonOption
from dsc_host.cli.output import Result, show, show_all
from dsc_host.login import Identity
from dsc_host.login.accounts.directory import PersonView

PersonArgument = Annotated[str, typer.Argument(metavar="PERSON", help="The person's id, as printed by `dscplus person list`.")]


def add_person(
    records: Records,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name as on the identity document.")],
    address: Annotated[str, typer.Option(metavar="TEXT", help="The postal address for cards.")],
    birth_date: Annotated[str, typer.Option(metavar="DAY", help="The date of birth, for example 1980-12-31.")],
    citizenship: Annotated[str, typer.Option(metavar="COUNTRY", help="Two letters, for example CH.")],
    document: Annotated[
        str, typer.Option(metavar="KIND:NUMBER", help="The kind of document (passport, id, licence or ssn) and its number.")
    ],
    residence: Annotated[str | None, typer.Option(metavar="COUNTRY", help="Default: the citizenship.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Add a person and print the new id.

    If two people are added with the same document, the login system treats them as the same person.

    \b
    Examples:
      dscplus person add Anna --address "1 Key Road, Zug" --birth-date 1980-05-17 \\
        --citizenship CH --document passport:X1234567
      dscplus person add Carl --address "2 Lake Street, Ulm" --birth-date 1975-11-02 \\
        --citizenship DE --residence CH --document id:L01X00T47
    """
    kind, _, number = document.partition(":")
    identity = Identity(birth_date, citizenship, residence or citizenship, kind, number)
    with operating(records, may_make=True) as operator:
        print_id("person", operator.add_entity(name, identity, address), as_json)


def list_persons(
    records: Records,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Only people whose names contain this text.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """List people and companies.

    \b
    Examples:
      dscplus person list
      dscplus person list anna --json
    """
    with operating(records) as operator:
        found = operator.persons(name)
    none = "There are no such people." if name else "There are no people. `dscplus person add` adds one."
    show_all([_person(each) if as_json else _person_line(each) for each in found], as_json=as_json, none=none)


def review(
    records: Records,
    person: PersonArgument,
    off: Annotated[bool, typer.Option("--off", help="End the review.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Put a person under review.

    During the review, the person's devices can be shared only after compliance has approved. In the table `sharing`
    of the policy, the key `compliance` can require this approval for everybody, or switch it off.

    \b
    Examples:
      dscplus person review 0123456789abcdef
      dscplus person review 0123456789abcdef --off
    """
    with operating(records) as operator:
        operator.set_under_review(person, not off)
        (found,) = [each for each in operator.persons() if each.id == person]
    if as_json:
        show(_person(found), as_json=True)
    else:
        show_all([_person_line(found)], as_json=False)


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
