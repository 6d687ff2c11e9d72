"""The languages of the walks in Chromium: each has one that depends on its name only, unless some are asked for."""

import ast
from argparse import ArgumentTypeError
from pathlib import Path

import pytest
from tests.host.portal.chromium import walk_languages
from tests.host.portal.chromium.examined import Examined

from dsc_host.portal.languages import NAMES

WALKS = [
    node.name
    for file in sorted((Path(__file__).parent / "chromium").glob("test_*.py"))
    for node in ast.parse(file.read_text(encoding="utf-8")).body
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
]


def test_each_language_has_a_fair_part_of_the_walks() -> None:
    languages = [walk_languages.rotated(name) for name in WALKS]
    assert {code: languages.count(code) >= len(WALKS) / 6 for code in NAMES} == dict.fromkeys(NAMES, True)


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
