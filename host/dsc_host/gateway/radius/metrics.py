"""The metrics of a RADIUS server, in Prometheus' text format."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """The counts of replies and of requests without a reply, and the durations of judgments. No label names a user."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._replies = Counter(
            "dscplus_radius_replies", "Replies, by client and outcome", ["client", "outcome"], registry=self._registry
        )
        self._dropped = Counter(
            "dscplus_radius_dropped", "Requests without a reply, by reason", ["reason"], registry=self._registry
        )
        self._seconds = Histogram(
            "dscplus_radius_request_seconds", "Duration of judgments", buckets=_BUCKETS, registry=self._registry
        )

    def replied(self, client: str, outcome: str, seconds: float) -> None:
        """Count a reply, and record how long its judgment took."""
        self._replies.labels(client, outcome).inc()
        self._seconds.observe(seconds)

    def dropped(self, reason: str) -> None:
        """Count a request that gets no reply."""
        self._dropped.labels(reason).inc()

    def text(self) -> bytes:
        """Return the metrics in Prometheus' text format."""
        return generate_latest(self._registry)
