"""Checks of the machine: the versions, the extras, the packages that the HTTP servers use, and the disk of the records."""

import platform
import re
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from dsc_host.cli.checks.finding import Findings, failed, ok, warning
from dsc_host.server.implementations import installed
from dsc_host.version import VERSION

DISK, EXTRAS, SERVERS = "disk", "extras", "servers"
_DEVELOPMENT_EXTRAS = ("dev", "docs", "fuzz")
"""The extras for the development of dscplus. No installation needs them."""
_LEAST_BYTES, _FEW_BYTES = 100 << 20, 1 << 30
_EXTRA_OF = re.compile(r"([A-Za-z0-9._-]+).*extra == ['\"]([a-z]+)['\"]")


def check_version() -> Findings:
    """Yield a finding about the versions of dscplus and Python."""
    yield ok("version", f"dscplus {VERSION}, Python {platform.python_version()}, {platform.system()}")


def check_extras() -> Findings:
    """Yield a finding that lists the installed extras, and the missing packages of each extra that is not installed."""
    try:
        required = distribution("dscplus").requires or []
    except PackageNotFoundError:
        yield warning(EXTRAS, "dscplus is not installed as a package", "pip install dscplus")
        return
    missing: dict[str, list[str]] = {}
    # Leave out uvloop on Windows. Every other package exists for every system.
    here = [each for each in required if sys.platform != "win32" or "!= 'win32'" not in each]
    for name, extra in (found.groups() for found in map(_EXTRA_OF.match, here) if found):
        if extra not in _DEVELOPMENT_EXTRAS:
            missing.setdefault(extra, []).extend([] if _is_installed(name) else [name])
    whole = ", ".join(extra for extra, names in missing.items() if not names) or "none"
    others = ", ".join(f"{extra} (needs {', '.join(names)})" for extra, names in missing.items() if names)
    yield ok(EXTRAS, f"installed: {whole}" + (f"; not installed: {others}" if others else ""))


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def check_servers() -> Findings:
    """Yield a finding about the packages that the HTTP servers use."""
    used = installed()
    yield ok(SERVERS, f"event loop {used.loop}, requests read by {used.parser}")


def check_disk(folder: Path) -> Findings:
    """Yield a finding about the free space of the disk that holds a folder."""
    if not folder.is_dir():
        return
    free = shutil.disk_usage(folder).free
    summary, remedy = f"{free >> 20:,} MB are free at {folder}", "remove files, or enlarge the disk"
    if free < _LEAST_BYTES:
        yield failed(DISK, summary, remedy)
    elif free < _FEW_BYTES:
        yield warning(DISK, summary, remedy)
    else:
        yield ok(DISK, summary)
