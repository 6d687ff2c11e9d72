"""Pins the packages of the development environment, with their hashes: `python -m tests.lock [--upgrade]`.

`make lock` runs it, and needs a package index. A pin that fits stays as it is, except with `--upgrade`. `make setup` installs
the pinned packages. `differences` needs no network: it says where a lock file does not fit what is declared.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tests.checkout import ROOT

REMEDY = "renew the lock file: make lock"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("linux", "macos", "windows")
_PIN = re.compile(r"^([a-z0-9-]+)==([^ ;\n]+)(.*)$((?:\n .*)*)", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """A lock file and the file that declares its packages."""

    path: str
    source: str
    options: tuple[str, ...] = ()


LOCKS = (
    Lock("tests/requirements.txt", "pyproject.toml", ("--extra", "dev")),
    Lock("firmware/stubs.txt", "firmware/stubs.in"),
)


@dataclass(frozen=True)
class Pin:
    """A package in a lock file."""

    name: str
    version: str
    hashes: int
    is_declared: bool
    """Whether the source itself names the package. The others are dependencies of packages."""


def pins(text: str, source: str) -> list[Pin]:
    """Return the pins in the text of a lock file that was made from `source`."""
    return [
        Pin(name, version, after.count("--hash=sha256:"), source in after)
        for name, version, _, after in _PIN.findall(text)
    ]  # fmt: skip


def declared(source: str) -> list[Requirement]:
    """Return the requirements that the file `source` declares for the development environment."""
    text = (ROOT / source).read_text(encoding="utf-8")
    if not source.endswith(".toml"):
        return [Requirement(line) for line in text.splitlines() if line and not line.startswith("#")]
    table = tomllib.loads(text)
    project = table["project"]
    wanted = [*project["dependencies"], *table["build-system"]["requires"]]
    return list(_with_extras([*wanted, f"{project['name']}[dev]"], project))


def _with_extras(wanted: Iterable[str], project: dict[str, dict[str, list[str]]]) -> Iterator[Requirement]:
    """Yield requirements, with the project's own extras replaced by what they require."""
    for each in map(Requirement, wanted):
        if each.name != project["name"]:
            yield each
        for extra in each.extras if each.name == project["name"] else ():
            yield from _with_extras(project["optional-dependencies"][extra], project)


def differences(wanted: Iterable[Requirement], found: Iterable[Pin]) -> Iterator[str]:
    """Yield a sentence for each requirement that no pin meets, and for each pin that is unsafe or no longer required."""
    pinned = {pin.name: pin for pin in found}
    names = set()
    for each in wanted:
        name = canonicalize_name(each.name)
        names.add(name)
        pin = pinned.get(name)
        if pin is None:
            yield f"{name} is not pinned"
        elif not each.specifier.contains(pin.version, prereleases=True):
            yield f"{name} is pinned to {pin.version}, but {each} is declared"
    for pin in pinned.values():
        if not pin.hashes:
            yield f"{pin.name} has no hash"
        if pin.is_declared and pin.name not in names:
            yield f"{pin.name} is pinned, but no longer declared"


def _uv(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", "pip", *arguments], cwd=ROOT, check=True)


def main() -> None:
    """Pin the declared packages, and require that each pin has a wheel for every platform and every version of Python."""
    upgrade = ["--upgrade"] if "--upgrade" in sys.argv[1:] else []
    for lock in LOCKS:
        _uv(
            "compile", "--quiet", "--universal", "--python-version", PYTHONS[0], "--generate-hashes", "--no-config",
            "--no-header", "--no-emit-index-url", "--no-emit-find-links",
            *upgrade, *lock.options, lock.source, "--output-file", lock.path,
        )  # fmt: skip
        for python in PYTHONS:
            for platform in PLATFORMS:
                _uv(
                    "install", "--quiet", "--dry-run", "--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-config",
                    "--target", "build", "--python-version", python, "--python-platform", platform, "--requirement", lock.path,
                )  # fmt: skip
        print(f"{lock.path}: pinned, with wheels for {', '.join(PLATFORMS)} and Python {', '.join(PYTHONS)}")


if __name__ == "__main__":
    main()
