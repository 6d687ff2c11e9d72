"""The output of a command: its result on stdout, as text or JSON, and messages on stderr."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from unicodedata import combining, east_asian_width

import typer

_PART = 100
"""The number of results that are printed together."""

Result = Mapping[str, object]
"""Names with values that JSON can hold."""


class Failed(Exception):
    """A failure of a command, with a reason that its user can understand.

    `code` is the exit code, 1 by default.
    """

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


def notice(message: str) -> None:
    """Print a message that is not part of the result on stderr."""
    typer.echo(clean(message), err=True)


def show(result: Result, *, as_json: bool) -> None:
    """Print one result: one line for each name, or one JSON object."""
    if as_json:
        _print_json(result)
        return
    width = max(map(len, result), default=0)
    for name, value in result.items():
        typer.echo(f"{name.replace('_', ' '):{width}}  {_words(value)}")


def show_all(results: Sequence[Result], *, as_json: bool, none: str = "", heading: bool = True) -> None:
    """Print any number of results: a table with a heading and one line for each result, or one JSON array.

    `none` is the message on stderr in place of an empty table. Without `heading`, the lines continue an earlier table.
    """
    if as_json:
        _print_json(list(results))
        return
    if not results:
        notice(none)
        return
    rows = [[_words(value) for value in result.values()] for result in results]
    if heading:
        rows.insert(0, [name.replace("_", " ").upper() for name in results[0]])
    widths = [max(map(_cells, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        typer.echo("  ".join(value + " " * (width - _cells(value)) for value, width in zip(row, widths, strict=True)).rstrip())


def show_array(results: Iterable[Result]) -> None:
    """Print any number of results as one JSON array. Print the first results before the last results are known."""
    # Import `json` here, because most commands print text.
    import json

    left, before = iter(results), "[\n  "
    while part := [json.dumps(result, indent=2).replace("\n", "\n  ") for result in islice(left, _PART)]:
        typer.echo(before + ",\n  ".join(part), nl=False)
        before = ",\n  "
    typer.echo("[]" if before.startswith("[") else "\n]")


def _print_json(value: object) -> None:
    # Import `json` here, because most commands print text.
    import json

    typer.echo(json.dumps(value, indent=2))


def printable(text: str) -> str:
    """Return the text with a backslash code in place of each character that is not printable, such as a line end."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def clean(message: str) -> str:
    """Return the message with a backslash code in place of each character that is not printable, except line ends.

    A message may quote text from other people, which could otherwise control the terminal.
    """
    return "\n".join(map(printable, message.split("\n")))


def _cells(text: str) -> int:
    """Return the number of columns that the text takes up on a terminal."""
    return sum(0 if combining(c) else 1 + (east_asian_width(c) in "WF") for c in text)


def _words(value: object) -> str:
    return printable(_plain(value))


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None or value == "" else str(value)
