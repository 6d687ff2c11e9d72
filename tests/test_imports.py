"""Test modules import nothing from each other: shared code is in separate modules."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.name


def imported(source: str) -> list[str]:
    """Return the names of all modules, and of what may be modules, that a source imports from the tests."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.level or str(node.module).split(".")[0] == PACKAGE):
            found += [f"{node.module or ''}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            found += [name.name for name in node.names if name.name.split(".")[0] == PACKAGE]
    return found


def from_test_modules(source: str) -> list[str]:
    return [name for name in imported(source) if any(part.startswith("test_") for part in name.split("."))]


def test_nothing_is_imported_from_a_test_module() -> None:
    paths = sorted(TESTS.rglob("*.py"))
    modules = {path.stem for path in paths if path.stem.startswith("test_")}
    sources = {path.relative_to(TESTS).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    # Only a source that names a test module can import it: parsing all of them takes a second.
    naming = {path: source for path, source in sources.items() if modules & set(re.findall(r"\btest_\w+", source))}
    assert {path: names for path, source in naming.items() if (names := from_test_modules(source))} == {}


@pytest.mark.parametrize(
    "source",
    [
        "from tests.host.login.test_sharing import proven",
        "from tests.login import test_sharing",
        "import tests.host.login.test_sharing",
        "from .test_sharing import proven",
        "from . import test_sharing",
        "def late():\n    from tests.host.login.test_sharing import proven",
    ],
)
def test_every_way_to_import_is_seen(source: str) -> None:
    assert from_test_modules(source)


@pytest.mark.parametrize(
    "source", ["from tests.host.login.shares import proven", "import test_support", "from test.support import x"]
)
def test_other_imports_are_allowed(source: str) -> None:
    assert from_test_modules(source) == []
