"""Metrics for Prometheus: counts, durations and outcomes. They never name a card or a caller.

If the service has several worker processes, the environment variable `PROMETHEUS_MULTIPROC_DIR` names a folder, in which each
process keeps its metrics in files. A request for the metrics returns the sum over all processes.
"""

import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

MEDIA_TYPE = CONTENT_TYPE_LATEST
FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The environment variable that names the folder of the metrics of several processes."""
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._challenges = Counter(
            "dscplus_challenges",
            "Requested challenges, by outcome",
            ["outcome"],
            registry=self._registry,
        )
        self._verdicts = Counter(
            "dscplus_verdicts",
            "Judged responses, by operation and outcome",
            ["operation", "outcome"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "dscplus_request_seconds",
            "Duration of requests, by operation and status",
            ["operation", "status"],
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def challenged(self, *, given: bool) -> None:
        """Count a request for a challenge. `given` says whether the caller got a challenge."""
        self._challenges.labels("given" if given else "refused").inc()

    def judged(self, operation: str, *, accepted: bool) -> None:
        """Count a judged response."""
        self._verdicts.labels(operation, "accepted" if accepted else "refused").inc()

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """Record the duration of a request. `operation` must be a name from a fixed set: each new name makes a new series."""
        self._seconds.labels(operation, str(status)).observe(seconds)

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        if FOLDER not in os.environ:
            return generate_latest(self._registry)
        of_all_processes = CollectorRegistry()
        MultiProcessCollector(of_all_processes)  # type: ignore[no-untyped-call]
        return generate_latest(of_all_processes)
