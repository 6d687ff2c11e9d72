"""A simulated card: a board made of software that runs the real firmware."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsc_simulator.board import Flash
    from dsc_simulator.card import SimulatedCard
    from dsc_simulator.engines import ENGINES
    from dsc_simulator.errors import CardOff, EngineMissing, FirmwareCrash, PowerCut, ProfileRefused, SimulatorError
    from dsc_simulator.profile import Profile
    from dsc_simulator.pytest_plugin.fixtures import CardRefused, Token, simulated_card

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

_HOMES = {
    "ENGINES": "engines",
    "Flash": "board",
    "Profile": "profile",
    "SimulatedCard": "card",
    **dict.fromkeys(("CardRefused", "Token", "simulated_card"), "pytest_plugin.fixtures"),
}


def __getattr__(name: str) -> object:
    """Import a public name on first use: every run of pytest imports this package, but few need a card."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
    globals()[name] = value
    return value
