"""The fenced blocks of a page of the documentation."""

import re
import sys
from pathlib import Path
from typing import Any


def blocks(page: Path, language: str) -> list[str]:
    """Return the texts of the blocks in this language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def run(program: str, page: str, names: dict[str, Any]) -> None:
    """Run a program of a page with these names. Django takes settings once in a process: forget those of earlier programs."""
    if django := sys.modules.get("django.conf"):
        django.settings._wrapped = django.empty
    exec(compile(program, page, "exec"), names)
