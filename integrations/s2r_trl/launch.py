"""Starts a recipe with TRL. OVERRIDES are options of TRL's GRPOConfig, such as --learning_rate 1e-6.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)        S2R_START   model to start from (the recipe's)
  S2R_OUTPUT  folder for everything written (out)    S2R_GPUS    processes, one a GPU (8)
"""

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from s2r_rewards.adapter.recipes import Plan, RecipeError, checked, compose, launch
from s2r_trl.checks import require_supported

MODULE = "s2r_trl.train"


def flags(settings: Mapping[str, Any]) -> Iterator[str]:
    """``{learning_rate: 1e-6}`` as ``--learning_rate 1e-06``; null: none."""
    for name, value in settings.items():
        if value is not None:
            yield from (f"--{name}", str(value))


def plan(folder: Path, stage: str, model: str, overrides: Sequence[str]) -> Plan:
    """What to run. ``overrides`` come last, so they count more than the recipe's."""
    settings = compose(folder, stage, model)
    facts = settings.pop("recipe")
    try:
        own = {f"s2r.{name}": value for name, value in settings.pop("s2r", {}).items()}
        training = [*flags(own), *flags(settings["trl"]), *overrides]
        start = [
            sys.executable,
            "-m",
            "accelerate.commands.launch",
            "--num_processes",
            str(facts["gpus"]),
            *map(str, facts.get("accelerate", [])),
        ]
        return Plan([[*start, "-m", MODULE, *training]], facts.get("env", {}), Path(facts["output"]))
    except KeyError as error:
        raise RecipeError(f"{folder / stage}.yaml: {error.args[0]} is missing") from None


def check(plan: Plan) -> int:
    """Prints each step; 0 if it can train, 2 for a setting that is refused, 1 for what is not installed."""
    from s2r_trl.train import read_arguments, read_dataset

    def look() -> str:
        print("trl", require_supported())
        for step in plan.steps:
            print("$", shlex.join(step))
            # Whether this machine has GPUs is `s2r doctor`'s business.
            run = read_arguments([*step[step.index(MODULE) + 1 :], "--use_cpu", "True"])
            for name in filter(None, (run.data.dataset, run.data.eval_dataset)):
                if Path(name).suffix and not Path(name).is_file():
                    print(f"not looked into: {name} (no such file here)")
                else:
                    read_dataset(name, run.data.gold_column, run.options)
        return "TRL accepts every option"

    return checked("trl", look)


def main(arguments: Sequence[str]) -> int:
    return launch(arguments, "trl", plan, check, wandb=("--report_to", "wandb"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
