"""``python -m s2r_trl.train``: RL with S2RTrainer from a command line.

Takes every option of TRL's GRPOConfig and ModelConfig (``--learning_rate 5e-7``), ``--s2r.NAME VALUE`` for every option
of the library (``--s2r.method pag``), and those of :class:`Arguments`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s2r_rewards.adapter import ConfigError, Options
from s2r_trl import require_gradable
from s2r_trl.checks import require_good_config, require_supported


@dataclass
class Arguments:
    """What neither TRL nor the library's options have."""

    dataset: str = field(metadata={"help": "JSONL or parquet of `s2r data rl … --trl`, or a data set of the hub."})
    eval_dataset: str | None = field(default=None, metadata={"help": "The same for evaluation."})
    gold_column: str | None = field(
        default=None, metadata={"help": "Column of golden answers [gold, solution, answer]."}
    )
    loss: str = field(default="method", metadata={"help": "method: the method's own; trl: TRL's loss_type."})


@dataclass(frozen=True)
class Run:
    """Everything that a command line says."""

    options: Options
    data: Arguments
    config: Any
    """TRL's GRPOConfig."""
    model: Any
    """TRL's ModelConfig."""


def split_arguments(argv: Sequence[str]) -> tuple[Options, list[str]]:
    """(our options, the rest for TRL). ``--s2r.name value`` or ``--s2r.name=value``; values are read as YAML.

    Raises:
        ConfigError: an unknown name, or one without a value.
    """
    import yaml

    given: dict[str, Any] = {}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        if not word.startswith("--s2r."):
            rest.append(word)
            continue
        name, equals, value = word.removeprefix("--s2r.").partition("=")
        value = value if equals else next(words, "")
        if not value or value.startswith("--"):
            raise ConfigError(f"--s2r.{name} has no value")
        given[name] = yaml.safe_load(value)
    return Options.from_mapping(given, "--s2r.*"), rest


def read_arguments(argv: Sequence[str]) -> Run:
    """The command line as objects, each checked.

    Raises:
        ConfigError: a setting that cannot work, naming it and the way out.
        ValueError: TRL refuses one of its own.
    """
    from transformers import HfArgumentParser
    from trl import GRPOConfig, ModelConfig

    options, rest = split_arguments(argv)
    kinds: Any = (Arguments, GRPOConfig, ModelConfig)
    parser = HfArgumentParser(kinds, prog="python -m s2r_trl.train", allow_abbrev=False)
    data, config, model = parser.parse_args_into_dataclasses(args=rest)
    require_good_config(config, options, data.loss)
    if model.model_name_or_path is None:
        raise ConfigError("--model_name_or_path is missing: the model to start from")
    return Run(options, data, config, model)


def read_dataset(name: str, gold_column: str | None, options: Options) -> Any:
    """A data set whose golden answers can all be graded.

    Raises:
        ConfigError: there is no such file.
        ValueError: rows that cannot be graded, by number.
    """
    from datasets import load_dataset

    kind = {".jsonl": "json", ".json": "json", ".parquet": "parquet"}.get(Path(name).suffix)
    if kind and not Path(name).is_file():
        raise ConfigError(f"{name}: no such file; `s2r data rl … --trl {name}` makes one")
    rows = load_dataset(kind, data_files=name, split="train") if kind else load_dataset(name, split="train")
    require_gradable(rows, gold_column, options)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    try:
        require_supported()
        run = read_arguments(sys.argv[1:] if argv is None else argv)
        train, *evaluation = (
            read_dataset(name, run.data.gold_column, run.options)
            for name in (run.data.dataset, run.data.eval_dataset)
            if name
        )
    except (RuntimeError, ValueError) as error:
        raise SystemExit(f"s2r_trl: {error}") from None
    from trl import get_peft_config

    from s2r_trl.trainer import S2RTrainer

    run.config.model_init_kwargs = {
        "dtype": run.model.dtype,
        "attn_implementation": run.model.attn_implementation,
        "revision": run.model.model_revision,
        **(run.config.model_init_kwargs or {}),
    }
    trainer = S2RTrainer(
        run.model.model_name_or_path,
        args=run.config,
        train_dataset=train,
        eval_dataset=evaluation[0] if evaluation else None,
        peft_config=get_peft_config(run.model),
        options=run.options,
        gold_column=run.data.gold_column,
        loss=run.data.loss,
    )
    trainer.train(resume_from_checkpoint=run.config.resume_from_checkpoint)
    trainer.save_model(run.config.output_dir)


if __name__ == "__main__":
    main()
