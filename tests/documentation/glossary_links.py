"""A Markdown extension that links the first use of each term on a page to the glossary.

The terms are read from the glossary's table. A term counts where it stands alone in running text, also in the plural; not in
headings, links and code. The rows of the glossary get an anchor each.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from posixpath import dirname, relpath
from typing import Any
from xml.etree.ElementTree import Element

from markdown import Extension, Markdown
from markdown.treeprocessors import Treeprocessor

_ROW = re.compile(r"^\| (.+?) \| (.+) \| `[a-z0-9_.]+` \|$", re.MULTILINE)
_RUNNING = frozenset({"p", "li", "td", "strong", "em"})
_EVERYDAY = frozenset({"account", "app", "login", "user"})
"""Terms of the login system that have their everyday meaning in the tutorials."""
_CLOSED = frozenset({"a", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "th"})


@cache
def terms(glossary: Path) -> dict[str, str]:
    """Return the meaning of each term, in the order of the glossary."""
    return {row[1]: row[2] for row in _ROW.finditer(glossary.read_text(encoding="utf-8"))}


def anchor(term: str) -> str:
    """Return the name of a term's row on the glossary's page."""
    return f"term-{term.lower().replace(' ', '-')}"


class TermLinks(Treeprocessor):
    """Puts the links into one page."""

    def __init__(self, md: Markdown, glossary: Path) -> None:
        super().__init__(md)
        self._page = glossary.relative_to(glossary.parts[0]).as_posix()
        self._meanings = terms(glossary)
        alternatives = "|".join(sorted(map(re.escape, self._meanings), key=len, reverse=True))
        self._term = re.compile(rf"(?<![\w-])({alternatives})(s?)(?![\w-])")

    def run(self, root: Element) -> None:
        """Link the first use of each term, or give the glossary's own rows their anchors."""
        path = _path(self.md)
        if path is None:
            return
        if path == self._page:
            for row in root.iter("tr"):
                if (cell := row.find("td")) is not None:
                    cell.set("id", anchor("".join(cell.itertext())))
            return
        self._target = relpath(self._page, dirname(path) or ".").removesuffix(".md") + ".html"
        self._left = set(self._meanings) - (_EVERYDAY if path.startswith("tutorials/") else frozenset())
        self._walk(root)

    def _walk(self, element: Element) -> None:
        if element.tag in _RUNNING and element.text:
            element.text = self._linked(element.text, element, 0)
        place = 0
        while place < len(element):
            child = element[place]
            if child.tag not in _CLOSED and child.get("class") != "term":
                self._walk(child)
            place += 1
            if child.tail and element.tag in _RUNNING and child.get("class") != "term":
                child.tail = self._linked(child.tail, element, place)

    def _linked(self, text: str, parent: Element, place: int) -> str:
        """Put links to the terms of a text into its parent, from `place` on. Return the text before the first of them."""
        before, last = text, None
        for start, end, term in list(self._first_uses(text)):
            link = Element("a", {"class": "term", "href": f"{self._target}#{anchor(term)}", "title": self._meanings[term]})
            link.text = text[start:end]
            if last is None:
                before = text[:start]
            else:
                last[0].tail = text[last[1] : start]
            parent.insert(place, link)
            place += 1
            last = (link, end)
        if last is not None:
            last[0].tail = text[last[1] :]
        return before

    def _first_uses(self, text: str) -> Iterator[tuple[int, int, str]]:
        for found in self._term.finditer(text):
            if found[1] in self._left:
                self._left.remove(found[1])
                yield found.start(), found.end(), found[1]


def _path(md: Markdown) -> str | None:
    """Return the path of the page that is made, in docs; or None for a text within a page."""
    return next((each.page.path for each in md.preprocessors if hasattr(each, "page")), None)


class GlossaryLinks(Extension):
    """Registers the links. The option `glossary` is the path of its page."""

    def __init__(self, **options: Any) -> None:
        self.config = {"glossary": ["docs/reference/glossary.md", "the page with the terms"]}
        super().__init__(**options)

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 - the name is Markdown's
        """Register the tree processor, after those that make links and code of the text."""
        md.treeprocessors.register(TermLinks(md, Path(self.getConfig("glossary"))), "glossary_links", 5)


def makeExtension(**options: Any) -> GlossaryLinks:  # noqa: N802 - the name is Markdown's
    """Return the extension, as Markdown asks for it."""
    return GlossaryLinks(**options)
