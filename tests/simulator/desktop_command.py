"""`dscplus sim` without a terminal, and the cards that it keeps in a folder of the test."""

import subprocess
from pathlib import Path

import pytest
from tests.simulator.desktop_driver import keep
from tests.simulator.desktop_terminal import command, environment

from dsc_simulator import Profile
from dsc_simulator.desktop import Settings
from dsc_simulator.profiles import Profiles

CARD = Profile(serial="IB3000123", key=bytes(range(32)))


def cards(folder: Path) -> Path:
    """Return where the program keeps its cards."""
    return folder / "data" / "dscplus" / "cards"


def keep_card(folder: Path, name: str = "default") -> Path:
    """Keep CARD under this name; return its file."""
    profiles = Profiles(cards(folder))
    keep(Settings(name, lambda: pytest.fail("no verifier is wanted"), profiles=profiles), CARD.flash())
    return cards(folder) / f"{name}.json"


def run(folder: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run the command without a terminal."""
    return subprocess.run(
        command(*arguments), env=environment(folder) | more, capture_output=True, text=True, timeout=60, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
