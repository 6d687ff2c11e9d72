"""Real boards: `board.json` describes the wiring of a board, and `run()` runs the card on it.

`run` returns to the interpreter's prompt when the card is stopped. The ready-made wirings are in this folder.
"""

from .run import run

__all__ = ("run",)
