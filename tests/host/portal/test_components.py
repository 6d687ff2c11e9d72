"""The components: the page that shows them leaves none out, and a page has one primary button at most."""

import inspect
import re
from importlib.resources import files

from tests.host.portal.browser import browsers

from dsc_host.login import Kind
from dsc_host.portal import components
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.views import Form, View, button

CLASSES = {
    "listing": 'class="items"', "facts": "<dl>", "meters": "<progress", "alert": 'class="alert', "outcome": 'class="outcome ',
    "instructions": 'class="instructions"', "links": 'class="ways"', "dialogue": "popover", "columns": 'class="columns"',
    "split": 'class="split"', "forms": 'class="filled"',
}  # fmt: skip
"""The looks of each component in a page."""


def test_the_page_of_components_shows_each(shown: Demonstration) -> None:
    parts = {each.part for _, each in inspect.getmembers(components, inspect.isclass) if hasattr(each, "part")}
    assert parts - {"part"} == set(CLASSES)
    with browsers(shown.system, demonstration=shown) as made:
        html = made().open("/components").html
    for sign in (*CLASSES.values(), 'class="empty"', 'class="off"', 'class="steps"', 'class="shown"', 'class="table'):
        assert sign in html, sign


def test_each_device_kind_has_an_icon() -> None:
    drawn = re.findall(
        r'^  "([a-z-]+)": ', files("dsc_host.portal").joinpath("templates", "icons.html").read_text(), re.MULTILINE
    )
    assert set(Kind) | {"none"} == set(components.ICONS)
    assert set(components.ICONS.values()) <= set(drawn)


def test_the_first_form_is_the_primary_one_unless_it_is_dangerous() -> None:
    first, second = Form("/a", "A"), Form("/b", "B")
    assert View("", forms=(first, second)).primary is first
    assert View("", forms=(button("/a", "A", danger=True), second)).primary is None
    assert View("").primary is None
