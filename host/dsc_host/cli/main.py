"""The root of the command. It runs the other commands, and reports each expected failure in one line and by the exit code."""

import atexit
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from io import TextIOWrapper
from types import FrameType
from typing import Any

import typer
import typer.main

from dsc_host.cli.commands import SECTIONS
from dsc_host.cli.lazy import LazyGroup, Section
from dsc_host.cli.output import Failed, clean
from dsc_host.errors import CardNotFound, DscError, InputError, LinkClosed, LinkTimeout, ProtocolError, out_of_memory
from dsc_host.version import VERSION

COMMAND_GROUP = "dscplus.commands"
COMPLETION_VARIABLE = "_DSCPLUS_COMPLETE"

# The first match is used, so subclasses come before their base classes.
_EXIT_CODES: tuple[tuple[type[DscError], int], ...] = (
    (InputError, 2),
    (CardNotFound, 3),
    (LinkTimeout, 5),
    (LinkClosed, 5),
    (ProtocolError, 5),
    (DscError, 1),
)


class _Ended(SystemExit):
    """The end of the command by a signal. It is a `SystemExit`, because asyncio passes only this class and Ctrl-C on."""


class _Root(LazyGroup):
    """The root of the command, which distinguishes Ctrl-C from a failure."""

    def invoke(self, ctx: Any) -> Any:  # `Any`, because Typer does not export its context class.
        """Run a command. Raise `Failed` with exit code 130 if Ctrl-C stopped it."""
        try:
            return super().invoke(ctx)
        except (KeyboardInterrupt, typer.Abort):
            raise Failed("stopped", 130) from None


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dscplus {VERSION}")
        raise typer.Exit


def more_sections() -> list[Section]:
    """Return the sections of commands that other packages add."""
    # Import the function here: its module loads slowly, and our own commands do not need it.
    from importlib.metadata import entry_points

    return [entry.load() for entry in entry_points(group=COMMAND_GROUP)]


def build() -> typer.Typer:
    """Return the command without its subcommands."""
    app = typer.Typer(
        name="dscplus",
        cls=_Root,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    )

    @app.callback()
    def common(
        _version: bool = typer.Option(
            False, "--version", "-V", callback=_print_version, is_eager=True, help="Show the version."
        ),
        verbose: bool = typer.Option(
            False, "--verbose", "-v", help="Print on stderr which records and which card are used, and what the card answers."
        ),
    ) -> None:
        """Use a challenge-response security card: talk to it, simulate it, verify its responses.

        `dscplus COMMAND --help` shows how to use a command, with examples.
        """
        if verbose:
            # Import the module here, because most runs need no log.
            from dsc_host.cli.verbose import show_log

            show_log()

    return app


@cache
def command() -> LazyGroup:
    """Return the assembled command. It is assembled once per process."""
    built = typer.main.get_command(build())
    assert isinstance(built, LazyGroup)
    built.fill(SECTIONS, more_sections)
    return built


def run(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code. Only unexpected errors are raised."""
    try:
        with out_of_memory(), _completion():
            command()(list(arguments), prog_name="dscplus")
    except _Ended as ended:
        return _fail("stopped", int(str(ended.code)))
    except SystemExit as done:
        return _finish(done.code if isinstance(done.code, int) else int(done.code is not None))
    except KeyboardInterrupt:
        return _fail("stopped", 130)
    except Failed as failure:
        return _fail(failure, failure.code)
    except DscError as error:
        return _fail(error, next(code for kind, code in _EXIT_CODES if isinstance(error, kind)))
    except OSError as error:
        # An error of the operating system, for example a full disk for standard output.
        return _fail(": ".join(str(part) for part in (error.filename, error.strerror) if part), 1)
    return _finish(0)


@contextmanager
def _completion() -> Iterator[None]:
    """Raise `Failed` if the environment has a malformed request of a shell to complete a command. Typer reads this request."""
    try:
        yield
    except (KeyError, ValueError):
        if COMPLETION_VARIABLE not in os.environ:
            raise
        raise Failed(
            f"{COMPLETION_VARIABLE} is set, but not by a shell that completes a command: unset it, or install the completion "
            "again, with: dscplus --install-completion",
            2,
        ) from None


def _fail(error: object, code: int) -> int:
    with suppress(OSError):
        typer.echo(clean(f"Error: {error}"), err=True)
    return _finish(code)


def _finish(code: int) -> int:
    if sys.stdout is None:  # The command was started with standard output closed.
        return code
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # The program that reads our output has closed the pipe.
        _discard_stdout()
    except OSError as error:
        _discard_stdout()
        return code or _fail(error.strerror, 1)
    return code


def _discard_stdout() -> None:
    """Stop Python from flushing the rest of the output at exit, which would fail."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run `dscplus` with the arguments of this process."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # Names of ports and pictures may have characters that the terminal's encoding lacks.
            stream.reconfigure(errors="backslashreplace")
    _end_in_order()
    sys.exit(run(sys.argv[1:]))


def _end_in_order() -> None:
    """Let a signal end the command as Ctrl-C does, so that drafts and locks are removed, and the terminal shows input again.

    Afterwards the signal ends the process, so that the parent process learns the reason. A signal that the parent process has
    told us to ignore, as `nohup` does, is still ignored.
    """
    ours = [number for number in _signals() if signal.getsignal(number) is signal.SIG_DFL]
    ended_by: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        # A further signal must not interrupt the removal: a closed terminal sends several.
        for each in ours:
            signal.signal(each, signal.SIG_IGN)
        ended_by.append(number)
        raise _Ended(128 + number)

    def die() -> None:
        for number in ended_by:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in ours:
        signal.signal(number, end)
    # The first registered function is called last.
    atexit.register(die)


def _signals() -> list[int]:
    """Return the signals that end a command in an orderly way. Windows has no SIGHUP."""
    return [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
