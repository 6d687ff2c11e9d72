from .board import Flash
from .card import SimulatedCard
from .engines import ENGINES
from .errors import CardOff, EngineMissing, FirmwareCrash, PowerCut, ProfileRefused, SimulatorError
from .profile import Profile
from .pytest_plugin.fixtures import CardRefused, Token, simulated_card

__all__ = [
    "ENGINES",
    "CardOff",
    "CardRefused",
    "EngineMissing",
    "FirmwareCrash",
    "Flash",
    "PowerCut",
    "Profile",
    "ProfileRefused",
    "SimulatedCard",
    "SimulatorError",
    "Token",
    "simulated_card",
]
