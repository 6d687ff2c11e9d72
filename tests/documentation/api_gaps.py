"""Counts gaps in the reference of `dsc_host` and `dsc_simulator`: `python -m tests.documentation.api_gaps`.

Every public name has a docstring, and a class an example. A docstring names each argument, what is returned, and each error
that the function itself raises. Each attribute has a text of its own, or one in the class's docstring. Every name is on a page.
"""

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.checkout import ROOT

PACKAGES = {"dsc_host": "host.md", "dsc_simulator": "simulator.md"}
_FOLDER = ROOT / "docs/reference/api"
_OWN = frozenset({"self", "cls"})


def gaps() -> Iterator[str]:
    """Yield a line for each gap in the reference of both packages."""
    for package, page in PACKAGES.items():
        shown = re.findall(r"^::: (\S+)$", (_FOLDER / page).read_text(encoding="utf-8"), re.MULTILINE)
        module = importlib.import_module(package)
        names = {f"{package}.{name}" for name in module.__all__}
        yield from (f"{name}: is not on the page {page}" for name in sorted(names - set(shown)))
        yield from (f"{name}: is on the page {page}, and there is no such name" for name in sorted(set(shown) - names))
        for name in module.__all__:
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                yield from gaps_of(_node(thing), f"{package}.{name}")


def gaps_of(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> Iterator[str]:
    """Yield a line for each gap in the documentation of a class or function."""
    if isinstance(node, ast.ClassDef):
        yield from _gaps_of_class(node, name)
    else:
        yield from _gaps_of_function(node, name, "")


def _node(thing: type | object) -> ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef:
    """Return the syntax tree of a class or function."""
    tree = _parsed(Path(inspect.getsourcefile(thing) or ""))  # type: ignore[arg-type]
    wanted = thing.__name__  # type: ignore[union-attr]
    return next(
        each
        for each in tree.body
        if isinstance(each, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and each.name == wanted
    )


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _gaps_of_class(node: ast.ClassDef, name: str) -> Iterator[str]:
    text = ast.get_docstring(node) or ""
    if not text:
        yield f"{name}: no docstring"
    if ">>> " not in text:
        yield f"{name}: no example"
    for position, each in enumerate(node.body):
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
            if each.name == "__init__":
                yield from _gaps_of_function(each, f"{name}.__init__", text, needs_text=False)
            elif not each.name.startswith("_"):
                yield from _gaps_of_function(each, f"{name}.{each.name}", "")
            continue
        for attribute in _names(each):
            after = node.body[position + 1] if position + 1 < len(node.body) else None
            if not (_is_text(after) or _says(text, attribute)):
                yield f"{name}.{attribute}: no text"


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.AnnAssign):
        targets: list[ast.expr] = [node.target]
    else:
        targets = node.targets if isinstance(node, ast.Assign) else []
    return [each.id for each in targets if isinstance(each, ast.Name) and not each.id.startswith("_")]


def _is_text(node: ast.stmt | None) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _says(text: str, name: str) -> bool:
    """Return whether a docstring has a name in backticks, or as an entry of a section."""
    return re.search(rf"`{name}[`.(=\[]|^ *\*{{0,2}}{name}(?: \(.*\))?:", text, re.MULTILINE) is not None


def _gaps_of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, name: str, more: str, *, needs_text: bool = True
) -> Iterator[str]:
    own = ast.get_docstring(node) or ""
    text = f"{own}\n{more}"
    if needs_text and not own:
        yield f"{name}: no docstring"
    arguments = node.args
    for argument in (
        *arguments.posonlyargs,
        *arguments.args,
        *arguments.kwonlyargs,
        *filter(None, (arguments.vararg, arguments.kwarg)),
    ):
        if argument.arg not in _OWN and not _says(text, argument.arg):
            yield f"{name}: says nothing of {argument.arg}"
    decorators = {ast.unparse(each) for each in node.decorator_list}
    is_property = any("property" in each for each in decorators)
    returns = ast.unparse(node.returns) if node.returns else "None"
    if not is_property and returns != "None" and not re.search(r"\b(?:return|yield)", text, re.IGNORECASE):
        yield f"{name}: does not say what it returns"
    for error in sorted(_raised(node)):
        if error not in text:
            yield f"{name}: does not say that it raises {error}"


def _raised(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        error = each.exc.func if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call) else None
        if isinstance(error, ast.Name) and error.id[0].isupper():
            yield error.id


def main() -> int:
    """Print the gaps and their number. Return the exit code."""
    found = list(gaps())
    print("\n".join([*found, f"{len(found)} gaps in the reference of {' and '.join(PACKAGES)}"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
