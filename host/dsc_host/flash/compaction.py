"""Compaction of the firmware's modules for boards with little memory. The modules behave as before.

Each use of a constant of another module is replaced by the constant's value. Each name that begins with one underscore is
replaced by a shorter name, because no code outside the firmware uses it. The compiler for boards can do neither, because it
sees one module at a time. The same sources always give the same result.
"""

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from string import ascii_letters
from typing import Any

from dsc_host.flash.errors import FlashError

# The fields of Python's syntax trees that hold one name. `global` and `nonlocal` hold lists of names, and are refused.
_NAME_FIELDS = ("id", "attr", "arg", "name", "asname")


def compact(sources: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the compacted source of each module of a package, by its path. `sources` has the sources, by their path.

    Raises FlashError if a module is not Python, if it binds the name of a constant or of an imported module again, or if it
    has a `global` or `nonlocal` statement, in which names cannot be replaced.
    """
    trees = {path: _parse(path, source) for path, source in sources.items()}
    constants = {path: _constants(tree) for path, tree in trees.items()}
    for path, tree in trees.items():
        _Folding(path, constants).fold(tree)
    _shorten(trees)
    return {path: ast.unparse(ast.fix_missing_locations(tree)).encode() for path, tree in trees.items()}


def _parse(path: str, source: bytes) -> ast.Module:
    try:
        tree = ast.parse(source, path)
    except SyntaxError as error:
        raise FlashError(f"{path} is not Python: line {error.lineno}: {error.msg}") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Global | ast.Nonlocal):
            raise FlashError(f"{path}: line {node.lineno}: has a global or nonlocal statement, whose names cannot be shortened")
    return tree


def _constants(tree: ast.Module) -> dict[str, Any]:
    """Return the values of the module's `NAME = const(value)` assignments."""
    found: dict[str, Any] = {}
    for statement in tree.body:
        match statement:
            case ast.Assign([ast.Name(name)], ast.Call(ast.Name("const"), [value])):
                expression = compile(ast.Expression(value), name, "eval")
                found[name] = eval(expression, {"__builtins__": {}}, dict(found))  # noqa: S307 - the firmware's own source
    return found


class _Folding(ast.NodeTransformer):
    """A transformer of one module, which replaces the constants of other modules by their values.

    The transformer also gives the module's own constants names with an underscore. For such constants, the compiler for boards
    stores no global variable.
    """

    def __init__(self, path: str, constants: Mapping[str, Mapping[str, Any]]) -> None:
        self._path = path
        self._constants = constants
        self._own = {name: f"_{name.lstrip('_')}" for name in constants[path]}
        self._values: dict[str, Any] = {}
        self._modules: dict[str, Mapping[str, Any]] = {}

    def fold(self, tree: ast.Module) -> None:
        """Replace the constants of the module in place. Raise FlashError if a name of a constant or module is bound again."""
        bound = Counter(_bound(tree))
        for statement in tree.body:
            if isinstance(statement, ast.ImportFrom) and statement.level:
                statement.names = [alias for alias in statement.names if not self._imported(statement, alias)]
        tree.body = [each for each in tree.body if not isinstance(each, ast.ImportFrom) or each.names]
        for name in {*self._own, *self._own.values(), *self._values}:
            if bound[name] > (name in self._own):
                raise FlashError(f"{self._path}: {name} is a constant and is assigned elsewhere too")
        for name in self._modules:
            if bound[name]:
                raise FlashError(f"{self._path}: {name} is an imported module and is assigned elsewhere too")
        self.visit(tree)

    def _imported(self, statement: ast.ImportFrom, alias: ast.alias) -> bool:
        """Note what a relative import binds to a name. Return whether that is a constant, whose import can be removed."""
        module = _module(self._path, statement)
        name = alias.asname or alias.name
        inside = self._constants.get(f"{module}.py", {})
        if alias.name in inside:
            self._values[name] = inside[alias.name]
            return True
        if f"{module}/{alias.name}.py" in self._constants:
            self._modules[name] = self._constants[f"{module}/{alias.name}.py"]
        return False

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replace the constant of another module by its value, and rename a constant of this module to its private name."""
        if node.id in self._values:
            return ast.Constant(self._values[node.id])
        return ast.Name(self._own.get(node.id, node.id), node.ctx)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        """Replace a constant of an imported module by its value."""
        match node.value:
            case ast.Name(module) if node.attr in self._modules.get(module, {}):
                return ast.Constant(self._modules[module][node.attr])
        return self.generic_visit(node)


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield the names that assignments, parameters, functions and classes bind, once for each binding."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(name, ast.Store()) | ast.arg(name) | ast.FunctionDef(name) | ast.ClassDef(name):
                yield name


def _shorten(trees: Mapping[str, ast.Module]) -> None:
    """Replace every private name by a short name, in place. The most frequent names get the shortest names.

    A family is a set of modules whose classes inherit from each other. Different families may use the same short name for
    different names. A name that occurs in several families gets one short name in all of them: fewer names need less memory.
    """
    families = _families(trees)
    members = {family: [trees[path] for path in trees if families[path] == family] for family in sorted(set(families.values()))}
    seen = {
        family: Counter(name for tree in some for node in ast.walk(tree) for _, name in _private(node))
        for family, some in members.items()
    }
    spread = Counter(name for names in seen.values() for name in names)
    common = {name for name, count in spread.items() if count > 1}
    total = sum(seen.values(), Counter[str]())
    names = _short_names()
    shared = {name: next(names) for name in _by_frequency(total) if name in common}
    taken = set(shared.values())
    for family, some in members.items():
        own = (name for name in _by_frequency(seen[family]) if name not in common)
        free = (name for name in _short_names() if name not in taken)
        short = {**shared, **dict(zip(own, free, strict=False))}
        for tree in some:
            _rename(tree, short)


def _families(trees: Mapping[str, ast.Module]) -> dict[str, str]:
    """Return the family of each module, named by one of the family's modules.

    Two modules are in one family if a class of one inherits from a class of the other, directly or through further modules.
    """
    family = {path: path for path in trees}
    for path, tree in trees.items():
        origin = _origins(path, tree)
        bases = {
            base.id
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            for base in node.bases
            if isinstance(base, ast.Name)
        }
        for parent in {origin[base] for base in bases if base in origin} & trees.keys():
            old, new = family[path], family[parent]
            family = {each: new if its == old else its for each, its in family.items()}
    return family


def _origins(path: str, tree: ast.Module) -> dict[str, str]:
    """Return, for each name in a relative import, the path of the module that the name is imported from."""
    return {
        alias.asname or alias.name: f"{_module(path, statement)}.py"
        for statement in ast.walk(tree)
        if isinstance(statement, ast.ImportFrom) and statement.level
        for alias in statement.names
    }


def _module(path: str, statement: ast.ImportFrom) -> str:
    """Return the path, without `.py`, of an imported module. `path` is the path of the module with the import `statement`."""
    folder = path.split("/")[: -statement.level]
    return "/".join([*folder, *(statement.module.split(".") if statement.module else [])])


def _by_frequency(names: Counter[str]) -> list[str]:
    return sorted(names, key=lambda name: (-names[name], name))


def _rename(tree: ast.Module, short: Mapping[str, str]) -> None:
    for node in ast.walk(tree):
        for field, name in _private(node):
            setattr(node, field, short[name])


def _private(node: ast.AST) -> Iterator[tuple[str, str]]:
    for field in _NAME_FIELDS:
        name = getattr(node, field, None)
        if isinstance(name, str) and len(name) > 1 and name.startswith("_") and not name.startswith("__"):
            yield field, name


def _short_names() -> Iterator[str]:
    yield from (f"_{letter}" for letter in ascii_letters)
    yield from (f"_{first}{second}" for first in ascii_letters for second in ascii_letters)
