"""The progress of a long command: a bar on stderr if stderr is a terminal, otherwise no output."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Done = Callable[[int, int], None]
"""A callback that takes the number of finished steps and the number of all steps (0 if unknown)."""


@contextmanager
def bar(title: str) -> Iterator[Done]:
    """Show a bar while the block runs, and remove it at the end. Yield the callback that moves the bar."""
    if not sys.stderr.isatty():
        yield lambda _done, _of: None
        return
    # Import the library here, because it loads slowly.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, of: progress.update(task, completed=done, total=of or None)
