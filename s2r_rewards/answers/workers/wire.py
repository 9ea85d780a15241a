"""Lines of JSON over a socket: what the pool, the nursery and the workers say to each other."""

from __future__ import annotations

import json
import socket
import time
from typing import Any


class Line:
    """One end of a socket that carries one JSON object a line; used by one thread at a time."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self._rest = b""

    def send(self, message: dict[str, Any], limit: float | None = None) -> None:
        """Raises OSError when nobody listens any more."""
        self.end.settimeout(limit)
        self.end.sendall(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    def receive(self, limit: float | None = None) -> dict[str, Any]:
        """The next object.

        Raises:
            TimeoutError: none came within ``limit`` seconds; what did come is kept.
            EOFError: the other end is closed.
        """
        deadline = None if limit is None else time.monotonic() + limit
        pieces = [self._rest]
        try:
            while b"\n" not in pieces[-1]:
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError
                self.end.settimeout(left)
                piece = self.end.recv(1 << 18)
                if not piece:
                    raise EOFError
                pieces.append(piece)
        except BaseException as error:
            self._rest = b"".join(pieces)
            if isinstance(error, ConnectionError):
                raise EOFError from None
            raise
        line, _, self._rest = b"".join(pieces).partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message
