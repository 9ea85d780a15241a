"""Runs the application under uvicorn, with a shutdown that drops no request."""

from __future__ import annotations

import asyncio
from socket import socket
from types import FrameType

import uvicorn
from starlette.datastructures import State

from s2r_rewards.server.app import create_app
from s2r_rewards.server.settings import Settings


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
    """Serves until a signal; returns after the last answer."""
    app = create_app(settings)
    config = uvicorn.Config(app, host=host, port=port, log_level=log_level, access_log=False, backlog=2048)
    DrainingServer(config, app.state, settings.drain).run()
