"""What every file of the firmware must be, read as text: it runs where there is little room, and knows no simulator."""

import ast
import tomllib
from pathlib import Path

import pytest
from tests.checkout import ROOT

import dsc_firmware

FILES = sorted((ROOT / "firmware").rglob("*.py"))
CARD = {"binascii", "gc", "hashlib", "micropython", "struct", "uctypes"}
BOARD = {
    "errno",
    "esp32",
    "framebuf",
    "io",
    "json",
    "machine",
    "neopixel",
    "network",
    "nrf",
    "os",
    "rp2",
    "select",
    "sys",
    "time",
    "uctypes",
    "vfs",
}


def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text("utf-8"))) for path in FILES]


def found(kind: type | tuple[type, ...]) -> list[str]:
    """Where a kind of syntax stands, for the message of a test that fails."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, kind)
    ]


def test_there_are_files() -> None:
    assert {"app.py", "card.py", "journal.py", "link.py", "ocra.py"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_knows_no_simulator(path: Path) -> None:
    assert "simulat" not in path.read_text("utf-8").lower()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_only_what_the_boards_have(path: Path) -> None:
    in_card = path.parent.name == "dsc_firmware"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""] if node.level == 0 else []
            assert node.level <= (1 if in_card else 2), "an import leads out of the package"
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            assert name.partition(".")[0] in CARD | {"dsc_firmware"} | (set() if in_card else BOARD), name


def test_only_the_boards_know_the_chip() -> None:
    chip = {"esp32", "machine", "rp2"}
    knowing = {
        path.parent.name
        for path, tree in trees()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and chip & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in chip)
    }
    assert knowing == {"boards"}


def test_modules_are_short() -> None:
    assert [path.name for path in FILES if len(path.read_text("utf-8").splitlines()) > 300] == []


def test_imports_stand_at_the_top() -> None:
    late = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees()
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.Lambda)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


def test_no_syntax_that_costs_room_or_that_boards_lack() -> None:
    assert found((ast.JoinedStr, ast.Match, ast.AsyncFunctionDef, ast.TryStar, ast.AnnAssign)) == []


def test_functions_are_short() -> None:
    sizes = {
        f"{path.relative_to(ROOT)}:{node.name}": node.end_lineno - node.lineno + 1  # type: ignore[operator]
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    }
    assert {name: size for name, size in sizes.items() if size > 30} == {}


def test_lines_are_ascii() -> None:
    for path in FILES:
        assert path.read_bytes().isascii(), path


def test_every_module_says_what_it_promises() -> None:
    assert [path.name for path, tree in trees() if not ast.get_docstring(tree)] == []


def test_version_is_the_distributions() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["version"] == dsc_firmware.VERSION
