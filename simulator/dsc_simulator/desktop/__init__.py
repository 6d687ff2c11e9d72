"""A simulated card on the screen, with views of its internal state, and a serial line that any program can use.

The names listed here do not need Textual. `launch` and the modules that it uses do: `pip install 'dscplus[sim]'`.
"""

from dsc_simulator.desktop.live_card import LiveCard
from dsc_simulator.desktop.workspace import DEFAULT_NAME, Settings, Workspace

__all__ = ["DEFAULT_NAME", "LiveCard", "Settings", "Workspace"]
