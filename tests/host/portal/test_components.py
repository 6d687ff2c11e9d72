"""The components: the page that shows them leaves none out, and a page has one primary button at most."""

import inspect
import re
from importlib.resources import files
from itertools import pairwise

from tests.host.portal.browser import browsers

from dsc_host.login import Kind
from dsc_host.portal import components
from dsc_host.portal.demo.demonstration import Demonstration
from dsc_host.portal.views import Form, View, button

CLASSES = {
    "listing": 'class="items"', "facts": "<dl>", "meters": "<progress", "alert": 'class="alert', "outcome": 'class="outcome ',
    "instructions": 'class="instructions"', "links": 'class="icon-links"', "dialogue": "popover", "columns": 'class="columns"',
    "filter": 'class="filter"', "sheet": 'class="sheet panel"', "foldable": 'class="foldable"',
    "split": 'class="split"', "forms": 'class="filled"', "sample": 'class="sample"',
    "table": 'class="table',
}  # fmt: skip
"""The looks of each component in a page."""


def test_the_page_of_components_shows_each(shown: Demonstration) -> None:
    parts = {each.part for _, each in inspect.getmembers(components, inspect.isclass) if hasattr(each, "part")}
    assert parts - {"part"} == set(CLASSES)
    with browsers(shown.system, demonstration=shown) as made:
        html = made().open("/components").html
    for sign in (*CLASSES.values(), 'class="empty"', 'class="off"', 'class="steps"', 'class="shown"', 'class="table'):
        assert sign in html, sign


def test_the_page_of_components_names_each_and_has_its_headings_in_order(shown: Demonstration) -> None:
    with browsers(shown.system, demonstration=shown) as made:
        html = made().open("/components").html
    levels = [int(level) for level in re.findall(r"<h([1-6])", html)]
    assert levels[:2] == [1, 2]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    names = re.findall(r'<div class="sample" id="\w+"><h2 lang="en">(\w+)</h2>', html)
    assert {name for name, each in inspect.getmembers(components, inspect.isclass) if hasattr(each, "part")} <= {
        *names, "Block", "PageForms", "Sample", "Split",
    }  # fmt: skip
    links = re.findall(r'<a href="#(\w+)"', html)
    assert links == [name.lower() for name in names], "the page leads to each"
    assert {"Steps", "Notice", "Empty", "Form", "Shown", "Table"} <= set(names)
    states = {"outcome": components.DANGER, "alert": components.SUCCESS, "badge": components.NEUTRAL}
    for name, other in states.items():
        kinds = {components.INFO, components.WARNING, components.DANGER, other}
        assert {kind for kind in kinds if f'class="{name} {kind}"' in html} == kinds, name


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
