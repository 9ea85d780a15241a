"""A client of ``s2r serve`` that no server can stop: it tries again with pauses, then counts a failure."""

from __future__ import annotations

import json
import math
import random
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from s2r_rewards.adapter import Options, Sample
from s2r_rewards.adapter.scoring import failed_sample
from s2r_rewards.server.access import read_token
from s2r_rewards.server.judges import Answer
from s2r_rewards.server.protocol import to_response

#: What a further try may mend: the server is busy, restarting, or behind a proxy that says so.
PASSING = frozenset((408, 425, 429, 500, 502, 503, 504))


class ServerError(RuntimeError):
    """The server refused or answered something else than the protocol says."""


@dataclass(frozen=True)
class RewardClient:
    """``reward_batch`` as :func:`s2r_rewards.server.protocol.reward_batch`, over HTTP. It never raises."""

    urls: tuple[str, ...]
    """Such as ``http://host:5000/get_reward``; each try takes the next one."""
    token: str | None = field(default=None, repr=False)
    tries: int = 8
    pause: float = 0.5
    """Seconds before the second try; doubled before each further one, at most 30, give or take a half."""
    timeout: float = 180.0
    """Seconds for one answer."""
    _turn: Any = field(default_factory=count, repr=False, compare=False)

    def __post_init__(self) -> None:
        for url in self.urls:
            if not url.startswith(("http://", "https://")) or not urlsplit(url).hostname:
                raise ValueError(f"reward server {url!r}: expected an address such as http://host:5000")
        if not self.urls:
            raise ValueError("reward server: no address; expected one such as http://host:5000")

    @classmethod
    def of(cls, addresses: str, token_file: str | Path | None = None) -> RewardClient:
        """From comma-separated addresses, and the file of the server's token unless the addresses hold it.

        Raises:
            ValueError: an address or the file cannot be used.
        """
        parts = [urlsplit(url.strip()) for url in addresses.split(",") if url.strip()]
        token = read_token(token_file) if token_file else next((p.password for p in parts if p.password), None)
        urls = [part._replace(netloc=part.netloc.rpartition("@")[2]) for part in parts]
        return cls(tuple(urlunsplit(u if u.path.strip("/") else u._replace(path="/get_reward")) for u in urls), token)

    def reward_batch(self, queries: Sequence[str], prompts: Sequence[str], labels: Sequence[Any]) -> dict[str, Any]:
        """The server's answer; where there is none after every try, the failing reward, counted."""
        body = json.dumps({"query": list(queries), "prompts": list(prompts), "labels": list(labels)}, default=str)
        try:
            return self._answer(body.encode(), len(queries))
        except ServerError as error:
            return to_response([Answer.of(failed_sample(Sample(query, ""), error, Options())) for query in queries])

    def _answer(self, body: bytes, samples: int) -> dict[str, Any]:
        for attempt in range(self.tries):
            if attempt:
                time.sleep(min(self.pause * 2 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.5))
            url = self.urls[next(self._turn) % len(self.urls)]
            try:
                return checked(self._post(url, body), samples)
            except urllib.error.HTTPError as error:
                problem = f"{url} answered {error.code}: {error.read(300).decode(errors='replace')}"
                if error.code not in PASSING:
                    raise ServerError(problem) from None
            except (OSError, ValueError, ServerError) as error:  # refused, timed out, cut off, not the protocol
                problem = f"{url}: {type(error).__name__}: {error}"
        raise ServerError(f"no answer after {self.tries} tries; the last: {problem}")

    def _post(self, url: str, body: bytes) -> Any:
        headers = {"content-type": "application/json"}
        if self.token is not None:
            headers["authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=self.timeout) as answer:
            return json.load(answer)


def checked(answer: Any, samples: int) -> dict[str, Any]:
    """The answer, if it holds one finite reward and score a sample. ServerError otherwise."""
    if not isinstance(answer, dict) or not isinstance(answer.get("extra_logs"), dict):
        raise ServerError(f"found {str(answer)[:100]}; expected rewards, scores and extra_logs")
    for name, values in (*((name, answer.get(name)) for name in ("rewards", "scores")), *answer["extra_logs"].items()):
        if not isinstance(values, list) or len(values) != samples or not all(map(_is_number, values)):
            raise ServerError(f"{name}: found {str(values)[:100]}; expected {samples} finite numbers")
    return answer


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
