"""The table of procedures in docs/reference/login.md: everything that it names exists."""

import ast
import re
from functools import cache

import pytest
from tests.checkout import ROOT

from dsc_host.login import LoginSystem, Policy
from dsc_host.login.service.guarded_forms import Proofs
from dsc_host.login.service.operator import Operator
from dsc_host.login.service.phone_app import Phones
from dsc_host.login.service.staff import Staff
from dsc_host.login.service.statements import Statements
from dsc_host.portal.app import GET, POST
from dsc_host.portal.demo import pages as demo_pages

PAGE = (ROOT / "docs" / "reference" / "login.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if re.search(r"`test_\w+` \|$", line)
]
OWNERS = {"staff": Staff, "phones": Phones, "operator": Operator, "proofs": Proofs, "statements": Statements}
OF_ALL_PAGES = (
    "test_looks.py",
    "test_budgets.py",
    "test_components.py",
    "test_other_sites.py",
    "test_stories.py",
    "test_failed_answers.py",
    "test_double_click.py",
    "test_openid.py",
)
"""The files with walks that are about all pages, other programs or the demonstration, not about a procedure."""


@cache
def functions(*folders: str, only: tuple[str, ...] = ("test_*.py",)) -> frozenset[str]:
    """Return the names of the tests in these folders, without their subfolders."""
    files = [file for folder in folders for each in only for file in (ROOT / "tests" / "host" / folder).glob(each)]
    return frozenset(
        node.name for file in files for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    )  # fmt: skip


def names(cell: str) -> list[str]:
    return [name.partition("(")[0] for name in re.findall("`([^`]+)`", cell)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_the_page_the_call_and_the_test_of_each_procedure_are_there(row: list[str]) -> None:
    _, pages, calls, tests = row
    assert set(names(pages)) <= {*GET, *POST, *demo_pages.GET}
    assert set(names(tests)) <= functions("portal/chromium", "portal", "login")
    assert set(names(tests)) & functions("portal/chromium"), "it is walked"
    for call in names(calls):
        owner, _, method = call.rpartition(".")
        assert callable(getattr(OWNERS.get(owner, LoginSystem), method)), call


def test_every_walk_of_a_procedure_is_in_the_table() -> None:
    walked = {name for name in functions("portal/chromium") if name.startswith("test_")}
    named = {name for row in ROWS for name in names(row[3])}
    assert len(ROWS) > 30
    assert walked - named == {name for name in functions("portal/chromium", only=OF_ALL_PAGES) if name.startswith("test_")}


def test_the_figures_of_the_levels_are_the_policys() -> None:
    shown = re.findall(r"^\| ([^|]+) \| ([0-9,]+) USD \| ([0-9,]+) USD \|", PAGE, re.MULTILINE)
    assert len(shown) == 5
    kinds = ("digital_card", "phone_app", "code_card", "sms", "none")
    levels = {str(level.kind): level for level in Policy.default().levels}
    for (_, day, five), kind in zip(shown, kinds, strict=True):
        assert (int(day.replace(",", "")), int(five.replace(",", ""))) == (levels[kind].per_day, levels[kind].per_five_days)
