"""The states of pages that axe-core has examined, so that it examines each once in a run."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class Examined:
    """The states that were examined, in a folder that all processes of a run share."""

    folder: Path

    def is_new(self, state: str) -> bool:
        """Return whether no process of this run has had this state before, and remember it."""
        self.folder.mkdir(exist_ok=True)
        try:
            (self.folder / sha256(state.encode()).hexdigest()).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True
