"""Real boards: `board.json` describes the wiring of a board, and `run()` runs the card on it.

`run` returns to the interpreter's prompt when the card is stopped. This folder has ready-made `board.json` files.
"""

from .run import run

__all__ = ("run",)
