"""Options for the trainers' formats, and the writing of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import bundle
from s2r_rewards.cli.kit.options import RecordFile
from s2r_rewards.cli.kit.show import say
from s2r_rewards.cli.kit.tokens import load_tokenizer
from s2r_rewards.datasets import formats
from s2r_rewards.datasets.initialization import InitializationTrajectory
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.records import write_records

Built = tuple[Problem, InitializationTrajectory]


@dataclass(frozen=True)
class Formats:
    """Which files to write for which trainer."""

    verl: Path | None = None
    openrlhf: Path | None = None
    trl: Path | None = None
    tokenizer: str | None = None
    system: str | None = None
    end_token: str = ""

    def __post_init__(self) -> None:
        if self.verl is not None and self.verl.suffix != ".parquet":
            raise click.UsageError(f"--verl {self.verl}: verl reads parquet; name a .parquet file")

    def write_sft(self, built: Sequence[Built]) -> None:
        """Trajectories to imitate, with their loss masks."""
        self._write("verl", (formats.verl_sft(p, t.segments, self.system) for p, t in built))
        rows = (formats.openrlhf_sft(p, t.segments, self.system, self.end_token) for p, t in built)
        self._write("openrlhf", rows)
        if self.trl and self.tokenizer:
            tokenizer = load_tokenizer(self.tokenizer)
            tokens = (formats.trl_sft_tokens(p, t.segments, tokenizer, self.system) for p, t in built)
            self._write("trl", tokens)
        else:
            self._write("trl", (formats.trl_sft(p, t.segments, self.system) for p, t in built))

    def write_prompts(self, problems: Sequence[Problem]) -> None:
        """Prompts for online RL."""
        self._write("verl", (formats.verl_prompt(p, i, self.system) for i, p in enumerate(problems)))
        self._write("openrlhf", (formats.openrlhf_prompt(p, self.system) for p in problems))
        self._write("trl", (formats.trl_prompt(p, self.system) for p in problems))

    def write_replay(self, kept: Path) -> None:
        """Offline replay data, streamed from the file of kept rollouts."""
        rows = (formats.verl_replay(r, i, self.system) for i, r in enumerate(read_rollouts(kept)))
        self._write("verl", rows)
        self._write("openrlhf", (formats.openrlhf_replay(r, self.system) for r in read_rollouts(kept)))

    def _write(self, trainer: str, rows: Iterable[formats.Row]) -> None:
        path = getattr(self, trainer)
        if path is not None:
            say(f"{path}: {write_records(path, rows)} rows for {trainer}")


def _no_trl(_: click.Context, __: click.Parameter, value: Path | None) -> None:
    if value is not None:
        raise click.UsageError("TRL has no replay of stored rollouts; use --verl or --openrlhf")


SYSTEM = click.Option(
    ["--system"],
    default=formats.SYSTEM_PROMPT,
    show_default=True,
    callback=lambda _, __, value: value or None,
    help="System prompt; empty: none.",
)
_VERL = click.Option(["--verl"], type=RecordFile(), help="Also write verl's parquet.")
_OPENRLHF = click.Option(["--openrlhf"], type=RecordFile(), help="Also write OpenRLHF's JSONL.")
_TRL = click.Option(["--trl"], type=RecordFile(), help="Also write TRL's JSONL.")
_TOKENIZER = click.Option(["--tokenizer"], help="For --trl: masks by token instead of by message.")
_END = click.Option(["--end-token"], default="<|im_end|>", show_default=True, help="For --openrlhf.")
_REFUSED = click.Option(["--trl"], type=RecordFile(), hidden=True, callback=_no_trl)

sft_formats = bundle("formats", Formats, _VERL, _OPENRLHF, _TRL, _TOKENIZER, SYSTEM, _END)
prompt_formats = bundle("formats", Formats, _VERL, _OPENRLHF, _TRL, SYSTEM)
replay_formats = bundle("formats", Formats, _VERL, _OPENRLHF, _REFUSED, SYSTEM)
