"""The FastAPI application: OpenRLHF's reward protocol, /health and /metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, model_validator

from s2r_rewards.adapter import score_responses
from s2r_rewards.server.batching import Batcher
from s2r_rewards.server.middleware import LimitBody, Watch
from s2r_rewards.server.protocol import read_samples, to_response
from s2r_rewards.server.settings import Settings
from s2r_rewards.server.telemetry import Telemetry

PROMETHEUS_TEXT = "text/plain; version=0.0.4; charset=utf-8"


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


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application; ``app.state.draining`` makes /health say no, which asks load balancers to stay away."""
    settings = settings or Settings()
    telemetry = Telemetry()
    batcher = Batcher(partial(score_responses, options=settings.options), settings.max_batch, settings.batch_wait)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with batcher:
            yield

    app = FastAPI(title="s2r rewards", lifespan=lifespan)
    app.state.draining = False
    app.add_middleware(LimitBody, max_bytes=settings.max_bytes)
    app.add_middleware(Watch, telemetry=telemetry, state=app.state)

    @app.exception_handler(RequestValidationError)
    async def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return JSONResponse({"error": f"body: not JSON ({first['ctx']['error']})"}, 400)
        field = ".".join(map(str, first["loc"][1:]))
        message = first["msg"].removeprefix("Value error, ")
        return JSONResponse({"error": f"{field}: {message}" if field else message}, 422)

    @app.post("/get_reward")
    @app.post("/")
    async def get_reward(body: RewardRequest) -> JSONResponse:
        scored = await batcher.submit(read_samples(body.query, body.prompts, body.labels))
        telemetry.add(scored)
        return JSONResponse(to_response(scored))

    @app.get("/health")
    async def health() -> JSONResponse:
        status = "draining" if app.state.draining else "ok"
        return JSONResponse({"status": status}, 503 if app.state.draining else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(telemetry.text(), media_type=PROMETHEUS_TEXT)

    return app
