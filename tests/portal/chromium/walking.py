"""Somebody at a real browser, who knows only what a page shows: labels, buttons, and what is to be read off.

Every page that they come to is examined by axe-core, once for each state that it is in, unless JavaScript is off.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page
from tests.login.letters import newest_code

from dsc_host.portal.demonstration import PIN, SESAME, Demonstration

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
CARD = "Digital Security Card+"
Contexts = Callable[..., BrowserContext]


@dataclass
class Walk:
    """One person's tab."""

    shown: Demonstration
    address: str
    contexts: Contexts
    page: Page
    pictures: Path | None = None
    scripts: bool = True
    examined: set[str] = field(default_factory=set)

    # ---- what a person does ----

    def open(self, path: str) -> "Walk":
        self.page.goto(self.address + path)
        return self._arrived()

    def press(self, button: str, about: str = "", **fields: str) -> "Walk":
        """Fill in the form that has this button, by its labels (`User_name` is *User name*), and press it."""
        pressed = self.button(button, about)
        form = self.page.locator("form", has=pressed)
        for label, value in fields.items():
            one = form.get_by_label(label.replace("_", " "), exact=True)
            if one.get_attribute("type") == "checkbox":
                one.check()
            else:
                one.fill(value)
        with self.page.expect_navigation():
            pressed.click()
        return self._arrived()

    def choose(self, label: str, button: str = "Continue", **fields: str) -> "Walk":
        """Pick one of several, fill in the rest, and go on."""
        self.page.get_by_label(label, exact=True).check()
        return self.press(button, **fields)

    def follow(self, link: str) -> "Walk":
        with self.page.expect_navigation():
            self.page.get_by_role("link", name=link, exact=True).click()
        return self._arrived()

    def click_drawn(self, *keys: str) -> "Walk":
        """Press keys of the card that is drawn on the page, each where the drawing has it."""
        picture = self.page.locator(".card img")
        picture.scroll_into_view_if_needed()
        card = picture.bounding_box()
        assert card is not None
        for name in keys:
            key = self.shown.cards["anna"].keys[name]
            self.page.mouse.click(
                card["x"] + card["width"] * (key.left + key.width / 2) / 100,
                card["y"] + card["height"] * (key.top + key.height / 2) / 100,
            )
        return self

    def button(self, button: str, about: str = "") -> Locator:
        name = f"{button}: {about}" if about else button
        return self.page.get_by_role("button", name=name, exact=True)

    # ---- what they see ----

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.address)

    @property
    def title(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def state(self) -> str:
        """What tells this page from others, and from itself with other things on it."""
        count = self.page.evaluate(
            "['form', 'table', 'dl', 'output', '.error', '.notice'].map((e) => document.querySelectorAll(e).length)"
        )
        return f"{self.title} {self.path} {count}"

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    @property
    def notice(self) -> str:
        return self.page.get_by_role("status").first.inner_text()

    @property
    def notice_or_none(self) -> str | None:
        return self.notice if self.page.get_by_role("status").count() else None

    @property
    def error(self) -> str:
        return self.page.get_by_role("alert").inner_text()

    @property
    def read(self) -> str:
        """The challenge, the number, the code that the page shows."""
        shown = self.page.locator(".shown output")
        assert shown.count() == 1, self.text
        return shown.inner_text()

    @property
    def source(self) -> str:
        """The page's HTML, without its tokens and ids: in those, four digits stand by chance."""
        return re.sub("[0-9a-f]{16,}", "", self.page.content())

    @property
    def display(self) -> Locator:
        """What the card on the page shows, in words."""
        return self.page.locator(".card output")

    @property
    def card_here(self) -> str:
        """Whose card lies beside the form."""
        return self.page.locator(".beside .card h2").inner_text()

    @property
    def codes(self) -> list[str]:
        """Of a sheet."""
        return [re.sub(r"^\d+\s+", "", each.strip()) for each in self.page.locator(".sheet li").all_inner_texts()]

    def picture(self, name: str) -> None:
        """Keep how it looks, if pictures were asked for."""
        if self.pictures is not None:
            self.page.screenshot(path=self.pictures / f"{name}.png", full_page=True, animations="disabled", caret="hide")

    def _arrived(self) -> "Walk":
        if self.scripts and self.state not in self.examined:
            self.examined.add(self.state)
            found = Axe().run(self.page, options=RULES)
            assert found.violations_count == 0, f"{self.path}: {found.generate_report()}"
        return self

    # ---- other people, and things at hand ----

    def another(self, **options: object) -> "Walk":
        """Somebody else, at a browser of their own."""
        page = self.contexts(**options).new_page()
        scripts = bool(options.get("java_script_enabled", True))
        return Walk(self.shown, self.address, self.contexts, page, self.pictures, scripts, self.examined)

    def tab(self) -> "Walk":
        """A second tab of the same browser."""
        page = self.page.context.new_page()
        return Walk(self.shown, self.address, self.contexts, page, self.pictures, self.scripts, self.examined)

    def card(self, name: str, question: str, pin: str = PIN) -> str:
        """What somebody's card shows, by its keys."""
        card = self.shown.cards[name]
        for key in ("PRESS", *pin, "OK", *question, "OK"):
            card.press(key)
        response = card.display
        assert re.fullmatch(r"\d{8}", response), response
        card.press("PRESS")
        assert card.display == "", "it is switched off"
        return response

    def sent(self, channel: str) -> str:
        """Deliver what waits; return the code in the newest message of a channel."""
        self.shown.system.deliver()
        return newest_code(self.shown.letters, channel)

    def told(self, name: str) -> list[str]:
        """Deliver what waits; return the templates of this user's email."""
        self.shown.system.deliver()
        return [letter.template for letter in self.shown.letters if letter.address == f"{name}@example.com"]

    # ---- what many walks begin with ----

    def begin(self, name: str) -> "Walk":
        """Name and password."""
        return self.open("/login").press("Continue", User_name=name, Password=SESAME)

    def enter(self, name: str, pin: str = PIN) -> "Walk":
        """Log in with one's card."""
        self.begin(name)
        if self.title == "Choose a device":
            self.choose(CARD)
        self.press("Log in", Response=self.card(name, self.read, pin))
        assert self.path == "/", self.text
        return self

    def enter_by_sms(self, name: str) -> "Walk":
        self.begin(name).choose("Code by SMS").press("Log in", Code=self.sent("sms"))
        assert self.path == "/", self.text
        return self

    def out(self) -> "Walk":
        return self.press("Log out")


def look_up(codes: list[str], indexes: str) -> str:
    """Return the codes at the index numbers that a page shows."""
    return " ".join(codes[int(index) - 1] for index in indexes.split() if index.isdigit())
