"""Finds mistakes that make a page of the documentation hard to read.

A sentence has at most 30 words. A page has one title, and no heading leaves a level out. A picture has an alternative text.
Code in a sentence is one word.
"""

import re
import sys
from collections.abc import Iterator
from itertools import pairwise

from tests.checkout import ROOT

MOST_WORDS = 30
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *ROOT.glob("docs/**/*.md")])
_FENCE = re.compile(r"^( *)```.*?^\1```$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")
_PICTURE = re.compile(r"!\[([^\]]*)\]\([^)]*\)|<img\b[^>]*>")
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")
_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
# The beginnings of lines that begin a new paragraph: an item of a list, a row of a table, a heading, a quotation.
_BLOCK = re.compile(r"^\s*(?:[-*] |\d+\. |\||#+ |> |$)")
_END = re.compile(r"""(?<=[.!?])["')*]*\s+(?=["'(*]*(?:[A-Z0-9]|CODE))""")


def mistakes(text: str) -> Iterator[str]:
    """Yield a line for each mistake on a page."""
    plain = _FENCE.sub("", text)
    yield from (f"{len(words)} words: {' '.join(words)}" for words in map(_words, sentences(plain)) if len(words) > MOST_WORDS)
    yield from _headings(plain)
    for picture in _PICTURE.finditer(plain):
        if not (picture[1] or re.search(r'\balt="[^"]', picture[0])):
            yield f"a picture without a text: {picture[0]}"


def _words(sentence: str) -> list[str]:
    return [word for word in sentence.split() if re.search(r"\w", word)]


def sentences(plain: str) -> Iterator[str]:
    """Yield the sentences of a text without fenced code. Code in a sentence is the word CODE."""
    for paragraph in _paragraphs(_LINK.sub(r"\1", _PICTURE.sub("", _CODE.sub("CODE", plain)))):
        yield from _END.split(paragraph)


def _paragraphs(text: str) -> Iterator[str]:
    gathered: list[str] = []
    for line in [*text.splitlines(), ""]:
        if _BLOCK.match(line):
            yield " ".join(gathered)
            gathered = []
        if line.lstrip().startswith("|"):
            yield from re.split(r"\||<br>", line)
        else:
            gathered.append(line.strip())


def _headings(plain: str) -> Iterator[str]:
    levels = [(len(found[1]), found[2]) for found in _HEADING.finditer(plain)]
    if [level for level, _ in levels].count(1) != 1 or levels[0][0] != 1:
        yield "a page begins with its title, and has one"
    for (before, _), (level, title) in pairwise(levels):
        if level > before + 1:
            yield f"the heading {title!r} leaves a level out"


def main() -> int:
    """Print the mistakes in all pages. Return the exit code, which is 1 if there are any."""
    found = [f"{page.relative_to(ROOT)}: {mistake}" for page in PAGES for mistake in mistakes(page.read_text(encoding="utf-8"))]
    print("\n".join([*found, f"{len(found)} mistakes in {len(PAGES)} pages"]))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
