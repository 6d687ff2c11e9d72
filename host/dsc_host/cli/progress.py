"""How far a long work is, for whoever watches: a bar on stderr, if that is a terminal, and nothing at all if not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

Done = Callable[[int, int], None]
"""To be told how much is done, of how much."""


@contextmanager
def bar(title: str) -> Iterator[Done]:
    """A bar while the block runs; it goes when the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _done, _of: None
        return
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of or None)
