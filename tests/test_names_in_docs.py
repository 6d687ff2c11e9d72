"""The documents name files and modules that exist."""

import re
from pathlib import Path
from pkgutil import resolve_name

import pytest
from tests.checkout import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_FILE = re.compile(r"`((?:docs|firmware|host|simulator|tests)/[\w./-]+)`")
_MODULE = re.compile(r"`(dsc_(?:firmware|simulator|host)[\w.]*)`")
_PACKAGES = (ROOT / "firmware", ROOT / "simulator", ROOT / "host")


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


def test_the_page_for_contributors_names_its_files() -> None:
    assert len(_FILE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))) > 30
