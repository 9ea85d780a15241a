"""Who may ask: a token, and no server that is open to other machines without one."""

from __future__ import annotations

import base64
import binascii
import hmac
import ipaddress
from pathlib import Path
from typing import Any

SHORTEST = 16


def read_token(path: str | Path) -> str:
    """The secret in a file, without the white space around it.

    Raises:
        ValueError: there is none, or one that can be guessed.
    """
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"token file {path}: cannot be read ({error})") from None
    if len(token) < SHORTEST or any(letter.isspace() for letter in token):
        raise ValueError(
            f"token file {path}: found {len(token)} characters; expected one word of at least {SHORTEST}, as "
            "`openssl rand -hex 32` makes it"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def require_closed(host: str, token: str | None) -> None:
    """ValueError for a server that anybody on the network could use."""
    if token is None and not is_loopback(host):
        raise ValueError(
            f"--host {host} lets every machine that reaches this one ask for rewards and read /metrics; add --token-file "
            "FILE (clients: --s2r.token_file, or http://s2r:TOKEN@host:port), or use --host 127.0.0.1"
        )


class RequireToken:
    """401 for requests without the token, as a bearer or as the password of basic authentication (which is what URLs
    with ``user:password@`` send). /health is open."""

    def __init__(self, app: Any, token: str) -> None:
        self.app, self.token = app, token.encode()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] == "/health" or self._may(scope):
            await self.app(scope, receive, send)
            return
        from starlette.responses import JSONResponse

        text = (
            "token: missing or wrong; send `Authorization: Bearer TOKEN`, or http://s2r:TOKEN@host:port as the address"
        )
        await JSONResponse({"error": text}, 401, {"www-authenticate": "Bearer"})(scope, receive, send)

    def _may(self, scope: dict[str, Any]) -> bool:
        kind, _, given = dict(scope["headers"]).get(b"authorization", b"").partition(b" ")
        if kind.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif kind.lower() != b"bearer":
            return False
        return hmac.compare_digest(given.strip(), self.token)
