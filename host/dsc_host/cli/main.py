"""Puts the command together, runs it, and turns every failure that a user can cause into one line and an exit code."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import entry_points, version
from io import TextIOWrapper
from typing import Any

import typer
import typer.main
from typer.core import TyperGroup

from dsc_host.cli import (
    account,
    audit,
    backup,
    card,
    exchange,
    flash,
    image,
    issuer,
    key,
    line,
    person,
    phone,
    portal,
    records,
    service,
    user,
)
from dsc_host.cli.output import Failed
from dsc_host.errors import CardNotFound, DscError, InputError, LinkClosed, LinkTimeout, ProtocolError, out_of_memory

COMMAND_GROUP = "dscplus.commands"

# The first that fits counts, so children stand before their parents.
_EXIT_CODES: tuple[tuple[type[DscError], int], ...] = (
    (InputError, 2),
    (CardNotFound, 3),
    (LinkTimeout, 5),
    (LinkClosed, 5),
    (ProtocolError, 5),
    (DscError, 1),
)


class _Commands(TyperGroup):
    """The command's root, which tells Ctrl-C from a failure."""

    def invoke(self, ctx: Any) -> Any:  # Typer's own context, whose class it does not export.
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            raise Failed("stopped", 130) from None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dscplus {version('dscplus')}")
        raise typer.Exit


def build() -> typer.Typer:
    """The command with all its parts, those of other packages too."""
    app = typer.Typer(
        name="dscplus",
        cls=_Commands,
        help="A challenge-response security card: talk to one, simulate one, verify what it says.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def common(
        _version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show the version."),
    ) -> None:
        """A challenge-response security card: talk to one, simulate one, verify what it says."""

    line.register(app)
    for module in (records, card, audit, key, backup, exchange, service, person, account, user, issuer, phone, portal):
        module.register(app)
    flash.register(app)
    image.register(app)
    for entry in entry_points(group=COMMAND_GROUP):
        entry.load()(app)
    return app


@cache
def command() -> TyperGroup:
    """Return the command as it is run; it is put together once in a process, which takes longer than most of its calls."""
    built = typer.main.get_command(build())
    assert isinstance(built, TyperGroup)
    return built


def run(arguments: Sequence[str]) -> int:
    """Run the command; returns its exit code. Only what nobody expected is raised."""
    try:
        with out_of_memory():
            command()(list(arguments), prog_name="dscplus")
    except SystemExit as done:
        return _finish(done.code if isinstance(done.code, int) else int(done.code is not None))
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except Failed as failure:
        return _fail(failure, failure.code)
    except DscError as error:
        return _fail(error, next(code for kind, code in _EXIT_CODES if isinstance(error, kind)))
    except OSError as error:
        # The machine's own refusals, such as a full disk under standard output.
        return _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 1)
    return _finish(0)


def _fail(error: object, code: int) -> int:
    with suppress(OSError):
        typer.echo(f"Error: {error}", err=True)
    return _finish(code)


def _finish(code: int) -> int:
    if sys.stdout is None:  # The command was started with standard output closed.
        return code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        _let_go_of_stdout()
    except OSError as error:
        _let_go_of_stdout()
        return code or _fail(error.strerror, 1)
    return code


def _let_go_of_stdout() -> None:
    """Keep Python from trying, and failing, to flush the rest of our output when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """The entry point of `dscplus`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A port's name or a picture may hold what this terminal's encoding has not.
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))
