"""The drawing of the parts, and the page about them, against the packages as they are."""

import re
import tomllib
from functools import cache
from itertools import combinations, permutations
from xml.etree import ElementTree

import grimp
from tests.checkout import ROOT

from dsc_simulator.drawings.architecture import IMPORTS, PARTS, svg

MODULES = [part.module for part in PARTS]


@cache
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("dsc_firmware", "dsc_simulator", "dsc_host", cache_dir=None)


def reached(start: str) -> set[str]:
    """Return every part to which arrows lead from this one."""
    return {*IMPORTS[start], *(each for middle in IMPORTS[start] for each in reached(middle))}


def test_every_package_is_drawn_once() -> None:
    packages = {name for name in imports().find_children("dsc_host") if imports().find_children(name)}
    assert packages <= set(MODULES)
    assert len(MODULES) == len(set(MODULES))
    assert set(IMPORTS) == set(MODULES)


def test_every_arrow_is_an_import() -> None:
    arrows = [(importer, imported) for importer, several in IMPORTS.items() for imported in several]
    false = [
        arrow for arrow in arrows if not imports().direct_import_exists(importer=arrow[0], imported=arrow[1], as_packages=True)
    ]
    assert not false


def test_arrows_lead_from_every_part_to_all_that_it_imports() -> None:
    missing = [
        (importer, imported)
        for importer, imported in permutations(MODULES, 2)
        if imported not in reached(importer)
        and imports().direct_import_exists(importer=importer, imported=imported, as_packages=True)
    ]
    assert not missing


def test_no_arrow_follows_from_others() -> None:
    superfluous = [
        (importer, imported)
        for importer, several in IMPORTS.items()
        for imported in several
        if any(imported in reached(other) for other in several if other != imported)
    ]
    assert not superfluous


def test_no_arrow_leads_upwards_and_no_box_hides_another() -> None:
    rows = {part.module: part.row for part in PARTS}
    assert all(rows[importer] <= rows[imported] for importer, several in IMPORTS.items() for imported in several)
    assert all((one.column, one.row) != (other.column, other.row) for one, other in combinations(PARTS, 2))


def test_the_drawing_names_every_part() -> None:
    drawn = {text.text for text in ElementTree.fromstring(svg()).iter("{http://www.w3.org/2000/svg}text")}
    assert {part.name for part in PARTS} <= drawn


def test_the_page_names_the_layers_of_the_login_system_in_their_order() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["name"] == "The login system's packages point downwards")
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    steps = re.findall(r"^\d+\. (.+)$", page.partition("Inside `login`")[2].partition("\n## ")[0], re.MULTILINE)
    named = [set(re.findall(r"`(\w+)`", step)) for step in steps]
    assert named == [set(re.findall(r"dsc_host\.login\.(\w+)", layer)) for layer in layers]
