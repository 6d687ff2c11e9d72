"""Progress of long operations on the records."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[int, int], None]
"""A callback that takes the number of finished rows and the total number of rows."""


def ignored(*_: object) -> None:
    """Ignore all arguments. Use it as a progress callback that does nothing."""
