"""Starts a recipe with OpenRLHF. OVERRIDES are OpenRLHF's flags, such as --train.num_episodes 2.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)        S2R_START   model to start from (the stage's)
  S2R_OUTPUT  folder for everything written (out)    S2R_GPUS    GPUs that SFT takes (8)
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from s2r_openrlhf.check import SFT_MODULE, check_steps
from s2r_rewards.adapter.recipes import Plan, RecipeError, compose, launch


def flags(settings: Mapping[str, Any], prefix: str = "--") -> Iterator[str]:
    """``{"algo": {"kl": {"init_coef": 0.05}}}`` → ``--algo.kl.init_coef 0.05``.

    True is a bare flag; a flag that is None or False is not given; a list gives a flag several values.
    """
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flags(value, f"{prefix}{key}.")
        elif value is not None and value is not False:
            values = [] if value is True else value if isinstance(value, list) else [value]
            yield from (prefix + key, *map(str, values))


def plan(folder: Path, stage: str, model: str, overrides: Sequence[str]) -> Plan:
    """What to run. ``overrides`` come last, so they count more than the recipe's flags."""
    settings = compose(folder, stage, model)
    facts = settings.pop("recipe")
    try:
        output, start = facts["output"], facts["start"]
        training = [*flags(settings), *overrides]
        if "actor" in settings:
            return Plan(
                [[sys.executable, "-m", "s2r_openrlhf.train_ppo_ray", *training]], facts.get("env", {}), Path(output)
            )
        rows, gpus = facts["rows"], facts["gpus"]
    except KeyError as error:
        raise RecipeError(f"{folder / stage}.yaml: recipe.{error.args[0]} is missing") from None
    template = f"{output}/chat_template.jinja"
    sft = [sys.executable, "-m", "s2r_openrlhf.sft"]
    prepare = [*sft, "prepare", rows, "-o", f"{output}/rows.jsonl", "--model", start, "--template", template]
    train = ["deepspeed", "--num_gpus", gpus, "--module", SFT_MODULE, *training]
    train += ["--data.tokenizer_chat_template", f"@{template}"]
    restore = [*sft, "restore", f"{output}/model", "--model", start]
    return Plan([prepare, train, restore], facts.get("env", {}), Path(output))


def main(arguments: Sequence[str]) -> int:
    return launch(arguments, "openrlhf", plan, lambda made: check_steps(made.steps))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
