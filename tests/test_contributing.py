"""The page for contributors names files that exist."""

import re

from tests.checkout import ROOT

_PATH = re.compile(r"`((?:docs|firmware|host|simulator|tests)/[\w./-]+)`")


def test_every_file_that_the_page_for_contributors_names_exists() -> None:
    named = _PATH.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(named) > 30
    assert [path for path in named if not (ROOT / path).exists()] == []
