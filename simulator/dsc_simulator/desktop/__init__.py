"""A simulated card on the screen: see and press it, look inside, and reach its line from any program.

The names listed here need no Textual. `launch` and what it uses do: `pip install 'dscplus[sim]'`.
"""

from dsc_simulator.desktop.live_card import LiveCard
from dsc_simulator.desktop.workspace import DEFAULT_NAME, Desk, Settings

__all__ = ["DEFAULT_NAME", "Desk", "LiveCard", "Settings"]
