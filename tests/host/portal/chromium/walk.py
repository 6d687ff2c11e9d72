"""A person at a real browser who knows only what a page shows: labels, buttons, and values to read.

A walk names what it presses and reads in English, as the code does, and finds it in the language of the walk.
axe-core examines every page of the walk, once for each of its states, unless JavaScript is off.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page
from tests.host.login.letters import newest_code
from tests.host.portal.chromium.examined import Examined
from tests.shown_pictures import DOCS, shown

from dsc_host.login import Kind, Step
from dsc_host.portal.demo.demonstration import DEMO_PASSWORD, PIN, Demonstration
from dsc_host.portal.languages import FALLBACK, Language, load
from dsc_host.portal.wording import notice_words

RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
CARD = "Digital Security Card+"
Pages = Callable[..., Page]
"""A function that returns a blank page of a browser with separate cookies. Its arguments are options of the browser."""
_EXAMINE = "(rules) => axe.run(document, rules).then((found) => found.violations)"
_STATE = """() => [location.pathname, ...new Set([...document.forms].map((each) => each.getAttribute("action"))),
    ...["form", "table", "dl", "output", ".error", ".notice"].map((each) => Math.min(2, document.querySelectorAll(each).length))
    ].join(" ")"""
"""A script that returns what distinguishes a page from others, and from itself with other contents, in any language."""


@cache
def axe() -> str:
    """Return the script of axe-core."""
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@dataclass
class Walk:
    """One person with one tab of a browser."""

    shown: Demonstration
    address: str
    pages: Pages
    page: Page
    language: Language
    examined: Examined
    pictures: Path | None = None
    scripts: bool = True

    def _(self, text: str, **values: object) -> str:
        """Return one of the portal's sentences in the language of the walk, with its values filled in."""
        # Each has a Russian translation that differs from it, so a misspelled one is noticed in an English walk too.
        assert load()["ru"].words.gettext(text) != text, f"no page says {text!r}"
        return self.language(text, **values)

    # ---- actions ----

    def open(self, path: str) -> "Walk":
        self.page.goto(self.address + path)
        return self._arrived()

    def press(self, button: str, about: str = "", **fields: str) -> "Walk":
        """Fill in the form that has this button, by its labels (`User_name` is *User name*; `yes` ticks), and press it."""
        pressed = self.button(button, about)
        form = self.page.locator("form", has=pressed)
        for label, value in fields.items():
            one = form.get_by_label(self._(label.replace("_", " ")), exact=True)
            if value == "yes":
                one.check()
            elif one.evaluate("field => field.tagName") == "SELECT":
                one.select_option(value)
            else:
                one.fill(value)
        with self.page.expect_navigation():
            pressed.click()
        return self._arrived()

    def press_with_codes(self, button: str, codes: list[str]) -> "Walk":
        """Fill in the codes at the index numbers that the page shows, each in its field, and press the button."""
        for index in self.read.split():
            self.page.get_by_label(self._("Code {number}", number=index), exact=True).fill(codes[int(index) - 1])
        return self.press(button)

    def field(self, label: str) -> Locator:
        """Return the field, or the option, with this label."""
        return self.page.get_by_label(self._(label), exact=True)

    def choose(self, option: str, button: str = "Continue", **fields: str) -> "Walk":
        """Choose one option, fill in the other fields, and press the button."""
        self.field(option).check()
        return self.press(button, **fields)

    def choose_user(self, name: str, button: str, **fields: str) -> "Walk":
        """Choose a user by name, fill in the other fields, and press the button."""
        self.page.get_by_label(name, exact=True).check()
        return self.press(button, **fields)

    def follow(self, link: str, about: str = "") -> "Walk":
        with self.page.expect_navigation():
            self.page.locator("main").get_by_role("link", name=self._name(link, about), exact=True).click()
        return self._arrived()

    def click_drawn(self, *keys: str) -> "Walk":
        """Press keys of the card that is drawn on the page, each at its drawn position."""
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
        return self.page.get_by_role("button", name=self._name(button, about), exact=True)

    def _name(self, label: str, about: str) -> str:
        """Return the name of a button or link of a row, which says after the label what it is about."""
        return f"{self._(label)}: {about}" if about else self._(label)

    # ---- what the page shows ----

    @property
    def path(self) -> str:
        return self.page.url.removeprefix(self.address)

    @property
    def title(self) -> str:
        return self.page.locator("h1").inner_text()

    @property
    def text(self) -> str:
        return self.page.locator("main").inner_text()

    @property
    def notice(self) -> str:
        return self.page.get_by_role("status").first.inner_text()

    def has_notice(self, key: str) -> bool:
        """Return whether the page shows the notice with this key of `wording`, with any values."""
        words = re.sub(r"\\\{\w+\\\}", ".+", re.escape(self.language(notice_words(key))))
        return re.fullmatch(words, self.notice) is not None

    @property
    def notice_or_none(self) -> str | None:
        return self.notice if self.page.get_by_role("status").count() else None

    @property
    def error(self) -> str:
        return self.page.get_by_role("alert").inner_text()

    @property
    def read(self) -> str:
        """Return the challenge, number or code that the page shows."""
        shown = self.page.locator(".shown output")
        assert shown.count() == 1, self.text
        return shown.inner_text()

    @property
    def source(self) -> str:
        """Return the page's HTML without its tokens and ids, which may contain any four digits by chance."""
        return re.sub("[0-9a-f]{16,}", "", self.page.content())

    @property
    def display(self) -> Locator:
        """Return the text of the display of the card on the page."""
        return self.page.locator(".card output")

    def has_card_of(self, name: str) -> bool:
        """Return whether the card of this user is beside the form."""
        return self.page.locator(".beside .card h2").inner_text() == self._("Card of {name}", name=name)

    def cards_row(self, serial: str) -> str:
        """Return how the list of devices names the card with this serial."""
        return f"{self._(CARD)} {serial}"

    @property
    def letter(self) -> str:
        """Return the code in the message beside the form."""
        found = re.search(r"(?<!\d)\d{6}(?!\d)", self.page.locator(".letter").inner_text())
        assert found is not None
        return found[0]

    @property
    def codes(self) -> list[str]:
        """Return the codes of a sheet."""
        return [re.sub(r"^\d+\s+", "", each.strip()) for each in self.page.locator(".sheet li").all_inner_texts()]

    def picture(self, name: str) -> None:
        """Take a picture of the page, if pictures were requested. Its name has the language, unless it is English."""
        if self.pictures is None:
            return
        code = "" if self.language.code == FALLBACK else f"-{self.language.code}"
        path = self.pictures / f"{name}{code}.png"
        # The documents' folder has only the pictures that they show.
        if self.pictures != DOCS / "pictures" or path in shown():
            taken = self.page.screenshot(full_page=True, animations="disabled", caret="hide")
            # The pages have few colors: with a palette of them, a picture has a third of its bytes.
            Image.open(BytesIO(taken)).convert("RGB").quantize(128).save(path, optimize=True)

    def _arrived(self) -> "Walk":
        assert self.page.locator(".primary").count() <= 1, f"{self.path} has several primary buttons"
        if self.scripts:
            self.examine()
        return self

    def examine(self, looks: str = "") -> None:
        """Have axe-core examine the page once in each of its states. `looks` names another way in which it is shown."""
        state = f"{self.page.evaluate(_STATE)} {looks}"
        if self.examined.is_new(state):
            self.page.evaluate(axe())
            found = self.page.evaluate(_EXAMINE, RULES)
            assert found == [], f"{state}: {json.dumps(found, indent=1)}"

    # ---- other people, and other devices ----

    def another(self, **options: object) -> "Walk":
        """Return another person, with a separate browser."""
        scripts = bool(options.get("java_script_enabled", True))
        return replace(self, page=self.pages(**options), scripts=scripts)

    def with_page(self, page: Page) -> "Walk":
        """Return the same person with another page of the browser."""
        return replace(self, page=page)

    def tab(self) -> "Walk":
        """Return a second tab of the same browser."""
        return replace(self, page=self.page.context.new_page())

    def card(self, name: str, question: str, pin: str = PIN) -> str:
        """Return the response of a user's card, entered with its keys."""
        card = self.shown.cards[name]
        for key in ("PRESS", *pin, "OK", *question, "OK"):
            card.press(key)
        response = card.display
        assert re.fullmatch(r"\d{8}", response), response
        card.press("PRESS")
        assert card.display == "", "it is switched off"
        return response

    def sent(self, channel: str) -> str:
        """Deliver the waiting messages, and return the code in the newest message on a channel."""
        self.shown.system.deliver()
        return newest_code(self.shown.letters, channel)

    def told(self, name: str) -> list[str]:
        """Deliver the waiting messages, and return the templates of this user's email."""
        self.shown.system.deliver()
        return [letter.template for letter in self.shown.letters if letter.address == f"{name}@example.com"]

    # ---- common beginnings of walks ----

    def begin(self, name: str) -> "Walk":
        """Enter name and password."""
        return self.open("/login").press("Continue", User_name=name, Password=DEMO_PASSWORD)

    def enter(self, name: str, pin: str = PIN) -> "Walk":
        """Log in by card without the pages of the login, which other walks cover."""
        return self._entered(name, Kind.DSC_PLUS, lambda shows: self.card(name, shows["challenge"], pin))

    def enter_by_sms(self, name: str) -> "Walk":
        return self._entered(name, Kind.SMS, lambda _: self.sent("sms"))

    def half_way(self, name: str, kind: Kind) -> Step:
        """Start a login, up to the answer of a device of this kind, in the language of the walk, as the login's page does."""
        system = self.shown.system
        self.shown.set_language(name, self.language.code)
        step = system.begin(name, DEMO_PASSWORD, "127.0.0.1")
        step = system.choose(step.token, next(each.id for each in step.choices if each.kind is kind))
        return self.come_with(step)

    def _entered(self, name: str, kind: Kind, answer: Callable[[Mapping[str, str]], str]) -> "Walk":
        step = self.half_way(name, kind)
        assert step.offer is not None
        done = self.shown.system.answer(step.token, answer(step.offer.shows)).step
        assert done is not None, "it was refused"
        self.come_with(done)
        return self

    def come_with(self, step: Step) -> Step:
        self.page.context.add_cookies([{"name": "session", "value": step.token, "url": self.address}])
        return step

    @property
    def token(self) -> str:
        """Return the session's token from its cookie."""
        return next(str(each["value"]) for each in self.page.context.cookies() if each.get("name") == "session")

    def out(self) -> "Walk":
        self.page.locator("header .menu summary").click()
        return self.press("Log out")
