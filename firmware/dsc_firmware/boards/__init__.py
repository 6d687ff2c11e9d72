"""Real boards: `board.json` says how one is wired, and `run()` is the card on it.

`run` starts the card, and returns to the interpreter's prompt when it is stopped; `load` checks the text of a `board.json`;
`ConfigError` names what is wrong with it. The ready-made ones lie beside this file.
"""

from .config import ConfigError, load
from .run import run

__all__ = ("ConfigError", "load", "run")
