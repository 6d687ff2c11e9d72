"""Makes docs/reference/coverage.md from docs/reference/coverage.toml: `python -m tests.statements [--check]`.

Each statement of the two published documents is a row: where it is done, and the test that shows it. `--check` writes nothing
and fails if the page differs from what would be written. `mistakes` finds names in a row that do not exist.
"""

import argparse
import ast
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.checkout import ROOT

from dsc_host.portal.app import GET, POST

SOURCE = ROOT / "docs" / "reference" / "coverage.toml"
PAGE = ROOT / "docs" / "reference" / "coverage.md"
STATEMENTS = 210
_POLICY = "host/dsc_host/login/policy/policy.toml"
_REPOSITORY = "https://github.com/dscplus/dscplus/blob/main"
_PACKAGES = {"dsc_firmware": "firmware", "dsc_simulator": "simulator", "dsc_host": "host"}
MARKS = {
    "done": "done",
    "partly": "partly",
    "missing": "missing",
    "otherwise": "decided otherwise",
    "nothing": "nothing a program could do",
}
_HEAD = """\
# The two published documents, statement by statement

The [login system](login.md) follows two published descriptions. This page lists their statements in our own words, with the
code that does each, and the test that shows it. `make docs` makes the page from [coverage.toml](coverage.toml). A test fails if
a name in it no longer exists.
"""


class RowError(Exception):
    """The table cannot be read."""


@dataclass(frozen=True)
class Statement:
    """One row of the table.

    Attributes:
        id: Its number, as in S001.
        says: The statement, in our own words.
        mark: A key of MARKS.
        places: Modules with what they hold, paths of pages, keys of the policy as in `policy.toml: sessions.pin`, or files.
        tests: Tests as in `tests/test_x.py::test_y`, or a target as in `make check`.
        note: The reason, where it is not done or decided otherwise.
        see: The link to the decision, from docs. The tests of all links hold it.
    """

    id: str
    says: str
    mark: str
    places: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    note: str = ""
    see: str = ""


@dataclass(frozen=True)
class Section:
    """The statements on one subject."""

    title: str
    statements: tuple[Statement, ...]


def load(source: Path = SOURCE) -> tuple[Section, ...]:
    """Return the sections of the table. Raise RowError for a row with a missing or an unknown key."""
    content = tomllib.loads(source.read_text(encoding="utf-8"))
    return tuple(Section(each["title"], tuple(map(_statement, each["statement"]))) for each in content["section"])


def _statement(row: dict[str, Any]) -> Statement:
    try:
        return Statement(**{key: tuple(value) if isinstance(value, list) else value for key, value in row.items()})
    except TypeError as error:
        raise RowError(f"{row.get('id', 'a row')}: {error}") from None


def mistakes(sections: tuple[Section, ...]) -> Iterator[str]:
    """Yield a line for each number that is missing or occurs twice, each name that is not there, and each incomplete row."""
    rows = [row for section in sections for row in section.statements]
    counts = Counter(row.id for row in rows)
    yield from (f"{key} occurs {count} times" for key, count in counts.items() if count > 1)
    numbers = {f"S{number:03}" for number in range(1, STATEMENTS + 1)}
    yield from (f"{key} is missing" for key in sorted(numbers - counts.keys()))
    yield from (f"{key} is no statement" for key in sorted(counts.keys() - numbers))
    for row in rows:
        yield from (f"{row.id}: {text}" for text in (*_incomplete(row), *_not_there(row)))


def _incomplete(row: Statement) -> Iterator[str]:
    if row.mark not in MARKS:
        yield f"the mark must be one of {', '.join(MARKS)}, not {row.mark}"
    if row.mark == "done" and not (row.places and row.tests):
        yield "what is done has a place and a test"
    if row.mark == "nothing" and (row.places or row.tests or not row.note):
        yield "what no program could do has a note, and neither a place nor a test"
    if row.mark == "otherwise" and not (row.note and row.see):
        yield "what is decided otherwise has a note, and a page to see"


def _not_there(row: Statement) -> Iterator[str]:
    yield from (f"{place} is not there" for place in row.places if not is_place(place))
    yield from (f"{test} is not there" for test in row.tests if not is_test(test))


def is_place(place: str) -> bool:
    """Return whether a page, a key of the policy, a module, a name in a module, or a file exists."""
    if place.startswith("/"):
        return place in GET or place in POST
    if place.startswith("policy.toml: "):
        return place.removeprefix("policy.toml: ") in _policy_keys()
    if place.partition(".")[0] in _PACKAGES:
        file, names = _module(place)
        return file is not None and _holds(file, names)
    return (ROOT / place).exists()


