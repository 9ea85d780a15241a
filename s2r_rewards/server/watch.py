"""What ``/metrics`` says, and ASGI middleware: requests are measured, and bodies that are too large are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from operator import add
from time import perf_counter
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.responses import JSONResponse

from s2r_rewards.metrics import BehaviourCounts
from s2r_rewards.server.judges import Answer


class Telemetry:
    """Counters of one server; its own registry, so that several apps can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter("s2r_requests", "Requests answered", ["status"], registry=self.registry)
        self.under_way = 0
        in_flight = Gauge("s2r_requests_in_flight", "Requests being answered", registry=self.registry)
        in_flight.set_function(lambda: self.under_way)  # a number is counted in a tenth of a gauge's time
        self.answered = lru_cache(maxsize=64)(lambda status: self.requests.labels(str(status)))
        self.seconds = Histogram("s2r_request_seconds", "Time to answer a request", registry=self.registry)
        self.samples = Counter("s2r_samples", "Samples judged", registry=self.registry)
        self.failed = Counter("s2r_samples_failed", "Samples that could not be scored", registry=self.registry)
        self.behaviour = Gauge("s2r_behaviour", "Behaviour metrics since the start", ["name"], registry=self.registry)
        self.totals = [0] * len(fields(BehaviourCounts))

    def add(self, answers: Sequence[Answer]) -> None:
        self.samples.inc(len(answers))
        if failed := sum([one.failed for one in answers]):
            self.failed.inc(failed)
        for one in answers:
            self.totals = list(map(add, self.totals, one.counts))

    def text(self) -> bytes:
        for name, value in BehaviourCounts(*self.totals).metrics().items():
            self.behaviour.labels(name).set(value)
        return generate_latest(self.registry)


class Watch:
    """Counts and times requests; while draining, asks clients to open a new connection elsewhere next time."""

    def __init__(self, app: Any, telemetry: Telemetry, state: Any) -> None:
        self.app, self.telemetry, self.state = app, telemetry, state

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def watched(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                self.telemetry.answered(message["status"]).inc()
                if self.state.draining:
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        start = perf_counter()
        self.telemetry.under_way += 1
        try:
            await self.app(scope, receive, watched)
        finally:
            self.telemetry.under_way -= 1
            self.telemetry.seconds.observe(perf_counter() - start)


class LimitBody:
    """413 with a JSON ``error`` for any body of more than ``max_bytes``, whether or not its length is announced."""

    def __init__(self, app: Any, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"")
        size = int(announced) if announced.isdigit() else 0
        body, more = bytearray(), True
        while more and max(size, len(body)) <= self.max_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            more = message.get("more_body", False)
        if max(size, len(body)) > self.max_bytes:
            text = f"body: larger than {self.max_bytes} bytes; send fewer samples a request, or raise --max-bytes"
            await JSONResponse({"error": text}, 413, {"connection": "close"})(scope, receive, send)
            return
        whole: list[dict[str, Any]] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> dict[str, Any]:
            return whole.pop() if whole else await receive()

        await self.app(scope, replay, send)
