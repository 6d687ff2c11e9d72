"""Checks of the firmware's source text: it must suit boards with little memory and must not mention the simulator."""

import ast
from pathlib import Path

import pytest
from tests.checkout import ROOT

import dsc_firmware
from dsc_host.version import VERSION

FILES = sorted((ROOT / "firmware").rglob("*.py"))
CARD = {"binascii", "gc", "hashlib", "micropython", "struct", "uctypes"}
BOARD = "errno esp32 framebuf io json machine neopixel network nrf os rp2 select sys time uctypes vfs"


def trees() -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text("utf-8"))) for path in FILES]


def test_there_are_files() -> None:
    assert {"app.py", "card.py", "journal.py", "link.py", "ocra.py"} <= {path.name for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_file_is_short_ascii_and_documented_and_knows_no_simulator(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.isascii()
    assert "simulat" not in text.lower()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))


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
            assert name.partition(".")[0] in CARD | {"dsc_firmware"} | (set() if in_card else {*BOARD.split()}), name


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


def test_imports_stand_at_the_top_functions_are_short_and_no_syntax_costs_room() -> None:
    wrong = []
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.Lambda):
                wrong += [(path, late.lineno) for late in ast.walk(node) if isinstance(late, ast.Import | ast.ImportFrom)]
            if isinstance(node, ast.FunctionDef) and node.end_lineno - node.lineno >= 30:  # type: ignore[operator]
                wrong.append((path, node.lineno))
            if isinstance(node, ast.JoinedStr | ast.Match | ast.AsyncFunctionDef | ast.TryStar | ast.AnnAssign):
                wrong.append((path, node.lineno))
    assert wrong == []


def test_version_is_the_distributions() -> None:
    assert dsc_firmware.VERSION == VERSION
