"""The fenced blocks of a page of the documentation."""

import re
from pathlib import Path


def blocks(page: Path, language: str) -> list[str]:
    """Return the texts of the blocks in this language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
