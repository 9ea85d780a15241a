"""The ``--s2r.*`` options: read from a command line, carried to Ray actors in one environment variable."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from functools import partial
from typing import Any

from s2r_rewards.baselines import BASELINES, running
from s2r_rewards.grammar import get_grammar
from s2r_rewards.presets import PRESETS, Preset, get_preset

ENVIRONMENT = "S2R_OPENRLHF"
LEVELS = ("process", "outcome")
#: Baselines that need nothing but the batch's action rewards.
ONLINE_BASELINES = ("reward_context", "position", "running")


@dataclass(frozen=True)
class Options:
    """How rewards are made. ``None`` leaves the choice to the preset."""

    level: str = "process"
    preset: str = "paper"
    grammar: str | None = None
    baseline: str | None = None
    leave_one_out: bool = False
    offline: bool = False
    rollouts: str | None = None

    def __post_init__(self) -> None:
        _one_of("level", self.level, LEVELS)
        _one_of("preset", self.preset, tuple(PRESETS))
        if self.grammar is not None:
            get_grammar(self.grammar)
        if self.baseline is not None:
            _one_of("baseline", self.baseline, ONLINE_BASELINES)
        if self.leave_one_out and self.baseline_name == "running":
            raise ValueError(
                "--s2r.leave_one_out: the running baseline never contains the action itself; drop it"
            )

    @property
    def rules(self) -> Preset:
        return get_preset(self.preset)

    @property
    def grammar_name(self) -> str:
        return self.grammar or self.rules.grammar

    @property
    def baseline_name(self) -> str:
        return self.baseline or self.rules.process_baseline

    def make_baseline(self) -> Callable[..., Any]:
        """The baseline as one callable (rewards, groups) → baselines; a fresh state for ``running``."""
        if self.baseline_name == "running":
            return running(min_count=self.rules.min_count)
        function: Any = BASELINES[self.baseline_name]
        return partial(function, leave_one_out=self.leave_one_out, min_count=self.rules.min_count)

    def to_environment(self) -> dict[str, str]:
        return {ENVIRONMENT: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Options:
        """What the entry point left in the environment; without it the defaults.

        Raises:
            ValueError: the variable holds something else, naming the field.
        """
        text = os.environ.get(ENVIRONMENT, "{}")
        try:
            given = json.loads(text)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise ValueError(f'{ENVIRONMENT}={text!r}: expected a JSON object such as {{"preset": "paper"}}')
        unknown = sorted(set(given) - {f.name for f in fields(cls)})
        if unknown:
            raise ValueError(
                f"{ENVIRONMENT}: unknown option {unknown[0]!r}; known: {[f.name for f in fields(cls)]}"
            )
        return cls(**given)


def _one_of(name: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"--s2r.{name}: found {value!r}; expected one of {', '.join(known)}")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m s2r_openrlhf.train_ppo_ray",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        add_help=False,
        description="OpenRLHF's train_ppo_ray with S²R rewards. Takes every option of OpenRLHF, and these:",
        epilog="""example (process-level RL, one node):
  python -m s2r_openrlhf.train_ppo_ray --s2r.level process \\
      --actor.model_name_or_path ./sft --data.prompt_dataset prompts.jsonl \\
      --data.input_key input --data.label_key label --data.apply_chat_template \\
      --algo.advantage.estimator rloo --rollout.n_samples_per_prompt 4 --vllm.num_engines 1

OpenRLHF's own options follow with: python -m openrlhf.cli.train_ppo_ray --help""",
    )
    parser.add_argument(
        "--s2r.level", choices=LEVELS, help="rewards per action, or one for the response (process)"
    )
    parser.add_argument(
        "--s2r.preset", choices=tuple(PRESETS), help="rules of the paper or of its code (paper)"
    )
    parser.add_argument(
        "--s2r.grammar", help="how responses are parsed: paper, released or tags (the preset's)"
    )
    parser.add_argument(
        "--s2r.baseline", choices=ONLINE_BASELINES, help="baseline of action rewards (the preset's)"
    )
    parser.add_argument(
        "--s2r.leave_one_out",
        action="store_true",
        default=None,
        help="leave each action out of its own baseline",
    )
    parser.add_argument(
        "--s2r.offline",
        action="store_true",
        default=None,
        help="replay stored rollouts (rows of `s2r data` for OpenRLHF replay) instead of sampling",
    )
    parser.add_argument(
        "--s2r.rollouts", metavar="FILE", help="append every rollout of training to this JSONL file"
    )
    parser.add_argument("-h", "--help", action="store_true", help="show this help")
    return parser


def split_arguments(argv: Sequence[str]) -> tuple[Options, list[str], bool]:
    """(our options, the rest for OpenRLHF, whether help was asked for)."""
    known, rest = build_parser().parse_known_args(list(argv))
    mistyped = [a for a in rest if a.startswith("--s2r.")]
    if mistyped:
        build_parser().error(f"unknown option {mistyped[0]}; see --help")
    given = {
        name.removeprefix("s2r."): value for name, value in vars(known).items() if name.startswith("s2r.")
    }
    try:
        options = Options(**{name: value for name, value in given.items() if value is not None})
    except ValueError as error:
        build_parser().error(str(error))
    return options, rest, known.help
