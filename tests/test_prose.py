"""The pages can be read: short sentences, one title, no level left out, and a text for each picture. Docstrings stand alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.checkout import ROOT
from tests.documentation.prose import MOST_WORDS, PAGES, mistakes

LONG = " ".join(["word"] * (MOST_WORDS + 1))
SHORT = " ".join(["Word"] * MOST_WORDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_can_be_read(page: Path) -> None:
    assert list(mistakes(page.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (f"# A\n\n{LONG}.", "31 words"),
        (f"# A\n\n- Short.\n- {LONG}", "31 words"),
        (f"# A\n\n| a | {LONG} |", "31 words"),
        (f"# A\n\n{SHORT} `a b c`\n\nword", "31 words"),
        ("# A\n\n### B", "leaves a level out"),
        ("# A\n\n# B", "has one"),
        ("## A", "has one"),
        ("# A\n\n![](a.png)", "without a text"),
        ('# A\n\n<img src="a.png">', "without a text"),
    ],
)
def test_a_mistake_is_found(text: str, mistake: str) -> None:
    (found,) = mistakes(text)
    assert mistake in found


@pytest.mark.parametrize(
    "text",
    [
        f"# A\n\n{SHORT}. {SHORT}.",
        f"# A\n\n- {SHORT}\n- {SHORT}\n\n{SHORT}",
        f"# A\n\n{SHORT}\n\n```text\n{LONG}\n# B\n```\n",
        f"# A\n\n[{SHORT}](https://example.com) ![B](a.png)",
        "# A\n\n## B\n\n### C\n\n## D",
    ],
)
def test_nothing_else_is_found(text: str) -> None:
    assert list(mistakes(text)) == []


def beginnings(source: str) -> Iterator[str]:
    """Yield the beginning of each docstring, also those below attributes, that does not stand alone."""
    for node in ast.walk(ast.parse(source)):
        text = node.value.value if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) else None
        if isinstance(text, str) and (found := re.match(r"\s*(Who|Whom|Whoever|What|That|Of|By|The same)\b.{,50}", text)):
            yield found[0].strip()


@pytest.mark.parametrize("package", ["host", "simulator", "firmware", "tests"])
def test_docstrings_begin_with_a_verb_or_with_the_thing(package: str) -> None:
    files = [path for path in (ROOT / package).rglob("*.py") if "site-packages" not in path.parts]
    found = {str(path.relative_to(ROOT)): list(beginnings(path.read_text(encoding="utf-8"))) for path in files}
    assert {path: texts for path, texts in found.items() if texts} == {}


def test_a_docstring_that_begins_with_a_relative_clause_is_found() -> None:
    assert list(beginnings('"""A module."""\nage = 1\n"""What is old."""')) == ["What is old."]
