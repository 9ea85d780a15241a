"""The FastAPI application: OpenRLHF's reward protocol, /health and /metrics; and its run under uvicorn, with a shutdown
that drops no request."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from socket import socket
from types import FrameType
from typing import Any, NamedTuple

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError, model_validator
from starlette.datastructures import State

from s2r_rewards.server.access import RequireToken, require_closed
from s2r_rewards.server.batching import Batcher
from s2r_rewards.server.judges import Judges
from s2r_rewards.server.protocol import read_samples, reply
from s2r_rewards.server.settings import Settings
from s2r_rewards.server.watch import LimitBody, Telemetry, Watch

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
PATHS = ("/get_reward", "/")


class RewardRequest(BaseModel):
    """What OpenRLHF posts: as many prompts and labels as queries."""

    query: list[str]
    prompts: list[str]
    labels: list[Any]

    @model_validator(mode="after")
    def _same_length(self) -> "RewardRequest":
        for name in ("prompts", "labels"):
            found = len(getattr(self, name))
            if found != len(self.query):
                raise ValueError(f"{name}: found {found}; expected {len(self.query)}, one for each query")
        return self


def read_body(text: bytes) -> RewardRequest:
    """Raises ValidationError."""
    try:
        return RewardRequest.model_validate_json(text)
    except ValidationError as error:
        if error.errors()[0]["type"] != "json_invalid":
            raise
        try:  # half of a surrogate pair, NaN: Python's own reader takes what OpenRLHF's writer makes of any text
            return RewardRequest.model_validate(json.loads(text))
        except ValueError as other:
            raise error if not isinstance(other, ValidationError) else other from None


def refusal(error: ValidationError) -> JSONResponse:
    """400 for what is not JSON, 422 naming the field for anything else."""
    first = error.errors()[0]
    if first["type"] == "json_invalid":
        return JSONResponse({"error": f"body: not JSON ({first['ctx']['error']})"}, 400)
    field = ".".join(map(str, first["loc"]))
    message = "expected an object (a dictionary)" if first["type"].startswith("model") else first["msg"]
    message = message.removeprefix("Value error, ")
    return JSONResponse({"error": f"{field}: {message}" if field else message}, 422)


class Application(NamedTuple):
    """An ASGI application, and the state whose ``draining`` makes /health say no, so that load balancers stay away."""

    app: ASGI
    state: State


def create_app(settings: Settings) -> Application:
    """Rewards straight from the request's bytes; everything else through FastAPI, whose layers cost as much again."""
    telemetry = Telemetry()
    judges = Judges(replace(settings.options, workers=1), settings.workers)
    # Twice as many batches as processes: each has the next one waiting.
    batcher = Batcher(judges.judge, settings.max_batch, settings.batch_wait, 2 * settings.workers)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await judges.start()
        async with batcher:
            yield
        await judges.close()

    pages = FastAPI(title="s2r rewards", lifespan=lifespan)
    pages.state.draining = False

    @pages.get("/health")
    async def health() -> JSONResponse:
        status = "draining" if pages.state.draining else "ok"
        return JSONResponse({"status": status}, 503 if pages.state.draining else 200)

    @pages.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    async def rewards(text: bytes) -> Response:
        try:
            body = read_body(text)
        except ValidationError as error:
            return refusal(error)
        answers = await batcher.submit(read_samples(body.query, body.prompts, body.labels))
        telemetry.add(answers)
        return Response(reply(answers), media_type="application/json")

    async def dispatch(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] in PATHS:
            message = await receive()  # the whole body: LimitBody has put it together
            response = await rewards(message.get("body", b""))
            await response(scope, receive, send)
        else:
            await pages(scope, receive, send)

    app: ASGI = LimitBody(dispatch, settings.max_bytes)
    if settings.token is not None:
        app = RequireToken(app, settings.token)
    return Application(Watch(app, telemetry, pages.state), pages.state)


class DrainingServer(uvicorn.Server):
    """On the first SIGTERM or SIGINT: keep serving for ``drain`` seconds, then finish what is under way.

    The kernel completes connections before the server accepts them; closing at once would reset those. A second
    signal ends the server at once.
    """

    def __init__(self, config: uvicorn.Config, state: State, drain: float) -> None:
        super().__init__(config)
        self.state, self.drain = state, drain
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.state.draining or self._loop is None:
            self.should_exit = self.force_exit = True
            return
        self.state.draining = True
        self._loop.call_soon_threadsafe(self._loop.call_later, self.drain, self._stop)

    def _stop(self) -> None:
        self.should_exit = True


def serve(settings: Settings, host: str, port: int, log_level: str = "info") -> None:
    """Serves until a signal; returns after the last answer.

    Raises:
        ValueError: other machines could reach it, and it asks for no token.
    """
    require_closed(host, settings.token)
    app, state = create_app(settings)
    config = uvicorn.Config(app, host=host, port=port, log_level=log_level, access_log=False, backlog=2048)
    DrainingServer(config, state, settings.drain).run()
