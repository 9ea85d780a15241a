"""ASGI middleware: bodies that are too large are refused before and while they arrive; requests are measured."""

from __future__ import annotations

import json
from typing import Any

from s2r_rewards.server.telemetry import Telemetry


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
                self.telemetry.requests.labels(str(message["status"])).inc()
                if self.state.draining:
                    message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        with self.telemetry.in_flight.track_inprogress(), self.telemetry.seconds.time():
            await self.app(scope, receive, watched)


class LimitBody:
    """413 with a JSON ``error`` for any body of more than ``max_bytes``, whether or not its length is announced."""

    def __init__(self, app: Any, max_bytes: int) -> None:
        self.app, self.max_bytes = app, max_bytes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self.max_bytes:
            await self._refuse(send)
            return
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return  # the client has gone
            body += message.get("body", b"")
            if len(body) > self.max_bytes:
                await self._refuse(send)
                return
            if not message.get("more_body"):
                break
        whole: list[dict[str, Any]] = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def replay() -> dict[str, Any]:
            return whole.pop() if whole else await receive()

        await self.app(scope, replay, send)

    async def _refuse(self, send: Any) -> None:
        text = f"body: larger than {self.max_bytes} bytes; send fewer samples a request, or raise --max-bytes"
        body = json.dumps({"error": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})
