"""Options for a model behind an OpenAI-compatible server, and the run of many requests against it."""

import asyncio
import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.data.common import Command, progress, say
from s2r_rewards.datasets.requests import Request, SamplingOptions, Usage
from s2r_rewards.datasets.resume import WorkLog


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the model is, how it is asked, and what a token costs."""

    url: str | None
    launch_vllm: bool
    vllm_args: str
    model: str
    api: str
    temperature: float
    top_p: float
    max_tokens: int
    concurrency: int
    retries: int
    timeout: float
    api_key_env: str
    price_in: float
    price_out: float

    def settings(self) -> dict[str, Any]:
        """What the texts depend on (a resumed run may use another address or concurrency)."""
        return asdict(self.sampling())

    def sampling(self) -> SamplingOptions:
        return SamplingOptions(self.model, self.temperature, self.max_tokens, self.top_p, self.api)


def serving_options(
    temperature: float, max_tokens: int, required: bool = True
) -> Callable[[Command], Command]:
    """The options of every command that asks a model; gives the command one ``serving`` argument.

    Without ``required``, that argument is None where no model is named.
    """
    options = [
        click.option("--url", help="Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1."),
        click.option("--launch-vllm", is_flag=True, help="Start vLLM here for the length of this command."),
        click.option("--vllm-args", default="", help="Further `vllm serve` arguments, as one string."),
        click.option("--model", required=required, help="Name of the model, or its path with --launch-vllm."),
        click.option("--api", type=click.Choice(["chat", "completions"]), default="chat", show_default=True),
        click.option("--temperature", default=temperature, show_default=True),
        click.option("--top-p", default=1.0, show_default=True),
        click.option("--max-tokens", default=max_tokens, show_default=True),
        click.option("--concurrency", default=32, show_default=True, help="Requests under way at a time."),
        click.option("--retries", default=6, show_default=True, help="Further tries of a failed request."),
        click.option("--timeout", default=600.0, show_default=True, help="Seconds to wait for one reply."),
        click.option(
            "--api-key-env", default="OPENAI_API_KEY", show_default=True, help="Variable with the key."
        ),
        click.option("--price-in", default=0.0, help="Price of a million prompt tokens, for the cost line."),
        click.option("--price-out", default=0.0, help="Price of a million generated tokens."),
    ]
    names = Serving.__dataclass_fields__

    def decorate(function: Command) -> Command:
        def command(**kwargs: Any) -> Any:
            serving = Serving(**{name: kwargs.pop(name) for name in names})
            if not required and serving.model is None:
                return function(serving=None, **kwargs)
            if serving.launch_vllm == bool(serving.url):
                raise click.UsageError("give either --url or --launch-vllm")
            return function(serving=serving, **kwargs)

        command.__doc__, command.__name__ = function.__doc__, function.__name__
        command.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]
        for option in reversed(options):
            option(command)
        return command  # type: ignore[return-value]

    return decorate


class Served:
    """The server of one command: the given one, or a vLLM that is started at the first need and ended at exit."""

    def __init__(self, serving: Serving, output: str) -> None:
        self.serving = serving
        self._log = Path(output + ".vllm.log")
        self._stack = contextlib.ExitStack()
        self._url = serving.url

    def __enter__(self) -> "Served":
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def url(self) -> str:
        """The base URL of a server that answers."""
        if self._url is None:
            from s2r_rewards.datasets.server import launched_vllm

            say(f"starting vLLM with {self.serving.model} (its output: {self._log})")
            launched = launched_vllm(self.serving.model, self._log, self.serving.vllm_args)
            self._url = self._stack.enter_context(launched)
        return self._url


def run_requests(
    label: str, requests: Sequence[Request], log: WorkLog, server: Served, seed: int, on_error: str
) -> list[str]:
    """Ask for everything that the log lacks; returns the failures that ``--on-error skip`` passed over."""
    missing = sum(r.key not in log for r in requests)
    if len(log):
        say(f"going on with {len(log)} of {len(requests)} replies from an earlier run")
    if not missing:
        return []
    _need_httpx()
    from s2r_rewards.datasets.client import CompletionError
    from s2r_rewards.datasets.server import ServerError

    usage = Usage()
    try:
        url = server.url()
        failures = asyncio.run(_run(label, requests, log, server.serving, url, seed, on_error, usage))
    except (CompletionError, ServerError) as error:
        raise click.ClickException(str(error)) from error
    for failure in failures[:5]:
        say(f"failed: {failure}")
    return failures


def _need_httpx() -> None:
    """Everything else here works without the extra."""
    if importlib.util.find_spec("httpx") is None:
        raise ImportError("asking a server needs httpx: pip install 's2r-rewards[data]'")


async def _run(
    label: str,
    requests: Sequence[Request],
    log: WorkLog,
    serving: Serving,
    url: str,
    seed: int,
    on_error: str,
    usage: Usage,
) -> list[str]:
    from s2r_rewards.datasets.client import CompletionClient
    from s2r_rewards.datasets.generation import generate

    client = CompletionClient(
        url,
        serving.sampling(),
        api_key=os.environ.get(serving.api_key_env),
        concurrency=serving.concurrency,
        retries=serving.retries,
        timeout=serving.timeout,
    )
    with progress(label, len(requests), len(log)) as bar:

        def done(row: dict[str, Any]) -> None:
            usage.add(row)
            bar.advance(note=f"{usage.completion_tokens:,} tokens, {client.retried} retries")

        async with client:
            return await generate(requests, client, log, seed, serving.concurrency, on_error, done)


def usage_summary(rows: Iterator[dict[str, Any]], serving: Serving) -> dict[str, Any]:
    """Requests, tokens and cost of a whole output, over however many runs it took."""
    usage = Usage()
    for row in rows:
        usage.add(row)
    summary: dict[str, Any] = {
        "replies": usage.done,
        "cut_off": usage.cut_off,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
    }
    if serving.price_in or serving.price_out:
        summary["cost"] = round(usage.cost(serving.price_in, serving.price_out), 6)
    return summary


def say_summary(output: str, summary: dict[str, Any]) -> None:
    parts = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in summary.items())
    say(f"{output}: {parts}")
