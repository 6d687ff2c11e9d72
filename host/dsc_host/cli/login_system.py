"""What the commands of whoever runs the login system have in common: person, account, user, issuer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from dsc_host.cli.options import open_verifier
from dsc_host.cli.output import show
from dsc_host.cli.portal import load_policy
from dsc_host.login import LoginSystem
from dsc_host.login.service.operator import Operator


def add_group(app: typer.Typer, name: str, words: str, **commands: Callable[..., None]) -> None:
    """Add the commands to `app`, under the name of their group."""
    group = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help=words)
    # Without this, a group of one command would be that command.
    group.callback()(lambda: None)
    for word, command in commands.items():
        group.command(name=word)(command)
    app.add_typer(group, name=name)


@contextmanager
def operating(
    database: str | None, master_key: Path | None, policy: Path | None = None, *, may_make: bool = False
) -> Iterator[Operator]:
    """Whoever runs the system, at the records that the options name. Raises `InputError`, `Failed`, `StoreError`."""
    rules = load_policy(policy)
    with open_verifier(database, master_key, may_make=may_make) as verifier:
        yield LoginSystem.over(verifier, policy=rules).operator


def print_id(name: str, made: str, as_json: bool) -> None:
    """Print the id of what was made."""
    if as_json:
        show({name: made}, as_json=True)
    else:
        typer.echo(made)
