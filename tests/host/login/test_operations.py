"""Operations of the login system are plain functions of a transaction. Only one place opens transactions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dsc_host import login

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_MOST_NESTED = 5


def functions(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(ast.parse(source)) if isinstance(node, FUNCTIONS))


def nested(source: str) -> list[str]:
    """Return the names of the functions that are defined inside another function."""
    inner = {node for outer in functions(source) for node in ast.walk(outer) if node is not outer}
    return sorted(node.name for node in inner if isinstance(node, FUNCTIONS))


def mixed(source: str) -> list[str]:
    """Return the names of the functions that take both a context and a connection, which a transaction has."""
    found = []
    for node in functions(source):
        types = [ast.unparse(each.annotation) for each in (*node.args.args, *node.args.kwonlyargs) if each.annotation]
        if "Connection" in types and any(name.endswith("Context") for name in types):
            found.append(node.name)
    return found


@pytest.fixture(scope="module")
def sources() -> list[str]:
    found = [path.read_text(encoding="utf-8") for path in Path(*login.__path__).rglob("*.py")]
    assert len(found) > 50
    return found


def test_few_functions_are_defined_inside_others(sources: list[str]) -> None:
    names = [name for source in sources for name in nested(source)]
    assert len(names) <= _MOST_NESTED, names


def test_no_function_takes_a_context_and_a_connection(sources: list[str]) -> None:
    assert [name for source in sources for name in mixed(source)] == []


def test_both_are_seen() -> None:
    assert nested("class A:\n  def a(self):\n    if self:\n      def b(): pass\n      async def c(): pass") == ["b", "c"]
    assert mixed("def a(context: LoginContext, *, db: Connection): pass\ndef b(db: Connection): pass") == ["a"]
