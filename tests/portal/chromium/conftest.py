"""Fixtures: a demonstration of its own for each walk, served on loopback, and Debian's Chromium to walk it with."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright
from tests.portal.chromium.walking import Walk
from tests.portal.serving import served

from dsc_host.portal import application
from dsc_host.portal.demonstration import Demonstration

_CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
_FLAGS = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
_PATIENCE_MS = 20_000
"""For a busy machine; nothing waits that long by itself."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # For each module: Playwright keeps an event loop running, in which other modules' tests could not run theirs.
    if _CHROMIUM is None:
        pytest.skip("needs Chromium: apt install chromium, or name one in CHROMIUM")
    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def address(shown: Demonstration) -> Iterator[str]:
    """Where it is served."""
    with served(application(shown.system, secure=False, demonstration=shown)) as url:
        yield url


@pytest.fixture
def contexts(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Makes browsers, each with cookies of its own."""
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"viewport": {"width": 1000, "height": 720}, "locale": "en-GB", **options})
        context.set_default_timeout(_PATIENCE_MS)
        made.append(context)
        return context

    yield make
    for context in made:
        context.close()


@pytest.fixture
def walk(shown: Demonstration, address: str, contexts: Callable[..., BrowserContext], request: pytest.FixtureRequest) -> Walk:
    """Somebody who begins to walk."""
    folder = request.config.getoption("--pictures")
    pictures = Path(folder) if folder else None
    if pictures is not None:
        pictures.mkdir(parents=True, exist_ok=True)
    return Walk(shown, address, contexts, contexts().new_page(), pictures)
