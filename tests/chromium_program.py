"""The Chromium in which tests open pages: the program in `CHROMIUM`, or else one without windows, or else the usual one."""

import os
import shutil
from collections.abc import Mapping

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The programs, the cheapest first. The windowless Chromium is made for tests: it opens a page with a fifth of the work."""
MISSING = "needs Chromium: apt install chromium-headless-shell or chromium, or name one in CHROMIUM"


def found(environment: Mapping[str, str]) -> str | None:
    """Return the path of Chromium, or None if there is none."""
    installed = (shutil.which(name, path=environment.get("PATH", "")) for name in _NAMES)
    return environment.get("CHROMIUM") or next(filter(None, installed), None)


PATH = found(os.environ)
