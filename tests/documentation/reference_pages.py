"""Makes the pages of the reference that are generated from the code: `python -m tests.documentation.reference_pages [--check]`.

`commands.md` is what `dscplus COMMAND --help` prints. `policy.md` has the settings of the login system.
`exceptions.md` is the tree of the errors. `--check` writes nothing and fails if a page differs from what would be written.
"""

import argparse
import importlib
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.checkout import ROOT

from dsc_host.cli.commands import SECTIONS
from dsc_host.cli.lazy import Noun
from dsc_host.cli.main import command as built_command
from dsc_host.errors import DscError
from dsc_simulator import SimulatorError

FOLDER = ROOT / "docs" / "reference"
_POLICY = ROOT / "host/dsc_host/login/policy/policy.toml"
_WIDTH = 100
# The modules with errors that callers can catch.
_ERRORS = (
    "dsc_host.errors",
    "dsc_host.exchange.encryption",
    "dsc_host.flash.board_session",
    "dsc_host.link.transport",
    "dsc_host.login.errors",
    "dsc_host.phone.http_client",
    "dsc_simulator.errors",
    "dsc_simulator.profile_store",
    "dsc_simulator.pytest_plugin.faults",
    "dsc_simulator.pytest_plugin.fixtures",
    "dsc_simulator.scripting.recording",
    "dsc_simulator.scripting.run",
)


def commands() -> str:
    """Return the page with the help of each command."""
    parts = [
        "# Every command's help\n",
        "The help of each command, as `dscplus COMMAND --help` prints it. [The command](command.md) has a table of all\n"
        "commands, their common options and their exit codes. `make docs` makes this page.\n",
        _help("dscplus", ()),
    ]
    for section in SECTIONS:
        parts.append(f"## {section.title}\n")
        for words in _names(section.commands):
            parts.append(f"### `dscplus {' '.join(words)}`\n")
            parts.append(_help("dscplus", words))
    return "\n".join(parts)


def _names(commands: Any, before: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for each in commands:
        if isinstance(each, Noun):
            yield from _names(each.commands, (*before, each.name))
        elif not each.hidden:
            yield (*before, each.name)


def _help(program: str, words: tuple[str, ...]) -> str:
    command: Any = built_command()
    context = command.make_context(program, list(words), resilient_parsing=True, terminal_width=_WIDTH)
    for word in words:
        command = command.get_command(context, word)
        context = type(context)(command, info_name=word, parent=context, terminal_width=_WIDTH)
    text = command.get_help(context)
    return f"```text\n{re.sub(r' +$', '', text, flags=re.MULTILINE)}\n```\n"


def policy() -> str:
    """Return the page with each setting of the login system's policy."""
    text = _POLICY.read_text(encoding="utf-8")
    values = tomllib.loads(text)
    levels = values.pop("levels")
    parts = [
        "# The policy\n",
        "Each figure of the login system is a setting. A file for `--policy` has only the settings that differ:\n"
        "[how to use it](../how-to/portal.md#for-real-users). Times are in seconds unless a setting says otherwise.\n"
        "`make docs` makes this page from the program's own file.\n",
    ]
    comments = dict(_comments(text))
    for table, keys in _tables(values):
        parts.append(f"## `[{table}]`\n")
        if said := comments.get(f"[{table}]"):
            parts.append(f"{said[0].upper()}{said[1:]}.\n")
        parts.append("| setting | default | meaning |\n| --- | --- | --- |")
        parts += [f"| `{key}` | {_value(value)} | {comments.get(f'{table}.{key}', '')} |" for key, value in keys.items()]
        parts.append("")
    parts += [
        "## `[[levels]]`\n",
        "The kinds of device, from the highest level of protection to the lowest. Limits are in US dollars.\n",
        "| kind | a day | five business days | is issued | may be shared |\n| --- | --- | --- | --- | --- |",
        *(
            f"| `{level['kind']}` | {_limit(level, 'per_day')} | {_limit(level, 'per_five_days')} "
            f"| {'yes' if level.get('issued', True) else 'no'} | {'yes' if level.get('shareable') else 'no'} |"
            for level in levels
        ),
        "",
    ]
    return "\n".join(parts)


def _tables(values: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, keys in values.items():
        yield name, {key: value for key, value in keys.items() if not isinstance(value, dict)}
        yield from _tables({f"{name}.{key}": value for key, value in keys.items() if isinstance(value, dict)})


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """Yield the comment of each table, by `[table]`, and of each key, by `table.key`."""
    table = ""
    for line in text.splitlines():
        if head := re.fullmatch(r"\[([\w.]+)\]\s*(?:# (.*))?", line):
            table = head[1]
            if head[2]:
                yield f"[{table}]", head[2]
        elif setting := re.fullmatch(r"(\w+) = .*?\s+# (.*)", line):
            yield f"{table}.{setting[1]}", setting[2]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(_value(each) for each in value) or "none"
    return f"`{value}`" if value else "empty"


def _limit(level: dict[str, Any], key: str) -> str:
    return f"{level[key]:,}" if key in level else "no limit"


def exceptions() -> str:
    """Return the page with the tree of the errors."""
    for module in _ERRORS:
        importlib.import_module(module)
    return "\n".join(
        (
            "# Exceptions\n",
            "All errors of the host are `DscError`, and all errors of the simulator are `SimulatorError`. An indented error\n"
            "is a subclass of the error above it, so an `except` with the upper error catches both. `make docs` makes this\n"
            "page.\n",
            "## The host\n",
            *_tree(DscError),
            "\n## The simulator\n",
            *_tree(SimulatorError),
            "",
        )
    )


def _tree(root: type[Exception], depth: int = 0) -> Iterator[str]:
    if not depth:
        yield "| error | in | means |\n| --- | --- | --- |"
    indent = "&emsp;" * depth
    yield f"| {indent}`{root.__name__}` | `{root.__module__}` | {_first_paragraph(root)} |"
    for each in sorted(root.__subclasses__(), key=lambda kind: kind.__name__):
        if each.__module__ in _ERRORS and not each.__name__.startswith("_"):
            yield from _tree(each, depth + 1)


def _first_paragraph(kind: type) -> str:
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split()).replace("|", "\\|")


PAGES: dict[str, Callable[[], str]] = {"commands.md": commands, "policy.md": policy, "exceptions.md": exceptions}


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or compare them. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.documentation.reference_pages", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is out of date")
    parser.add_argument("folder", type=Path, nargs="?", default=FOLDER)
    options = parser.parse_args(arguments)
    stale = 0
    for name, make in PAGES.items():
        path, content = options.folder / name, make()
        if not options.check:
            path.write_text(content, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != content:
            print(f"{path} is out of date: make docs", file=sys.stderr)
            stale = 1
    return stale


if __name__ == "__main__":
    sys.exit(main())
