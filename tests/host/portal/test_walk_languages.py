"""The languages of the walks in Chromium: each walk has one, which depends only on its name, unless an option names others."""

import ast
from argparse import ArgumentTypeError
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.host.portal.chromium import walk_languages
from tests.host.portal.chromium.examined import Examined

from dsc_host.portal.languages import NAMES, load

MODULES = {file.name: ast.parse(file.read_text(encoding="utf-8")) for file in (Path(__file__).parent / "chromium").glob("*.py")}
WALKS = [
    node.name
    for name, module in MODULES.items()
    for node in module.body
    if name.startswith("test_") and isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]
_NAMING = {"_", "press", "follow", "choose", "field", "button"}
"""The methods of a walk whose first argument is a sentence of the portal."""
_KEYS = {"PRESS", "Tab", "Enter", "Space", "Backspace", "Escape", "p"}


def named(module: ast.Module) -> Iterator[str]:
    """Yield the sentences of the portal that a module of walks names."""
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in _NAMING and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and first.value not in _KEYS:
                yield str(first.value)
            if getattr(node.func, "attr", "") in ("press", "choose"):
                yield from (each.arg.replace("_", " ") for each in node.keywords if each.arg)


def test_each_language_has_a_fair_part_of_the_walks() -> None:
    languages = [walk_languages.rotated(name) for name in WALKS]
    assert {code: languages.count(code) >= len(WALKS) / 6 for code in NAMES} == dict.fromkeys(NAMES, True)


@pytest.mark.parametrize("name", MODULES)
def test_each_sentence_that_a_walk_names_is_on_a_page(name: str) -> None:
    russian = load()["ru"].words
    assert [sentence for sentence in named(MODULES[name]) if russian.gettext(sentence) == sentence] == []


def test_a_walk_has_the_same_language_in_every_run() -> None:
    assert walk_languages.rotated("test_a_request_is_taken_back") == "de"


def test_the_languages_that_are_asked_for() -> None:
    assert walk_languages.chosen("ru, en,ru") == ("ru", "en")


@pytest.mark.parametrize(("text", "wrong"), [("en,xx", "xx"), ("EN", "EN"), ("en;de", "en;de"), ("", "")])
def test_another_language_is_refused_with_those_that_there_are(text: str, wrong: str) -> None:
    with pytest.raises(ArgumentTypeError, match=f"^there is no '{wrong}'; the portal has en, de, ru$"):
        walk_languages.chosen(text)


def test_a_state_of_a_page_is_examined_once_by_all_processes(tmp_path: Path) -> None:
    one, other = Examined(tmp_path / "examined"), Examined(tmp_path / "examined")
    assert [one.is_new("/login"), other.is_new("/login"), other.is_new("/login error"), one.is_new("/login error")] == [
        True, False, True, False,
    ]  # fmt: skip
