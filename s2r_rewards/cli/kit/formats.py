"""Options for the trainers' formats, and the writing of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import bundle
from s2r_rewards.cli.kit.options import option, options_of
from s2r_rewards.cli.kit.paths import RECORD_FILE
from s2r_rewards.cli.kit.scoring import load_tokenizer
from s2r_rewards.cli.kit.show import say
from s2r_rewards.datasets import formats
from s2r_rewards.datasets.initialization import InitializationTrajectory
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.records import write_records

Built = tuple[Problem, InitializationTrajectory]


@dataclass(frozen=True)
class Formats:
    """Which files to write for which trainer."""

    verl: Path | None = option("Also write verl's parquet.", type=RECORD_FILE)  # noqa: RUF009
    openrlhf: Path | None = option("Also write OpenRLHF's JSONL.", type=RECORD_FILE)  # noqa: RUF009
    trl: Path | None = option("Also write TRL's JSONL.", type=RECORD_FILE)  # noqa: RUF009
    tokenizer: str | None = option("For --trl: masks by token instead of by message.")
    system: str | None = option(
        "System prompt; empty: none.", formats.SYSTEM_PROMPT, callback=lambda _, __, value: value or None
    )
    end_token: str = option("For --openrlhf.", "<|im_end|>")

    def __post_init__(self) -> None:
        if self.verl is not None and self.verl.suffix != ".parquet":
            raise click.UsageError(f"--verl {self.verl}: verl reads parquet; name a .parquet file")

    def check_masks(self, built: Sequence[Built]) -> None:
        """Raises UsageError where --trl would train on what is masked: TRL masks by message, not within one."""
        masked = sum(not all(s.trained for s in t.segments) for _, t in built)
        if self.trl and not self.tokenizer and masked:
            raise click.UsageError(
                f"--trl without --tokenizer: {masked} trajectories hold wrong attempts that must not be trained, "
                "and TRL masks whole messages only; add --tokenizer MODEL to write token masks"
            )

    def write_sft(self, built: Sequence[Built]) -> None:
        """Trajectories to imitate, with their loss masks."""
        self._write("verl", (formats.verl_sft(p, t.segments, self.system) for p, t in built))
        rows = (formats.openrlhf_sft(p, t.segments, self.system, self.end_token) for p, t in built)
        self._write("openrlhf", rows)
        if self.trl and self.tokenizer:
            tokenizer = load_tokenizer(self.tokenizer)
            self._write("trl", (formats.trl_sft_tokens(p, t.segments, tokenizer, self.system) for p, t in built))
        else:
            self._write("trl", (formats.trl_sft(p, t.segments, self.system) for p, t in built))

    def write_prompts(self, problems: Sequence[Problem]) -> None:
        """Prompts for online RL."""
        self._write("verl", (formats.verl_prompt(p, i, self.system) for i, p in enumerate(problems)))
        self._write("openrlhf", (formats.openrlhf_prompt(p, self.system) for p in problems))
        self._write("trl", (formats.trl_prompt(p, self.system) for p in problems))

    def write_rows(self, verl: Sequence[formats.Row], openrlhf: Sequence[formats.Row]) -> None:
        """Rows that are made already."""
        self._write("verl", verl)
        self._write("openrlhf", openrlhf)

    def write_replay(self, kept: Path) -> None:
        """Offline replay data, streamed from the file of kept rollouts."""
        self._write("verl", (formats.verl_replay(r, i, self.system) for i, r in enumerate(read_rollouts(kept))))
        self._write("openrlhf", (formats.openrlhf_replay(r, self.system) for r in read_rollouts(kept)))

    def _write(self, trainer: str, rows: Iterable[formats.Row]) -> None:
        path = getattr(self, trainer)
        if path is not None:
            say(f"{path}: {write_records(path, rows)} rows for {trainer}")


def _without_trl(trl: Path | None, **given: str | Path | None) -> Formats:
    if trl is not None:
        raise click.UsageError("TRL has no replay of stored rollouts; use --verl or --openrlhf")
    return Formats(**given)  # type: ignore[arg-type]


_ALL = ("verl", "openrlhf", "trl", "system")
sft_formats = bundle("formats", Formats, *options_of(Formats))
prompt_formats = bundle("formats", Formats, *options_of(Formats, *_ALL))
replay_formats = bundle("formats", _without_trl, *options_of(Formats, *_ALL, trl={"hidden": True}))
