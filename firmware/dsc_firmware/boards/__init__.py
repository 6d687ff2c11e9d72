"""Real boards: `board.json` says how one is wired, and `run()` is the card on it.

`run` starts the card, and returns to the interpreter's prompt when it is stopped. The ready-made ones lie beside this file.
"""

from .run import run

__all__ = ("run",)
