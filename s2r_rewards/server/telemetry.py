"""What ``/metrics`` says, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from s2r_rewards.metrics import BehaviourCounts, total_counts
from s2r_rewards.scored import ScoredRollout


class Telemetry:
    """Counters of one server; its own registry, so that several apps can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("s2r_requests", "Requests answered", ["status"], registry=self.registry)
        self.in_flight = Gauge("s2r_requests_in_flight", "Requests being answered", registry=self.registry)
        self.seconds = Histogram("s2r_request_seconds", "Time to answer a request", registry=self.registry)
        self.samples = Counter("s2r_samples", "Samples judged", registry=self.registry)
        self.failed = Counter("s2r_samples_failed", "Samples that could not be scored", registry=self.registry)
        self.behaviour = Gauge("s2r_behaviour", "Behaviour metrics since the start", ["name"], registry=self.registry)
        self.counts = BehaviourCounts()

    def add(self, scored: Sequence[ScoredRollout]) -> None:
        self.samples.inc(len(scored))
        self.failed.inc(sum(item.failure is not None for item in scored))
        self.counts = self.counts + total_counts(scored)

    def text(self) -> bytes:
        for name, value in self.counts.metrics().items():
            self.behaviour.labels(name).set(value)
        return generate_latest(self.registry)
