"""A board made of software, with the real firmware on it."""

from dsc_simulator.board import Flash
from dsc_simulator.card import SimulatedCard
from dsc_simulator.engines import ENGINES
from dsc_simulator.errors import CardOff, EngineMissing, FirmwareCrash, PowerCut, ProfileRefused, SimulatorError
from dsc_simulator.profile import Profile

__all__ = [
    "ENGINES",
    "CardOff",
    "EngineMissing",
    "FirmwareCrash",
    "Flash",
    "PowerCut",
    "Profile",
    "ProfileRefused",
    "SimulatedCard",
    "SimulatorError",
]
