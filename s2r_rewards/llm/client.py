"""A small asynchronous client for OpenAI-compatible servers, with retries."""

from __future__ import annotations

import asyncio
import email.utils
import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from s2r_rewards.turns.chat import thinking_of, with_thinking

#: How often an empty reply is asked for again before it is taken for what the model says.
ASKED_AGAIN = 2
RETRY_STATUSES = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """What a completion depends on besides its messages and seed."""

    model: str
    temperature: float = 0.7
    max_tokens: int = 2048
    top_p: float = 1.0
    api: str = "chat"


class CompletionError(RuntimeError):
    """A request that failed for good; says what was asked, what came back and what to do."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One generated text. ``finished``: the model ended by itself (True) or was cut off by length (False)."""

    response: str
    finished: bool
    prompt_tokens: int
    completion_tokens: int


class CompletionClient:
    """Use as ``async with CompletionClient(url, options) as client: await client.complete(messages, seed)``.

    Args:
        base_url: the server's address up to and including ``/v1``.
        options: model and sampling settings. ``api="completions"`` sends the last message's text as a raw
            prompt, for base models without a chat template.
        concurrency: connections that are kept; how much is under way at a time is up to the caller.
        retries: further tries after a failed one (connection, time-out, 429, 5xx, unreadable reply).
        backoff: seconds before the first retry; doubles each time up to 60, with jitter. A server's
            ``Retry-After`` wins.
    """

    def __init__(
        self,
        base_url: str,
        options: SamplingOptions,
        api_key: str | None = None,
        concurrency: int = 32,
        retries: int = 6,
        backoff: float = 1.0,
        timeout: float = 600.0,
    ) -> None:
        self.base_url, self.options = base_url.rstrip("/"), options
        self.retries, self.backoff = retries, backoff
        self.retried = 0
        import httpx  # here, so that what only names a model needs no client

        self._failures = httpx.HTTPError
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self._http = httpx.AsyncClient(headers=headers, limits=limits, timeout=httpx.Timeout(timeout, connect=10.0))

    async def __aenter__(self) -> CompletionClient:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._http.aclose()

    async def complete(self, messages: list[dict[str, str]], seed: int) -> Completion:
        """One completion. Raises CompletionError once the retries are used up or the request is refused."""
        path, body = self._request(messages, seed)
        for attempt in range(self.retries + 1):
            problem, wait = "", 0.0
            try:
                reply = await self._http.post(self.base_url + path, json=body)
                if reply.status_code == 200:
                    completion = self._read(reply.json())
                    if completion.response.strip() or attempt >= min(ASKED_AGAIN, self.retries):
                        return completion
                    self.retried += 1
                    continue
                problem = f"status {reply.status_code}: {reply.text[:300]}"
                if reply.status_code not in RETRY_STATUSES:
                    hint = "" if self.base_url.endswith("/v1") else " (addresses mostly end in /v1)"
                    raise CompletionError(f"{self.base_url}{path}: {problem}{hint}")
                wait = _retry_after(reply.headers.get("retry-after"))
            except self._failures as error:
                problem = f"{type(error).__name__}: {error}"
            except (ValueError, KeyError, IndexError, TypeError) as error:
                problem = f"unreadable reply ({type(error).__name__}: {error})"
            if attempt < self.retries:
                self.retried += 1
                pause = min(60.0, self.backoff * 2**attempt) * random.uniform(0.5, 1.0)
                await asyncio.sleep(max(wait, pause))
        raise CompletionError(
            f"{self.base_url}{path}: gave up after {self.retries + 1} tries; the last one: {problem}. "
            "Is the server up, the model name right? Finished work is kept: run the command again to go on."
        )

    def _request(self, messages: list[dict[str, str]], seed: int) -> tuple[str, dict[str, Any]]:
        body = {**asdict(self.options), "seed": seed}
        if body.pop("api") == "completions":
            return "/completions", {**body, "prompt": messages[-1]["content"]}
        return "/chat/completions", {**body, "messages": messages}

    def _read(self, reply: dict[str, Any]) -> Completion:
        choice = reply["choices"][0]
        message = {"content": choice["text"]} if self.options.api == "completions" else choice["message"]
        text = with_thinking(message["content"], thinking_of(message))
        if text is None:
            raise ValueError(f"no text in it (content null, finish_reason {choice.get('finish_reason')!r})")
        usage = reply.get("usage") or {}
        return Completion(
            response=text,
            finished=choice.get("finish_reason") == "stop",
            prompt_tokens=int(usage.get("prompt_tokens") or 0),
            completion_tokens=int(usage.get("completion_tokens") or 0),
        )


def _retry_after(value: str | None) -> float:
    """Seconds named by a Retry-After header (a number or a date), at most ten minutes."""
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0.0
    return min(max(seconds, 0.0), 600.0)
