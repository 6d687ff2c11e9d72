"""The figures that a benchmark reports, and a way to time them that other work on the machine affects little."""

import timeit
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """One line of the result: a ratio, a time or a count. A bound of None is for information only."""

    name: str
    value: float
    unit: str = ""
    above: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool:
        return (self.above is None or self.value > self.above) and (self.at_most is None or self.value <= self.at_most)

    def __str__(self) -> str:
        bound = f"> {self.above:g}" if self.above is not None else f"<= {self.at_most:g}" if self.at_most is not None else ""
        value = f"{self.value:,.0f}" if self.unit == "instructions" else f"{self.value:.2f}"
        return f"{value:>12} {self.unit:12} {self.name:52} {bound:8} {'' if self.met else 'MISSED'}".rstrip()


def best_times(candidates: Mapping[str, Callable[[], object]], *, calls: int, rounds: int) -> dict[str, float]:
    """Return the seconds of one call of each candidate. They take turns, `calls` each, and the best of the rounds counts."""
    timers = {name: timeit.Timer(call) for name, call in candidates.items()}
    taken = [{name: timer.timeit(calls) / calls for name, timer in timers.items()} for _ in range(rounds)]
    return {name: min(times[name] for times in taken) for name in timers}


def percentile_95(times: Sequence[float]) -> float:
    """Return the 95th percentile of the times."""
    return sorted(times)[len(times) * 95 // 100]