def is_test(test: str) -> bool:
    """Return whether a test function or a target of make exists."""
    if test.startswith("make "):
        return (
            re.search(rf"^{re.escape(test.removeprefix('make '))}:", (ROOT / "Makefile").read_text(), re.MULTILINE) is not None
        )
    file, _, name = test.partition("::")
    return name.startswith("test_") and (ROOT / file).is_file() and _holds(ROOT / file, (name,))


@cache
def _policy_keys() -> frozenset[str]:
    """Return the keys of the default policy, as in `sessions.pin`, and its levels, as in `levels.sms`."""
    content = tomllib.loads((ROOT / _POLICY).read_text(encoding="utf-8"))
    levels = {f"levels.{level['kind']}" for level in content.pop("levels")}
    return frozenset(levels | {f"{table}.{key}" for table, values in content.items() for key in values})


def _module(name: str) -> tuple[Path | None, tuple[str, ...]]:
    """Return the file or folder of a module, and the names after it, as in `Class`, `method`."""
    parts = tuple(name.split("."))
    for count in range(len(parts), 0, -1):
        path = ROOT / _PACKAGES[parts[0]] / Path(*parts[:count])
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.is_file():
                return file, parts[count:]
    return None, parts


def _holds(file: Path, names: tuple[str, ...]) -> bool:
    """Return whether a file has these names, each inside the name before."""
    held: dict[str, ast.stmt] = dict(_named(_parsed(file).body))
    for name in names:
        if name not in held:
            return False
        inner = held[name]
        held = dict(_named(inner.body)) if isinstance(inner, ast.ClassDef) else {}
    return True


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _named(body: list[ast.stmt]) -> Iterator[tuple[str, ast.stmt]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id, node
        elif isinstance(node, ast.Assign):
            yield from ((target.id, node) for target in node.targets if isinstance(target, ast.Name))


def page(sections: tuple[Section, ...]) -> str:
    """Return the whole page, as Markdown."""
    return "\n".join((_HEAD, _counts(sections), *map(_section, sections)))


def _counts(sections: tuple[Section, ...]) -> str:
    counts = Counter(row.mark for section in sections for row in section.statements)
    rows = [f"| {MARKS[mark]} | {counts[mark]} |" for mark in MARKS if counts[mark]]
    return "\n".join(("| mark | statements |", "|---|---|", *rows, f"| all | {counts.total()} |", ""))


def _section(section: Section) -> str:
    head = (f"## {section.title}", "", "| id | statement | where | test | mark |", "|---|---|---|---|---|")
    return "\n".join((*head, *map(_row, section.statements), ""))


def _row(row: Statement) -> str:
    mark = f"[{MARKS[row.mark]}]({row.see})" if row.see else MARKS[row.mark]
    cells = (row.id, row.says, "<br>".join(map(_place, row.places)), "<br>".join(map(_test, row.tests)))
    return f"| {' | '.join((*cells, f'{mark}: {row.note}' if row.note else mark))} |"


def _place(place: str) -> str:
    """Return a place as a link to its file. A page of the portal has no file: return it as text."""
    if place.startswith("/"):
        return f"page `{place}`"
    if place.startswith("policy.toml: "):
        return _link(place, _POLICY)
    file = _module(place)[0] if place.partition(".")[0] in _PACKAGES else ROOT / place
    return _link(place, file.relative_to(ROOT).as_posix()) if file else f"`{place}`"


def _test(test: str) -> str:
    file, _, name = test.partition("::")
    return _link(name, file) if name else f"`{test}`"


def _link(text: str, path: str) -> str:
    """Return a link from the page, or to the repository where the file is none of the documentation's."""
    page = path.removeprefix("docs/")
    return f"[`{text}`]({f'{_REPOSITORY}/{path}' if page == path else f'../{page}'})"


def main(arguments: list[str] | None = None) -> int:
    """Write the page, or compare it. Return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.statements", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the page is out of date")
    parser.add_argument("page", type=Path, nargs="?", default=PAGE)
    options = parser.parse_args(arguments)
    content = page(load())
    if not options.check:
        options.page.write_text(content, encoding="utf-8")
    elif not options.page.exists() or options.page.read_text(encoding="utf-8") != content:
        print(f"{options.page} is out of date: make docs", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
