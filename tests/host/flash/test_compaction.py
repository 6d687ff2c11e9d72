"""Modules that are made smaller for boards keep their meaning."""

import ast
import itertools
import keyword
import re
import sys
import types

import pytest

from dsc_host.flash import FlashError
from dsc_host.flash.compaction import _private, _short_names, compact
from dsc_host.flash.firmware import compile_module, sources

PORTS = b"""
from micropython import const
LEFT = const(3)
_SEEN = const(LEFT * 2)
RIGHT = const(LEFT + _SEEN)
NAMES = ("a", "b")
def both(_first, second=RIGHT):
    return _first + second
"""
PART = b"""
from . import ports as seam
from .ports import LEFT, NAMES, RIGHT as R, both
class Part:
    def __init__(self, _given):
        self._held_for_long = _given
        self.kind = seam.LEFT
    def _sum(self):
        return [LEFT, R, seam.RIGHT, seam.NAMES, NAMES, both(_first=self._held_for_long), __name__]
"""
CHILD = b"""
from ..part import Part
class Child(Part):
    def total(self):
        return self._sum() + [self.kind]
"""


def run(modules: dict[str, bytes]) -> object:
    """Return the result of `Child(5).total()` with these modules, in a package of their own."""
    names = {}
    for path in modules:
        name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
        names[name] = types.ModuleType(name)
        names[name].__path__ = []
        names[name].__package__ = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    micropython = types.ModuleType("micropython")
    micropython.__dict__["const"] = lambda value: value
    with pytest.MonkeyPatch.context() as patch:
        for name, module in {**names, "micropython": micropython}.items():
            patch.setitem(sys.modules, name, module)
        for path, source in modules.items():
            name = path.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
            exec(compile(source, path, "exec"), names[name].__dict__)
            parent, _, last = name.rpartition(".")
            if parent:
                setattr(names[parent], last, names[name])
        return names["pack.sub.child"].__dict__["Child"](5).total()


PACKAGE = {
    "pack/__init__.py": b"",
    "pack/ports.py": PORTS,
    "pack/part.py": PART,
    "pack/sub/__init__.py": b"",
    "pack/sub/child.py": CHILD,
}


def test_what_it_does_stays_and_the_names_go() -> None:
    small = compact(PACKAGE)
    expected = [3, 9, 9, ("a", "b"), ("a", "b"), 14, "pack.part", 3]
    assert run(PACKAGE) == expected
    assert run(small) == expected
    text = b"\n".join(small.values())
    assert not re.search(rb"_held_for_long|_sum\b|_first|seam\.LEFT|import LEFT|\bRIGHT\b", text)
    assert b"from .ports import NAMES, both" in small["pack/part.py"]
    assert b"__name__" in text
    assert b"__init__" in text


def test_classes_that_inherit_across_modules_keep_their_names_apart() -> None:
    base = b"class Base:\n    def __init__(self):\n        self._base_value = 1\n"
    heir = b"""
from .base import Base
class Heir(Base):
    def __init__(self):
        super().__init__()
        self._own_value = 2
"""
    small = compact({"p/base.py": base, "p/heir.py": heir, "p/other.py": b"class Other:\n    _third_value = 3\n"})
    private = {path: set(re.findall(rb"\b_[a-zA-Z]+\b", source)) - {b"__init__"} for path, source in small.items()}
    assert not private["p/base.py"] & private["p/heir.py"]
    assert private["p/other.py"] & (private["p/base.py"] | private["p/heir.py"])


def test_an_import_of_nothing_but_constants_goes_whole() -> None:
    small = compact({"p/a.py": b"ONE = const(1)\n", "p/b.py": b"from .a import ONE\nprint(ONE)\n"})
    assert small["p/b.py"] == b"print(1)"


@pytest.mark.parametrize(
    "source",
    [
        b"ONE = const(1)\nONE = const(2)\n",
        b"from .a import ONE\ndef f():\n    ONE = 3\n    return ONE\n",
        b"ONE = const(1)\ndef f():\n    for ONE in (1, 2):\n        print(ONE)\n",
        b"from .a import ONE\ndef f(ONE):\n    return ONE\n",
        b"from .a import ONE\ndef ONE():\n    return 1\n",
    ],
)
def test_a_constant_that_is_something_else_too_is_refused(source: bytes) -> None:
    with pytest.raises(FlashError, match=r"p/b\.py: ONE is a constant and is assigned elsewhere too"):
        compact({"p/a.py": b"ONE = const(1)\n", "p/b.py": source})


@pytest.mark.parametrize("statement", ["global", "nonlocal"])
def test_a_statement_whose_names_are_not_shortened_is_refused(statement: str) -> None:
    source = f"def f():\n    _total = 0\n    def g():\n        {statement} _total\n        _total = 1\n    g()\n"
    with pytest.raises(FlashError, match=r"p/a\.py: line 4: has a global or nonlocal statement"):
        compact({"p/a.py": source.encode()})


def test_a_module_whose_name_is_bound_again_is_refused() -> None:
    with pytest.raises(FlashError, match=r"p/b\.py: a is an imported module and is assigned elsewhere too"):
        compact({"p/a.py": b"A = const(3)\n", "p/b.py": b"from . import a\ndef f(a):\n    return a.A\n"})


def test_a_constant_that_can_not_be_hidden_is_refused() -> None:
    with pytest.raises(FlashError, match=r"p/a\.py: _ONE is a constant and is assigned elsewhere too"):
        compact({"p/a.py": b"ONE = const(1)\n_ONE = [2]\n"})


def test_what_is_not_python_is_refused_with_its_line() -> None:
    with pytest.raises(FlashError, match=r"p/a\.py is not Python: line 2"):
        compact({"p/a.py": b"x = 1\ny = = 2\n"})


def test_short_names_are_private_different_and_no_words_of_the_language() -> None:
    names = list(itertools.islice(_short_names(), 2000))
    assert len(set(names)) == 2000
    assert not any(keyword.iskeyword(name) or name.startswith("__") for name in names)
    assert all(name.startswith("_") and name.isidentifier() for name in names)


def test_the_firmware_keeps_no_private_name_of_more_than_three_letters_and_shrinks() -> None:
    small = compact(sources())
    assert small.keys() == sources().keys()
    assert compact(sources()) == small
    names = {name for source in small.values() for node in ast.walk(ast.parse(source)) for _, name in _private(node)}
    assert 40 < len(names) < 100
    assert max(map(len, names)) <= 3
    some = ("dsc_firmware/app.py", "dsc_firmware/card.py", "dsc_firmware/link.py")
    before, after = (sum(len(compile_module(path, those[path])) for path in some) for those in (sources(), small))
    assert after < 0.95 * before
