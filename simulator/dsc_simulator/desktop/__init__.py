"""A simulated card on the screen: see and press it, look inside, and reach its line from any program.

What is listed here needs no Textual; `running` and what it uses does: `pip install 'dscplus[sim]'`.
"""

from dsc_simulator.desktop.live_card import LiveCard
from dsc_simulator.desktop.workspace import DEFAULT_NAME, Desk, Settings

__all__ = ["DEFAULT_NAME", "Desk", "LiveCard", "Settings"]
