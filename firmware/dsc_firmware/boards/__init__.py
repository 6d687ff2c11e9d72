"""Real boards: `board.json` describes the wiring of a board, and `run()` runs the card on it.

When the card is stopped, `run` returns, and the board is at the interpreter's prompt. This folder has ready-made wirings, each
for a certain board: copy one to the board as `board.json`.
"""

from .run import run

__all__ = ("run",)
