"""Builds the sdist and the wheel, and looks for what a user or a package index would stumble over."""

import email.policy
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from email.parser import Parser
from pathlib import Path

from packaging.metadata import InvalidMetadata, Metadata
from readme_renderer import markdown
from tests.checkout import ROOT

from dsc_host.version import VERSION

PACKAGES = ("firmware/dsc_firmware", "simulator/dsc_simulator", "host/dsc_host")
BESIDE = {
    "firmware/main.py": "dsc_host/flash/board_files/main.py",
    "firmware/manifest.py": "dsc_host/flash/board_files/manifest.py",
}
"""Files that the wheel has in another place than the checkout."""
ABOUT = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
SOURCES = (
    *("firmware", "simulator", "host", "tests", "docs", ".github/workflows"),
    *("Makefile", "zensical.toml", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"),
)
_LINK = re.compile(r'(?:href|src)="([^"]*)"')
_DATED = re.compile(
    rf"^## \[Unreleased\]\n.*?^## \[{re.escape(VERSION)}\] - \d{{4}}-\d{{2}}-\d{{2}}$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Built:
    """The files of a release."""

    sdist: Path
    wheel: Path


def build(folder: Path) -> Built:
    """Build the sdist from the checkout, and the wheel from the sdist."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return Built(sdist, wheel)


def tracked(*folders: str) -> list[str]:
    """Return the paths of the files that the repository has in these folders."""
    listed = subprocess.run(["git", "ls-files", *folders], cwd=ROOT, check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()


def in_wheel(files: Iterable[str]) -> set[str]:
    """Return the names that a wheel has for files of the packages."""
    return {name.partition("/")[2] for name in files} | set(BESIDE.values())


def of_contents(what: str, found: Iterable[str], expected: Iterable[str]) -> Iterator[str]:
    """Yield a problem for each file that a distribution lacks, or has too much."""
    found, expected = set(found), set(expected)
    yield from (f"{what}: {name} is missing" for name in sorted(expected - found))
    yield from (f"{what}: {name} does not belong there" for name in sorted(found - expected))


def of_wheel(wheel: Path) -> Iterator[str]:
    """Yield the problems of the wheel: its files, and its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        about = f"dscplus-{VERSION}.dist-info"
        names = [name for name in archive.namelist() if not name.endswith("/")]
        yield from of_contents("wheel", names, {*in_wheel(tracked(*PACKAGES)), *(f"{about}/{name}" for name in ABOUT)})
        yield from of_metadata(archive.read(f"{about}/METADATA").decode())


def of_sdist(sdist: Path) -> Iterator[str]:
    """Yield the problems of the sdist, whose files are those of the repository."""
    with tarfile.open(sdist) as archive:
        names = [name.partition("/")[2] for name in archive.getnames() if not archive.getmember(name).isdir()]
    always = {"PKG-INFO", "pyproject.toml", "README.md", "LICENSE", ".gitignore"}
    yield from of_contents("sdist", set(names) - always, tracked(*SOURCES))


def of_metadata(text: str) -> Iterator[str]:
    """Yield the problems of the metadata, and of the page that a package index makes from it."""
    try:
        metadata = Metadata.from_email(text, validate=True)
    except ExceptionGroup as errors:
        yield from (f"metadata: {error}" for error in errors.exceptions if isinstance(error, InvalidMetadata))
        return
    if str(metadata.version) != VERSION:
        yield f"metadata: the version is {metadata.version}, not {VERSION}"
    if not (metadata.license_expression and metadata.license_files):
        yield "metadata: the license or its file is not named"
    yield from of_description(Parser(policy=email.policy.compat32).parsestr(text).get_payload())


def of_description(text: str) -> Iterator[str]:
    """Yield the problems of a long description: it must be rendered, and have only absolute links and pictures."""
    page = markdown.render(text)
    if page is None:
        yield "description: a package index could not render it"
        return
    for link in _LINK.findall(page):
        if not link.startswith(("https://", "#")):
            yield f"description: {link} leads nowhere on a package index; write the whole address"


def of_changelog(text: str) -> Iterator[str]:
    """Yield a problem unless the version has a section with a date, below an unreleased one."""
    if not _DATED.search(text):
        yield f"CHANGELOG.md: there is no section '## [{VERSION}] - YEAR-MONTH-DAY' below '## [Unreleased]'"
