"""The reference of both packages has no gaps, and the examples in it give what they say."""

import ast
import doctest
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from tests.documentation.api_gaps import PACKAGES, gaps, gaps_of


def test_the_reference_has_no_gaps() -> None:
    assert list(gaps()) == []


def documented() -> Iterator[Any]:
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            if inspect.isclass(thing := getattr(module, name)):
                yield pytest.param(thing, id=f"{package}.{name}")


@pytest.mark.parametrize("thing", list(documented()))
def test_an_example_gives_what_it_says(thing: type) -> None:
    (example,) = doctest.DocTestFinder(recurse=False).find(thing, globs={})
    assert example.examples
    printed: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(example, out=printed.append)
    assert results.failed == 0, "".join(printed)


@pytest.mark.parametrize(
    ("source", "gap"),
    [
        ("def f(): pass", "f: no docstring"),
        ('def f(a): "Do it."', "f: says nothing of a"),
        ('def f() -> int: "Do it."', "f: does not say what it returns"),
        ('def f():\n "Do it."\n raise InputError("a")', "f: does not say that it raises InputError"),
        ('class C: "A thing."', "C: no example"),
        ('class C:\n "A thing. >>> 1"\n a: int', "C.a: no text"),
        ('class C:\n "A thing. >>> 1"\n def m(self): pass', "C.m: no docstring"),
        ('class C:\n "A thing. >>> 1"\n def __init__(self, a): pass', "C.__init__: says nothing of a"),
    ],
)
def test_a_gap_is_found(source: str, gap: str) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    assert list(gaps_of(node, node.name)) == [gap]


@pytest.mark.parametrize(
    "source",
    [
        'def f(a) -> int:\n "Return `a`. Raises InputError."\n raise InputError("a")',
        'class C:\n "A thing. >>> 1\\n\\nAttributes:\\n    a: Its name."\n a: int\n b: int\n "Its size."\n def _m(self): pass',
    ],
)
def test_nothing_else_is_a_gap(source: str) -> None:
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.ClassDef | ast.FunctionDef)
    assert list(gaps_of(node, node.name)) == []
