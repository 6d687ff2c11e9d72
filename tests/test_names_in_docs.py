"""The documents name files, modules and headings that exist."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name

import pytest
from tests.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FILE = re.compile(r"`((?:docs|firmware|host|simulator|tests)/[\w./-]+)`")
_MODULE = re.compile(r"`(dsc_(?:firmware|simulator|host)[\w.]*)`")
_PACKAGES = (ROOT / "firmware", ROOT / "simulator", ROOT / "host")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub names them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_module(name: str) -> bool:
    path = Path(*name.split("."))
    return any((folder / path).with_suffix(".py").is_file() or (folder / path).is_dir() for folder in _PACKAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_file_and_module_in_a_document_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [path for path in _FILE.findall(text) if not (ROOT / path).exists()] == []
    for name in _MODULE.findall(text):
        if not is_module(name):
            # What a module holds; raises for what is not there.
            resolve_name(name)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_anchor_in_a_link_is_a_heading(page: Path) -> None:
    links = re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8"))
    assert [anchor for target, anchor in links if anchor not in anchors(page.parent / target if target else page)] == []


def places(navigation: object) -> Iterator[str]:
    """Yield the pages of the site's navigation, or of a part of it."""
    if isinstance(navigation, str):
        yield navigation
    for part in navigation.values() if isinstance(navigation, dict) else navigation if isinstance(navigation, list) else ():
        yield from places(part)


def test_every_page_has_its_place_in_the_site_and_in_the_index_of_its_part() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    pages = {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")}
    assert sorted(places(site["nav"])) == sorted(pages)
    for index in ROOT.glob("docs/*/index.md"):
        linked = {
            Path(index.parent, target).resolve() for target in re.findall(r"\]\(([^)#]+)", index.read_text(encoding="utf-8"))
        }
        assert set(index.parent.glob("*.md")) - {index} <= linked, index


def test_the_page_for_contributors_names_its_files() -> None:
    assert len(_FILE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))) > 30
