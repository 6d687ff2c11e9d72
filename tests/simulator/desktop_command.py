"""The cards that `dscplus sim` keeps in a folder of the test."""

from pathlib import Path

import pytest
from tests.simulator.desktop_driver import keep

from dsc_simulator import Profile
from dsc_simulator.desktop import Settings
from dsc_simulator.profiles import Profiles

CARD = Profile(serial="IB3000123", key=bytes(range(32)))


def cards(folder: Path) -> Path:
    """Return the folder in which the program keeps its cards."""
    return folder / "data" / "dscplus" / "cards"


def keep_card(folder: Path, name: str = "default") -> Path:
    """Store CARD under this name; return its file."""
    profiles = Profiles(cards(folder))
    keep(Settings(name, lambda: pytest.fail("no verifier is wanted"), profiles=profiles), CARD.flash())
    return cards(folder) / f"{name}.json"
