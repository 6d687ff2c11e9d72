"""What a command prints: its result on stdout, as text or JSON, and messages on stderr."""

import json
from collections.abc import Mapping, Sequence

import typer

Result = Mapping[str, object]
"""Names and values that JSON can hold."""


class Failed(Exception):
    """A command could not do what it was asked, for a reason that its user can understand.

    `code` is the exit code; 1 if nothing better fits.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def notice(message: str) -> None:
    """Tell the person at the terminal something that is not the result."""
    typer.echo(message, err=True)


def show(result: Result, *, as_json: bool) -> None:
    """Print one result."""
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    width = max(map(len, result), default=0)
    for name, value in result.items():
        typer.echo(f"{name.replace('_', ' '):{width}}  {_words(value)}")


def show_all(results: Sequence[Result], *, as_json: bool) -> None:
    """Print any number of results, one line each."""
    if as_json:
        typer.echo(json.dumps(list(results), indent=2))
        return
    for result in results:
        typer.echo("  ".join(_words(value) for value in result.values()).rstrip())


def _words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == "" else str(value)
