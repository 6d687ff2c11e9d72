"""The pages can be read: short sentences, one title, no level left out, and a text for each picture."""

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
