"""A model behind an OpenAI-compatible server: its options, and an output made of its replies."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import Failed, Function, bundle
from s2r_rewards.cli.kit.formats import SYSTEM
from s2r_rewards.cli.kit.reading import Reading
from s2r_rewards.cli.kit.show import Progress, say
from s2r_rewards.datasets.llm.requests import Request, SamplingOptions, Usage
from s2r_rewards.datasets.resume import WorkLog
from s2r_rewards.rollouts.records import write_records


@dataclass
class Model:
    """Where the model is, how it is asked, and what a token costs; as a context manager, it ends what it started."""

    model: str
    url: str | None
    launch_vllm: bool
    vllm_args: str
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
    seed: int
    restart: bool
    _stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, init=False)

    def __post_init__(self) -> None:
        if self.launch_vllm == bool(self.url):
            raise click.UsageError("give either --url or --launch-vllm")

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def write(
        self,
        output: Path,
        settings: dict[str, Any],
        requests: Callable[[], Iterable[Request]],
        reading: Reading,
        row: Callable[[dict[str, Any]], dict[str, Any]] = lambda reply: reply,
    ) -> None:
        """A row for every request, in their order; asks for those that no earlier run of the command has got.

        Args:
            settings: what the output depends on besides the model and its sampling.
            requests: makes the requests; called only if the output is not complete already.
            row: a reply with its request's context → its row.
        """
        options = asdict(self._sampling())
        settings = {**settings, "seed": self.seed, **options}
        with WorkLog(output, settings, self.restart) as log:
            if log.complete:
                say(f"{output} is complete already; --restart does it again")
                _say_summary(output, log.summary())
                return
            asked = list(requests())
            failures = self._ask(output, asked, log, reading.on_error)
            keys = [request.key for request in asked]
            write_records(output, map(row, log.rows(keys)))
            summary = self._summary(log.rows(keys))
            _say_summary(output, summary)
            if failures:
                say(f"{len(failures)} replies failed and are missing; the same command tries them again")
            else:
                log.finish(summary)

    def _sampling(self) -> SamplingOptions:
        return SamplingOptions(self.model, self.temperature, self.max_tokens, self.top_p, self.api)

    def _ask(self, output: Path, requests: Sequence[Request], log: WorkLog, on_error: str) -> list[str]:
        """Fills the log; returns the failures that ``--on-error skip`` passed over."""
        if len(log):
            say(f"going on with {len(log)} of {len(requests)} replies from an earlier run")
        if all(request.key in log for request in requests):
            return []
        if importlib.util.find_spec("httpx") is None:  # everything else here works without the extra
            raise ImportError("asking a server needs httpx: pip install 's2r-rewards[data]'")
        from s2r_rewards.datasets.llm.client import CompletionError
        from s2r_rewards.datasets.llm.server import ServerError

        try:
            failures = asyncio.run(self._generate(self._address(output), output, requests, log, on_error))
        except (CompletionError, ServerError) as error:
            raise Failed(str(error)) from error
        for failure in failures[:5]:
            say(f"failed: {failure}")
        return failures

    def _address(self, output: Path) -> str:
        """The given address, or that of a vLLM started at the first need, for the length of the command."""
        if self.url is None:
            from s2r_rewards.datasets.llm.server import launched_vllm

            log = Path(f"{output}.vllm.log")
            say(f"starting vLLM with {self.model} (its output: {log})")
            self.url = self._stack.enter_context(launched_vllm(self.model, log, self.vllm_args))
        return self.url

    async def _generate(
        self, url: str, output: Path, requests: Sequence[Request], log: WorkLog, on_error: str
    ) -> list[str]:
        from s2r_rewards.datasets.llm.client import CompletionClient, generate

        key = os.environ.get(self.api_key_env)
        client = CompletionClient(url, self._sampling(), key, self.concurrency, self.retries, timeout=self.timeout)
        usage = Usage()
        with Progress(output.stem, len(requests), len(log)) as bar:

            def done(row: dict[str, Any]) -> None:
                usage.add(row)
                bar.advance(note=f"{usage.completion_tokens:,} tokens, {client.retried} retries")

            async with client:
                return await generate(requests, client, log, self.seed, self.concurrency, on_error, done)

    def _summary(self, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Requests, tokens and cost of a whole output, over however many runs it took."""
        usage = Usage()
        for row in rows:
            usage.add(row)
        summary: dict[str, Any] = asdict(usage)
        if self.price_in or self.price_out:
            summary["cost"] = round(usage.cost(self.price_in, self.price_out), 6)
        return summary


def _say_summary(output: Path, summary: dict[str, Any]) -> None:
    parts = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in summary.items())
    say(f"{output}: {parts}")


def asking_options(flag: str, help: str, samples: int) -> Callable[[Function], Function]:
    """How problems are put to a model, as the argument ``asking``: what `sample_requests` takes."""
    return bundle(
        "asking",
        dict,
        click.Option([flag, "--samples"], default=samples, show_default=True, help=help),
        SYSTEM,
        click.Option(["--template"], default="{problem}", show_default=True, help="Text around the problem."),
    )


def model_options(temperature: float, max_tokens: int, required: bool = True) -> Callable[[Function], Function]:
    """The options of every command that asks a model, as its argument ``model``; None where none need be named."""

    def option(name: str, help: str | None = None, **settings: Any) -> click.Option:
        if settings.get("default") not in (None, ""):
            settings.setdefault("show_default", True)
        return click.Option([name], help=help, **settings)

    def make(**values: Any) -> Model | None:
        return None if values["model"] is None else Model(**values)

    return bundle(
        "model",
        make,
        option("--url", "Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1."),
        option("--launch-vllm", "Start vLLM here for the length of this command.", is_flag=True),
        option("--vllm-args", "Further `vllm serve` arguments, as one string.", default=""),
        option("--model", "Name of the model, or its path with --launch-vllm.", required=required),
        option("--api", type=click.Choice(["chat", "completions"]), default="chat"),
        option("--temperature", default=temperature),
        option("--top-p", default=1.0),
        option("--max-tokens", default=max_tokens),
        option("--concurrency", "Requests under way at a time.", default=32),
        option("--retries", "Further tries of a failed request.", default=6),
        option("--timeout", "Seconds to wait for one reply.", default=600.0),
        option("--api-key-env", "Variable with the key.", default="OPENAI_API_KEY"),
        option("--price-in", "Price of a million prompt tokens, for the cost line.", default=0.0),
        option("--price-out", "Price of a million generated tokens.", default=0.0),
        option("--seed", "The same seed gives the same output.", default=0),
        option("--restart", "Throw earlier work on this output away.", is_flag=True),
    )
