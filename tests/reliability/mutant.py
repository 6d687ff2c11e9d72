"""One place in the code that is broken on purpose, and the tests that must notice it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.checkout import ROOT

FIRMWARE = ROOT / "firmware" / "dsc_firmware"
HOST = ROOT / "host" / "dsc_host"


@dataclass(frozen=True)
class Mutant:
    """A change of one text. `breaks` names the promise; `tests` must fail once `old` has become `new` in `module`."""

    breaks: str
    module: str
    old: str
    new: str
    tests: str
    package: Path = FIRMWARE

    def source(self) -> str:
        """Return the module, mutated. Raise ValueError if it does not hold `old` exactly once."""
        text = (self.package / self.module).read_text(encoding="utf-8")
        if text.count(self.old) != 1:
            raise ValueError(f"{self.breaks}: {self.module} does not hold this exactly once: {self.old!r}")
        return text.replace(self.old, self.new)


def in_login(module: str, tests: str, *broken: tuple[str, str, str]) -> Iterator[Mutant]:
    """Return mutants of a module of the login system that one module of tests notices: the promise, the old text, the new."""
    for breaks, old, new in broken:
        yield Mutant(breaks, f"login/{module}", old, new, f"tests/host/login/test_{tests}.py", HOST)
