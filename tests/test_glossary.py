"""The glossary: in alphabetical order, one sentence for each term, and a module that exists."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.checkout import ROOT

GLOSSARY = ROOT / "docs" / "reference" / "glossary.md"
_PACKAGES = (ROOT / "firmware", ROOT / "simulator", ROOT / "host")


def entries() -> Iterator[tuple[str, str, str]]:
    """Yield the term, the meaning and the module of each row of the table."""
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        if row := re.fullmatch(r"\| (.+?) \| (.+) \| `([a-z0-9_.]+)` \|", line):
            yield row[1], row[2], row[3]


def exists(module: str) -> bool:
    path = Path(*module.split("."))
    return any(
        (folder / path).with_suffix(".py").is_file() or (folder / path / "__init__.py").is_file() for folder in _PACKAGES
    )


def test_the_glossary_has_every_row_of_its_table() -> None:
    rows = [line for line in GLOSSARY.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    assert len(list(entries())) == len(rows) - len(("head", "rule")) > 40


def test_the_terms_are_in_alphabetical_order_and_each_occurs_once() -> None:
    terms = [term.lower() for term, _, _ in entries()]
    assert terms == sorted(set(terms))


def test_each_meaning_is_one_sentence() -> None:
    several = [term for term, meaning, _ in entries() if not re.fullmatch(r"[A-Z0-9][^.?!]*\.", meaning)]
    assert not several


def test_each_module_exists() -> None:
    gone = [f"{term}: {module}" for term, _, module in entries() if not exists(module)]
    assert not gone
