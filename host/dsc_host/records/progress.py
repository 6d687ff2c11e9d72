"""Progress of long operations on the records."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""A callback that takes the number of rows or log entries that are finished, and the number of all of them."""


def ignored(*_: object) -> None:
    """Ignore all arguments. Use it as a progress callback that does nothing."""
