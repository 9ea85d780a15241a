"""Options for the trainers' formats, and the writing of them."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import click

from s2r_rewards.cli.data.common import Command, say
from s2r_rewards.datasets import formats
from s2r_rewards.datasets.initialization import InitializationTrajectory
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.records import read_records, write_records


def format_options(function: Command) -> Command:
    """--verl, --openrlhf, --trl, --tokenizer, --system, --end-token."""
    for option in reversed(
        [
            click.option("--verl", help="Also write verl's parquet."),
            click.option("--openrlhf", help="Also write OpenRLHF's JSONL."),
            click.option("--trl", help="Also write TRL's JSONL."),
            click.option("--tokenizer", help="Tokeniser for --trl: masks by token instead of by message."),
            click.option("--system", default=formats.SYSTEM_PROMPT, help="System prompt; empty: none."),
            click.option("--end-token", default="<|im_end|>", show_default=True, help="For --openrlhf."),
        ]
    ):
        function = option(function)
    return function


def system_of(options: dict[str, Any]) -> str | None:
    return options["system"] or None


def write_sft(
    built: Sequence[tuple[Problem, InitializationTrajectory]], system: str | None, options: dict[str, Any]
) -> None:
    """SFT data in every format that was asked for."""
    tokenizer = _tokenizer(options["tokenizer"]) if options["trl"] and options["tokenizer"] else None
    rows: dict[str, Callable[[Problem, InitializationTrajectory], formats.Row]] = {
        "verl": lambda p, t: formats.verl_sft(p, t.segments, system),
        "openrlhf": lambda p, t: formats.openrlhf_sft(p, t.segments, system, options["end_token"]),
        "trl": lambda p, t: (
            formats.trl_sft_tokens(p, t.segments, tokenizer, system)
            if tokenizer
            else formats.trl_sft(p, t.segments, system)
        ),
    }
    for name, row in rows.items():
        if options[name]:
            _write(options[name], name, (row(p, t) for p, t in built))


def write_prompts(problems: Sequence[Problem], system: str | None, options: dict[str, Any]) -> None:
    """RL prompts in every format that was asked for."""
    if options["verl"]:
        rows = (formats.verl_prompt(p, i, system) for i, p in enumerate(problems))
        _write(options["verl"], "verl", rows)
    if options["openrlhf"]:
        _write(options["openrlhf"], "openrlhf", (formats.openrlhf_prompt(p, system) for p in problems))
    if options["trl"]:
        _write(options["trl"], "trl", (formats.trl_prompt(p, system) for p in problems))


def write_replay(rollouts: str, system: str | None, options: dict[str, Any]) -> None:
    """Offline replay data, streamed from the file of kept rollouts."""

    def records() -> Iterator[dict[str, Any]]:
        return (record for _, record in read_records(rollouts))

    if options["verl"]:
        rows = (formats.verl_replay(r, i, system) for i, r in enumerate(records()))
        _write(options["verl"], "verl", rows)
    if options["openrlhf"]:
        _write(options["openrlhf"], "openrlhf", (formats.openrlhf_replay(r, system) for r in records()))
    if options["trl"]:
        raise click.UsageError("TRL has no replay of stored rollouts; use --verl or --openrlhf")


def _write(path: str, name: str, rows: Iterable[formats.Row]) -> None:
    if name == "verl" and not path.endswith(".parquet"):
        raise click.UsageError(f"--verl {path}: verl reads parquet; name a .parquet file")
    count = write_records(path, rows)
    say(f"{path}: {count} rows for {name}")


def _tokenizer(name: str) -> Any:
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError("--tokenizer needs pip install transformers") from error
    return AutoTokenizer.from_pretrained(name)
