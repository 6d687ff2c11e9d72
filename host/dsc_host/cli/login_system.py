"""Functions for the commands that manage the login system: person, account, user, issuer, client, radius."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from dsc_host.cli.database import Records
from dsc_host.cli.output import show
from dsc_host.cli.policy import load_policy
from dsc_host.login import LoginSystem
from dsc_host.login.service.operator import Operator


@contextmanager
def operating(records: Records, policy: Path | None = None, *, may_make: bool = False) -> Iterator[Operator]:
    """Yield the operator for the records that the options name.

    Raises `InputError`, `Failed` or `StoreError` if the records cannot be opened.
    """
    rules = load_policy(policy)
    with records.open(may_make=may_make) as verifier:
        yield LoginSystem.over(verifier, policy=rules).operator


def print_id(name: str, made: str, as_json: bool) -> None:
    """Print the id of a new row: only the id, or JSON with the id under `name`."""
    if as_json:
        show({name: made}, as_json=True)
    else:
        typer.echo(made)
