"""The documentation as a site, opened from its files: it loads nothing from elsewhere, can be searched, and is accessible."""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("zensical")
pytest.importorskip("playwright.sync_api")

from playwright import sync_api
from tests import chromium_program
from tests.checkout import ROOT

fcntl = pytest.importorskip("fcntl")
SITE = ROOT / "build" / "site"
_PATIENCE_MS = 60_000
# Pages with a table, code, a picture and a signature among them.
SHOWN = ("tutorials/flask", "how-to/board", "reference/api/simulator")

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(chromium_program.PATH is None, reason=chromium_program.MISSING),
]


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Build the site once in a run, whose processes share its folder."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    with Path(tempfile.gettempdir(), f"dsc-site-{run[:12]}").open("a") as done:
        fcntl.flock(done, fcntl.LOCK_EX)
        if not os.fstat(done.fileno()).st_size:
            subprocess.run([sys.executable, "-m", "zensical", "build", "--strict"], cwd=ROOT, check=True, capture_output=True)
            done.write("built")


class Addresses(HTMLParser):
    """Collects what a page loads, where its links to terms lead, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.terms: list[str] = []
        self.ids: set[str] = set()
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("script", "img", "iframe", "source") and "src" in values:
            self.loaded.append(values["src"])
        if tag == "link" and values.get("rel") in ("stylesheet", "icon", "preload", "modulepreload"):
            self.loaded.append(values["href"])
        if tag == "a" and values.get("class") == "term":
            self.terms.append(values["href"])
        self.ids |= {values["id"]} if "id" in values else set()


def test_a_page_loads_its_own_files_and_leads_to_the_glossary() -> None:
    linked = 0
    terms = Addresses(SITE / "reference/glossary.html").ids
    for page in SITE.rglob("*.html"):
        found = Addresses(page)
        assert [each for each in found.loaded if not each.startswith("data:") and "//" in each] == [], page
        for href in found.terms:
            path, _, anchor = href.partition("#")
            assert (page.parent / path).resolve() == SITE / "reference/glossary.html", page
            assert anchor in terms, f"{page}: {anchor}"
            linked += 1
    assert linked > 200


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_program.PATH, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield browser
        browser.close()


def opened(browser: Any, page: str, scheme: str = "light") -> tuple[Any, list[str]]:
    """Open a page of the site from its file. Return it, and the addresses elsewhere that it asks for."""
    shown, elsewhere = browser.new_page(color_scheme=scheme), []
    shown.set_default_timeout(_PATIENCE_MS)
    shown.on("request", lambda request: None if re.match("file:|data:|blob:", request.url) else elsewhere.append(request.url))
    shown.goto((SITE / f"{page}.html").as_uri())
    return shown, elsewhere


def test_the_search_finds_without_a_server(browser: Any) -> None:
    page, elsewhere = opened(browser, "explanation/pin")
    page.locator("button.md-search__button").click()
    box = page.get_by_role("combobox", name="Search")
    box.press_sequentially("decoy")
    page.get_by_role("option", name="0007: A serial without a card").first.wait_for()
    assert box.input_value() == "decoy"
    assert elsewhere == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SHOWN)
def test_the_contrast_of_a_page_is_enough(browser: Any, name: str, scheme: str) -> None:
    page, elsewhere = opened(browser, name, scheme)
    page.evaluate(files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8"))
    rules = {"runOnly": ["color-contrast", "image-alt", "heading-order", "html-has-lang", "link-name"]}
    violations = page.evaluate("(rules) => axe.run(document, rules).then((found) => found.violations)", rules)
    shown = [f"{each['id']}: {node['html'][:120]}" for each in violations for node in each["nodes"]]
    assert shown == []
    assert elsewhere == []
