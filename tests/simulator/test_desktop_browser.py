"""The desktop program in Chromium: its page fills the window, and its keys obey the mouse and a finger."""

import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

pytest.importorskip("textual_serve")
pytest.importorskip("playwright.sync_api")

from playwright import sync_api
from tests import chromium_program
from tests.simulator import desktop_terminal

_PATIENCE_MS = 60_000
# The middle of PRESS, in columns and rows, in both layouts.
_PRESS = (6, 10.5)
_SHARE = 0.95
# The page is "interactive" before its deferred script runs. A fast card replaces the words soon afterwards.
_KEEP_FIRST_WORDS = """
document.addEventListener("readystatechange", () => { globalThis.firstWords ??= document.body.innerText; });
"""

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(chromium_program.PATH is None, reason=chromium_program.MISSING),
]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    serving = subprocess.Popen(
        desktop_terminal.command("--web", "--temporary", "--web-port", str(port)),
        env=desktop_terminal.environment(tmp_path),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert serving.stderr is not None
        assert "The card is at" in serving.stderr.readline()
        yield f"http://127.0.0.1:{port}/"
    finally:
        serving.terminate()
        serving.communicate()


class Page:
    """One page of the card, and what its socket has received."""

    def __init__(self, context: Any, address: str) -> None:
        self.received = b""
        self.page = context.new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on("websocket", self._watch)
        self.page.add_init_script(_KEEP_FIRST_WORDS)
        # A quick machine has the page before its script opens the socket.
        with self.page.expect_websocket(timeout=_PATIENCE_MS):
            self.page.goto(address, wait_until="domcontentloaded")
        self.first_words = self.page.evaluate("firstWords")
        # The last word of the legend of the keys.
        self.wait_for(b"Quit")
        self.screen = self.page.locator(".xterm-screen").bounding_box()

    def _watch(self, opened: Any) -> None:
        size = parse_qs(urlsplit(opened.url).query)
        self.columns, self.rows = int(size["width"][0]), int(size["height"][0])
        self._socket = opened
        opened.on("framereceived", lambda data: self._receive(data))

    def _receive(self, data: bytes | str) -> None:
        self.received += data if isinstance(data, bytes) else b""

    def wait_for(self, words: bytes) -> None:
        """Wait until the program has drawn these words since the last call."""
        while words not in self.received:
            self._socket.wait_for_event("framereceived", timeout=_PATIENCE_MS)
        self.received = b""

    @property
    def press(self) -> tuple[float, float]:
        box = self.screen
        return box["x"] + _PRESS[0] * box["width"] / self.columns, box["y"] + _PRESS[1] * box["height"] / self.rows


def walk(address: str, width: int, height: int, *, touch: bool) -> None:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_program.PATH, args=["--no-sandbox", "--disable-background-networking"]
        )
        context = browser.new_context(viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch)
        card = Page(context, address)
        assert "The card is starting." in card.first_words
        assert "Backspace (C)" in card.first_words
        assert card.screen["width"] > _SHARE * width
        assert card.screen["height"] > _SHARE * height
        assert card.page.evaluate("document.documentElement.scrollWidth") == width
        assert (53 if touch else 80) <= card.columns < (80 if touch else 90)
        x, y = card.press
        if touch:
            fingers = context.new_cdp_session(card.page)
            fingers.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
        else:
            card.page.mouse.move(x, y)
            card.page.mouse.down()
        card.wait_for(b"NO KEY")
        if touch:
            fingers.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
            card.page.touchscreen.tap(x, y)
        else:
            card.page.mouse.up()
            card.page.mouse.click(x, y)
        card.wait_for(b"(off)")
        browser.close()


@pytest.mark.parametrize(("width", "height", "touch"), [(1280, 800, False), (375, 667, True)])
def test_the_page_fills_the_window_and_its_keys_can_be_held(address: str, width: int, height: int, touch: bool) -> None:
    # Playwright keeps an event loop running in its thread, where other tests could not run theirs.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(walk, address, width, height, touch=touch).result()
