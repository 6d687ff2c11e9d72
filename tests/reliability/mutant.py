"""One place in the code that is broken on purpose, and the tests that must notice it."""

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
