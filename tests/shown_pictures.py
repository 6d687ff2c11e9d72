"""The pictures that the documents show."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.checkout import ROOT

DOCS = ROOT / "docs"
_PICTURE = re.compile(r"""(?:!\[[^\]]*\]\(|<img [^>]*?src=")([^)"\s]+\.(?:png|svg))""", re.DOTALL)
_ON_GITHUB = re.compile(r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/main/")


def shown() -> frozenset[Path]:
    """Return the files that a document of this repository shows."""
    return frozenset(_shown())


def _shown() -> Iterator[Path]:
    for page in (ROOT / "README.md", *DOCS.rglob("*.md")):
        for found in _PICTURE.findall(page.read_text(encoding="utf-8")):
            inside, count = _ON_GITHUB.subn("", found)
            yield ROOT / inside if count else (page.parent / found).resolve()
