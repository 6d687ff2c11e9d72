"""docs/reference/coverage.toml has every statement of the published documents, and what a row names exists."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.statements import STATEMENTS, Section, Statement, load, main, mistakes

DONE = Statement(
    "S001", "A rule.", "done", ("dsc_host.login.model.Kind",), ("tests/test_statements.py::test_no_row_has_a_mistake",)
)
OTHERS = tuple(replace(DONE, id=f"S{number:03}") for number in range(2, STATEMENTS + 1))


def found(*rows: Statement) -> list[str]:
    return list(mistakes((Section("All", (*rows, *OTHERS)),)))


def test_no_row_has_a_mistake() -> None:
    assert list(mistakes(load())) == []


@pytest.mark.parametrize(
    "place",
    [
        "dsc_firmware.card.Card._key_in_off",
        "dsc_host.login.model.Kind.SMS",
        "/login/answer",
        "policy.toml: sessions.pin",
        "policy.toml: levels.sms",
        "firmware/main.py",
    ],
)
def test_what_a_place_may_be(place: str) -> None:
    assert found(replace(DONE, places=(place,))) == []


@pytest.mark.parametrize(
    ("row", "mistake"),
    [
        (replace(DONE, id="S002"), "S002 occurs 2 times"),
        (replace(DONE, id="S211"), "S001 is missing"),
        (replace(DONE, id="S211"), "S211 is no statement"),
        (replace(DONE, places=("dsc_host.login.gone",)), "S001: dsc_host.login.gone is not there"),
        (replace(DONE, places=("dsc_host.login.model.Kind.gone",)), "S001: dsc_host.login.model.Kind.gone is not there"),
        (replace(DONE, places=("/gone",)), "S001: /gone is not there"),
        (replace(DONE, places=("policy.toml: sessions.gone",)), "S001: policy.toml: sessions.gone is not there"),
        (replace(DONE, places=("policy.toml: levels.gone",)), "S001: policy.toml: levels.gone is not there"),
        (replace(DONE, places=("docs/gone.md",)), "S001: docs/gone.md is not there"),
        (replace(DONE, tests=("tests/test_gone.py::test_it",)), "S001: tests/test_gone.py::test_it is not there"),
        (
            replace(DONE, tests=("tests/test_statements.py::test_gone",)),
            "S001: tests/test_statements.py::test_gone is not there",
        ),
        (replace(DONE, tests=("make gone",)), "S001: make gone is not there"),
        (replace(DONE, tests=()), "S001: what is done has a place and a test"),
        (replace(DONE, mark="good"), "S001: the mark must be one of done, partly, missing, otherwise, nothing, not good"),
        (replace(DONE, mark="otherwise", note="Why."), "S001: what is decided otherwise has a note, and a page to see"),
        (
            replace(DONE, mark="nothing", note="Why."),
            "S001: what no program could do has a note, and neither a place nor a test",
        ),
    ],
)
def test_a_mistake_is_named_with_its_statement(row: Statement, mistake: str) -> None:
    assert mistake in found(row)


def test_a_page_that_is_out_of_date_is_found_and_made_anew(tmp_path: Path) -> None:
    page = tmp_path / "coverage.md"
    assert main(["--check", str(page)]) == 1
    assert main([str(page)]) == 0
    assert main(["--check", str(page)]) == 0
