"""The page and what it asks for over HTTP, for this machine alone.

Loopback only. Every address begins with a secret that is made anew at each start, and the Host header has to name this
machine, so that no page of another origin (nor one whose name was rebound to 127.0.0.1) can read what the model says.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
import signal
import sys
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from s2r_rewards.report import page
from s2r_rewards.report.live.following import Following
from s2r_rewards.report.summary import Summary, summary_of

HOST = "127.0.0.1"
HTTP_PORT = 80
LONGEST_ADDRESS = 8_192
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}


class Pages:
    """What is served, as text; figures are summed up once for each change."""

    def __init__(self, run: Following, title: str) -> None:
        self.run, self.title = run, title
        self._lock = threading.Lock()
        self._known: tuple[int, Summary] | None = None

    def summary(self) -> tuple[int, Summary]:
        """(version, figures) as they are now."""
        with self._lock, self.run.lock:
            if self._known is None or self._known[0] != self.run.version:
                self._known = self.run.version, summary_of(self.run.figures)
            return self._known

    def state(self) -> dict[str, Any]:
        """What changes while the run goes on."""
        version, summary = self.summary()
        figures = self.run.figures
        with self.run.lock:
            flags, deviations = dict(figures.flags), dict(figures.deviations)
            levels, steps = list(figures.levels), list(figures.steps)
        return {
            "version": version,
            "total": summary.overall.count,
            "meta": page.meta_of(summary),
            "note": self.run.status(),
            "levels": page.distinct(levels),
            "steps": page.distinct(steps),
            "seen": {"f": flags, "d": deviations},
        }

    def overview(self) -> str:
        """The sections of the overview; nothing before the first rollout."""
        _, summary = self.summary()
        if not summary.overall.count:
            return ""
        return page.overview(summary, {i: i + 1 for alarm in summary.alarms for i in alarm.evidence})

    def document(self) -> str:
        """The page."""
        return page.served(self.title, self.state(), self.overview())


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD under the server's secret; anything else is refused."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 60

    def do_GET(self) -> None:
        if self.server.closed:
            self.close_connection = True
            return None
        address = urlsplit(self.path)
        parts = address.path.split("/")
        if self.headers.get("Host", "") not in self.server.names:
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "this page is for the machine that it runs on")
        if len(self.path) > LONGEST_ADDRESS or len(parts) != 3:
            return self._refuse(HTTPStatus.NOT_FOUND, "no such page; the address is the one that s2r printed")
        if not hmac.compare_digest(parts[1].encode(), self.server.secret.encode()):
            return self._refuse(HTTPStatus.FORBIDDEN, "the address lacks its secret; it is the one that s2r printed")
        asked = dict(parse_qsl(address.query))
        pages, run = self.server.pages, self.server.pages.run
        if parts[2] == "":
            self._send(pages.document(), "text/html")
        elif parts[2] == "overview":
            self._send(pages.overview(), "text/html")
        elif parts[2] == "state":
            self._send_json(pages.state())
        elif parts[2] == "rows":
            self._send_json(run.rows(asked))
        elif parts[2] == "rollout" and asked.get("n", "").isdecimal():
            self._send_json(run.rollout(int(asked["n"][:12]) - 1))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    do_HEAD = do_GET

    def _send_json(self, value: Any) -> None:
        self._send(json.dumps(value, separators=(",", ":")), "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self._send(why + "\n", "text/plain", status)

    def _send(self, text: str, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        body = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: their addresses hold the secret."""

    def version_string(self) -> str:
        return "s2r"


class Server(ThreadingHTTPServer):
    """Listens from the start; :meth:`serve_forever` answers. Port 0 is any that is free."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, run: Following, title: str, port: int = 0) -> None:
        self.pages = Pages(run, title)
        self.closed = False
        self.secret = secrets.token_urlsafe(16)
        super().__init__((HOST, port), Handler)
        hosts = (HOST, "localhost")
        self.names = {f"{name}:{self.server_port}" for name in hosts}
        if self.server_port == HTTP_PORT:  # which browsers do not name
            self.names.update(hosts)
        self._reader = threading.Thread(target=run.run, name="s2r report: reading", daemon=True)

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://{HOST}:{self.server_port}/{self.secret}/"

    def open(self) -> None:
        """Shows the page in the user's browser.

        The browser is told a file beside the index that leads to the page: any user may read what processes are called
        with, and the address holds the secret.
        """
        path = self.pages.run.index.path.with_name("page.html")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(
                f'<!doctype html><meta http-equiv="refresh" content="0; url={self.address}"><title>s2r report</title>'
            )
        webbrowser.open(path.as_uri())

    def follow(self, browser: bool = False) -> None:
        """Reads and answers until Ctrl-C or SIGTERM; leaves nothing behind."""
        self._reader.start()
        if browser:  # some browsers return only when they are closed
            threading.Thread(target=self.open, name="s2r report: browser", daemon=True).start()
        try:
            signal.signal(signal.SIGTERM, signal.default_int_handler)
            self.serve_forever(poll_interval=0.2)
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Ends both and removes the index."""
        self.closed = True
        self.pages.run.close()
        self.server_close()
        if self._reader.is_alive():
            self._reader.join(10)
        self.pages.run.index.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)
