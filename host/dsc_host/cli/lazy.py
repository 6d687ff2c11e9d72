"""Groups of commands. The module of a command is imported only when the command is used, which saves time.

A table has the name, the summary and the function of each command. So a list of commands can be printed without any import.
"""

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import typer
import typer.main
from typer.core import TyperGroup

Built = Any
"""A command as Typer builds it. Typer does not export its class."""


class Command(NamedTuple):
    """A command. Its function is imported when the command is used."""

    name: str
    target: str
    """The module and the function, for example `dsc_host.cli.line:info`."""
    summary: str
    """The first sentence of the function's help."""
    hidden: bool = False
    """Whether the name is an old name of another command. The help does not show it."""

    def build(self) -> Built:
        """Import the function and return its command."""
        # Import these modules here, because a list of commands does not need them.
        from dsc_host.cli.empty_places import PlaceCheckingCommand
        from dsc_host.cli.option_groups import expanded

        module, _, name = self.target.partition(":")
        function: Callable[..., None] = getattr(import_module(module), name)
        single = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        single.command(name=self.name, hidden=self.hidden, cls=PlaceCheckingCommand)(expanded(function))
        return typer.main.get_command(single)


class Noun(NamedTuple):
    """A group of commands under a noun, for example `card`."""

    name: str
    summary: str
    commands: tuple["Command | Noun", ...]
    hidden: bool = False
    default: str = ""
    """The command to use if there are arguments, but none of them names a command."""

    def build(self) -> Built:
        """Return the group of its commands."""
        group = LazyGroup(name=self.name, help=self.summary, no_args_is_help=True, rich_markup_mode=None)
        group.fill([Section("Commands", self.commands)])
        group.default = self.default
        return group


class Section(NamedTuple):
    """A part of a list of commands, under a heading."""

    title: str
    commands: tuple[Command | Noun, ...]


def _no_more() -> Sequence[Section]:
    return ()


class LazyGroup(TyperGroup):
    """A group that shows its commands by sections, and builds each command when it is used."""

    default = ""
    """The command to use if there are arguments, but none of them names a command. Empty if there is no such command."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments. If they name no command, put the default command before them."""
        if (
            self.default
            and args
            and args[0] not in self.get_help_option_names(ctx)
            and not any(word in self.commands for word in args)
        ):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def fill(self, sections: Sequence[Section], more: Callable[[], Sequence[Section]] = _no_more) -> None:
        """Set the commands of the group.

        `more` returns further sections. It is called for a list of all commands, and for a name that is not in `sections`.
        """
        self._table = _Table(sections, more)
        self.commands = self._table

    def summaries(self) -> list[tuple[str, str]]:
        """Return the names and summaries of the commands that the help shows."""
        return [(each.name, each.summary) for section in self._table.sections() for each in section.commands if not each.hidden]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the sections into the help, without importing the commands."""
        shown = [
            (section.title, [(each.name, each.summary) for each in section.commands if not each.hidden])
            for section in self._table.sections()
        ]
        # Use one width for all sections, so that the summaries are aligned.
        width = max(len(name) for _, rows in shown for name, _ in rows)
        for title, rows in shown:
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in rows])


class _Table(MutableMapping[str, Built]):
    """The commands of a group by name. Each command is built when it is first used."""

    def __init__(self, sections: Sequence[Section], more: Callable[[], Sequence[Section]]) -> None:
        self._sections = list(sections)
        self._more = more
        self._built: dict[str, Built] = {}

    def sections(self) -> Sequence[Section]:
        """Return all sections, including those of other packages."""
        self._sections += self._more()
        self._more = _no_more
        return self._sections

    def __getitem__(self, name: str) -> Built:
        if name not in self._built:
            self._built[name] = self._named(name).build()
        return self._built[name]

    def _named(self, name: str) -> Command | Noun:
        for sections in (lambda: self._sections, self.sections):
            for section in sections():
                for each in section.commands:
                    if each.name == name:
                        return each
        raise KeyError(name)

    def __setitem__(self, name: str, command: Built) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]

    def __iter__(self) -> Iterator[str]:
        return (each.name for section in self.sections() for each in section.commands)

    def __len__(self) -> int:
        return sum(len(section.commands) for section in self.sections())
