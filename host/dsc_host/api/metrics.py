"""What Prometheus may know: how many, how long and with what outcome. Never which card, nor who asked.

With several worker processes, each keeps its figures in files in the folder that `PROMETHEUS_MULTIPROC_DIR` names, and
whichever is asked gives the sum of all.
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """One service's."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._challenges = Counter(
            "dscplus_challenges",
            "Challenges that were asked for, by whether one was given",
            ["outcome"],
            registry=self._registry,
        )
        self._verdicts = Counter(
            "dscplus_verdicts",
            "Responses that were judged, by what came of it",
            ["operation", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dscplus_request_seconds",
            "How long requests took, by what was asked for",
            ["operation", "status"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def challenged(self, *, given: bool) -> None:
        """Somebody asked for a challenge."""
        self._challenges.labels("given" if given else "refused").inc()

    def judged(self, operation: str, *, accepted: bool) -> None:
        """A response was judged."""
        self._verdicts.labels(operation, "accepted" if accepted else "refused").inc()

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """A request is done with. `operation` must be one of few."""
        self._seconds.labels(operation, str(status)).observe(seconds)

    def text(self) -> bytes:
        """In Prometheus' own format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        everybody = CollectorRegistry()
        MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
        return generate_latest(everybody)
