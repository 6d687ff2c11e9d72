"""Every sentence that a page may show, collected from the code, so that none is left without a translation."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import dsc_host

_HOST = Path(dsc_host.__file__).parent
_TABLES = {
    "KINDS", "TITLES", "INSTRUCTIONS", "ANSWERS", "STATES", "ORDERS", "SHARES", "SCOPES", "LOSSES", "RESTRICTIONS", "PEOPLE",
    "GONE", "FUNDING_METHODS", "FUNDING_HINTS", "FUNDING_ARRIVALS",
    "_FIELDS", "_NOTICES", "_REJECTIONS", "HOLDS", "ROLES", "DOCUMENTS", "LOSS_HINTS", "WAITS", "STOPS", "EVENTS",
    "_WEAK", "_PROBLEMS", "PROOFS", "words", "labels",
}  # fmt: skip
_WORDS = {"words", "_REFUSAL", "_FIND_CODES", "_CODE_SENT", "_OLD_CARD", "TOO_MANY_CODES"}
_REFUSALS = {"LoginError", "NotAllowed", "NotFound", "NotNow", "LessSecureDevice", "DifferentIdentity", "TemporaryDevice"}
_STORIES = {"Story", "Person", "Step"}
"""The classes whose arguments are sentences, if they have a blank."""
_NOT_ON_PAGES = {
    "login/policy/model.py", "login/policy/field_values.py", "portal/phone_api.py", "phone/encoding.py", "phone/http_client.py"
}  # fmt: skip
"""The modules whose refusals only commands and apps show."""


def sentences() -> dict[str, str]:
    """Return each sentence with the file that has it."""
    found: dict[str, str] = {}
    for folder in ("portal", "login", "phone"):
        for file in sorted((_HOST / folder).rglob("*.py")):
            name = file.relative_to(_HOST).as_posix()
            if name not in _NOT_ON_PAGES:
                found |= dict.fromkeys(_of_module(ast.parse(file.read_text())), name)
    for file in sorted((_HOST / "portal" / "templates").iterdir()):
        found |= dict.fromkeys(_of_template(file.read_text()), f"portal/templates/{file.name}")
    return {sentence: where for sentence, where in found.items() if re.search("[A-Za-z]", sentence)}


def _of_template(text: str) -> Iterator[str]:
    yield from (one or other for one, other in re.findall(r"""_\((?:"([^"]*)"|'([^']*)')""", text))


def _of_module(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            yield from _of_value(getattr(target, "id", ""), node.value)


def _of_call(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    if name == "_" or name in _REFUSALS:
        yield from _texts(call.args[0]) if call.args else ()
    elif name in _STORIES:
        for each in (*call.args, *(keyword.value for keyword in call.keywords if keyword.arg in ("title", "summary"))):
            yield from (text for text in _texts(each) if " " in text)
    elif name == "__init__" and len(call.args) == 1 and isinstance(call.args[0], ast.Constant):
        yield from _texts(call.args[0])
    elif name == "InputError" and getattr(call.args[0], "value", "") != "file":
        assert not isinstance(call.args[1], ast.JoinedStr), f"its values belong beside it: {ast.unparse(call)}"
        yield from _texts(call.args[1])


def _of_value(name: str, value: ast.expr) -> Iterator[str]:
    if name in _TABLES and isinstance(value, ast.Dict):
        for each in value.values:
            yield from _texts(each)
    elif name in _WORDS:
        yield from _texts(value)


def _texts(value: ast.expr) -> Iterator[str]:
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.Tuple):
        for each in value.elts:
            yield from _texts(each)
    elif isinstance(value, ast.IfExp):
        yield from _texts(value.body)
        yield from _texts(value.orelse)
