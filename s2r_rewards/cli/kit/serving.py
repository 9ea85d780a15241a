"""A model behind an OpenAI-compatible server: its options, and an output made of its replies."""

import asyncio
import importlib.util
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import Function, bundle
from s2r_rewards.cli.kit.formats import Formats
from s2r_rewards.cli.kit.options import option, options_of
from s2r_rewards.cli.kit.reading import Reading
from s2r_rewards.cli.kit.show import Progress, say
from s2r_rewards.datasets.llm.requests import Request, SamplingOptions, Usage, key_of
from s2r_rewards.datasets.resume import WorkLog
from s2r_rewards.rollouts.records import write_records


@dataclass
class Model:
    """Where the model is, how it is asked, and what a token costs."""

    url: str | None = option("Base URL of an OpenAI-compatible server, e.g. http://localhost:8000/v1.")
    launch_vllm: bool = option("Start vLLM here for the length of this command.", False, is_flag=True)
    vllm_args: str = option("Further `vllm serve` arguments, as one string.", "")
    model: str = option("Name of the model, or its path with --launch-vllm.")
    api: str = option(default="chat", type=click.Choice(["chat", "completions"]))
    temperature: float = option(default=0.7, type=click.FloatRange(0))
    top_p: float = option(default=1.0, type=click.FloatRange(0, 1, min_open=True))
    max_tokens: int = option(default=2048, type=click.IntRange(1))
    concurrency: int = option("Requests under way at a time.", 32, type=click.IntRange(1))
    retries: int = option("Further tries of a failed request.", 6, type=click.IntRange(0))
    timeout: float = option("Seconds to wait for one reply.", 600.0, type=click.FloatRange(0, min_open=True))
    api_key_env: str = option("Variable with the key.", "OPENAI_API_KEY")
    price_in: float = option("Price of a million prompt tokens, for the cost line.", 0.0)
    price_out: float = option("Price of a million generated tokens.", 0.0)
    seed: int = option("The same seed gives the same output.", 0)
    restart: bool = option("Throw earlier work on this output away.", False, is_flag=True)

    def __post_init__(self) -> None:
        if self.launch_vllm == bool(self.url):
            raise click.UsageError("give either --url or --launch-vllm")

    def write(
        self,
        output: Path,
        settings: dict[str, Any],
        requests: Callable[[], Iterable[Request]],
        reading: Reading,
        row: Callable[[dict[str, Any]], dict[str, Any]] = lambda reply: reply,
        extent: Sequence[str] = (),
    ) -> dict[str, Any]:
        """A row for every request, in their order; asks for those that no earlier run of the command has got.

        Returns:
            Replies, tokens and cost; ``missing`` replies where some failed.

        Args:
            settings: what the output depends on besides the model and its sampling.
            requests: makes the requests; called only if the output is not complete already.
            row: a reply with its request's context → its row.
            extent: settings that only say how many requests there are: where they change, the others go on.
        """
        settings = {**settings, "seed": self.seed, **asdict(self._sampling())}
        with WorkLog(output, settings, self.restart, extent=extent, key_of=key_of) as log:
            failures: list[str] = []
            if log.complete:
                say(f"{output} is complete already; --restart does it again")
                summary = log.summary()
            else:
                asked = list(requests())
                failures = self._ask(output, asked, log, reading.on_error)
                keys = [request.key for request in asked]
                write_records(output, map(row, log.rows(keys)))
                summary = self._summary(log.rows(keys))
            say(f"{output}: " + ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in summary.items()))
            if failures:
                say(f"{len(failures)} replies failed and are missing; the same command tries them again")
            elif not log.complete:
                log.finish(summary)
            return {**summary, "missing": len(failures)}

    def _sampling(self) -> SamplingOptions:
        return SamplingOptions(self.model, self.temperature, self.max_tokens, self.top_p, self.api)

    def _ask(self, output: Path, requests: Sequence[Request], log: WorkLog, on_error: str) -> list[str]:
        """Fills the log; returns the failures that ``--on-error skip`` passed over."""
        there = sum(request.key in log for request in requests)
        if there:
            say(f"going on with {there} of {len(requests)} replies from an earlier run")
        if all(request.key in log for request in requests):
            return []
        if importlib.util.find_spec("httpx") is None:  # everything else here works without the extra
            raise ImportError("asking a server needs httpx: pip install 's2r-rewards[data]'")
        from s2r_rewards.datasets.llm.client import CompletionClient, CompletionError, generate
        from s2r_rewards.datasets.llm.server import ServerError, launched_vllm

        usage = Usage()

        async def replies(url: str, bar: Progress) -> list[str]:
            key = os.environ.get(self.api_key_env)
            client = CompletionClient(url, self._sampling(), key, self.concurrency, self.retries, timeout=self.timeout)

            def done(row: dict[str, Any]) -> None:
                usage.add(row)
                bar.advance(note=f"{usage.completion_tokens:,} tokens, {client.retried} retries")

            async with client:
                return await generate(requests, client, log, self.seed, self.concurrency, on_error, done)

        try:
            if self.url is None:
                server_log = Path(f"{output}.vllm.log")
                say(f"starting vLLM with {self.model} (its output: {server_log})")
                server = launched_vllm(self.model, server_log, self.vllm_args)
                self.url = click.get_current_context().with_resource(server)  # until the command ends
            with Progress(output.stem, len(requests), there) as bar:
                failures = asyncio.run(replies(self.url, bar))
        except (CompletionError, ServerError) as error:
            raise click.ClickException(str(error)) from error
        for failure in failures[:5]:
            say(f"failed: {failure}")
        return failures

    def _summary(self, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Requests, tokens and cost of a whole output, over however many runs it took."""
        usage = Usage()
        for row in rows:
            usage.add(row)
        summary: dict[str, Any] = asdict(usage)
        if self.price_in or self.price_out:
            summary["cost"] = round(usage.cost(self.price_in, self.price_out), 6)
        return summary


def asking_options(flag: str, help: str, samples: int) -> Callable[[Function], Function]:
    """How problems are put to a model, as the argument ``asking``: what `sample_requests` takes."""
    number = click.Option([flag, "--samples"], default=samples, type=click.IntRange(1), show_default=True, help=help)
    text = click.Option(["--template"], default="{problem}", show_default=True, help="Text around the problem.")
    return bundle("asking", dict, number, *options_of(Formats, "system"), text)


def model_options(required: bool = True, **defaults: float) -> Callable[[Function], Function]:
    """The options of every command that asks a model, as its argument ``model``; None where none need be named."""

    def make(**values: Any) -> Model | None:
        return None if values["model"] is None else Model(**values)

    changes = {name: {"default": value} for name, value in defaults.items()}
    return bundle("model", make, *options_of(Model, model={"required": required}, **changes))
