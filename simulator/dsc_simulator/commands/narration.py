"""The narration of a demonstration: line by line on the terminal, or as one JSON object at the end."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from dsc_simulator.drawings.card import text

_ASCII_FRAME = str.maketrans("╭╮╰╯─│", "++++-|")


class Narration:
    """The steps, outcomes and times of a demonstration. With `quiet`, nothing is printed.

    `engine` runs the card's firmware: `cpython`, `micropython`, or `board` for a real card.
    """

    def __init__(self, *, quiet: bool) -> None:
        self.engine = ""
        self._console = Console(quiet=quiet, highlight=False)
        self._steps: list[dict[str, str]] = []
        self._times_ms: dict[str, float] = {}
        self._outcomes: dict[str, bool] = {}

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._console.print(f"\n{title}", style="bold cyan", markup=False)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Measure the time of the block, and add it to the time of `part`."""
        started = time.perf_counter()
        yield
        spent = (time.perf_counter() - started) * 1000
        self._times_ms[part] = round(self._times_ms.get(part, 0) + spent, 3)

    def tell(self, what: str) -> None:
        """Report one step."""
        self._steps.append({"what": what})
        self._console.print(f"  {what}", markup=False)

    def display(self, what: str, shown: str) -> None:
        """Report an action on the card, and the text `shown` on its display afterwards."""
        self._steps.append({"what": what, "display": shown})
        grid = Table.grid(padding=(0, 2))
        picture = text(shown)
        if self._console.options.ascii_only:
            picture = picture.translate(_ASCII_FRAME)
        grid.add_row(" ", picture, f"\n{what}")
        self._console.print(grid)

    def outcome(self, name: str, accepted: bool) -> None:
        """Report the verifier's decision."""
        self._outcomes[name] = accepted
        self._steps.append({"what": f"the verifier says: {'accepted' if accepted else 'refused'}"})
        self._console.print(f"  The verifier says: [bold]{'[green]accepted' if accepted else '[red]refused'}[/]")

    def times(self) -> None:
        """Print the table of times, at the end of the demonstration."""
        table = Table(title="Time each part took", title_justify="left", show_header=False)
        table.add_column()
        table.add_column(justify="right")
        for part, spent in self._times_ms.items():
            table.add_row(part, f"{spent:.1f} ms")
        self._console.print()
        self._console.print(table)

    def has_outcomes(self, **outcomes: bool) -> bool:
        """Return whether the outcomes were exactly these: for each attempt, whether it was accepted."""
        return self._outcomes == outcomes

    def result(self) -> dict[str, Any]:
        """Return the engine, the steps, the outcomes and the times (in milliseconds), for JSON."""
        return {"engine": self.engine, "steps": self._steps, "accepted": self._outcomes, "times_ms": self._times_ms}
