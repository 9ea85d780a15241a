"""Starts a recipe with OpenRLHF. OVERRIDES are OpenRLHF's flags, such as --train.num_episodes 2.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)        S2R_START   model to start from (the stage's)
  S2R_OUTPUT  folder for everything written (out)    S2R_GPUS    GPUs that SFT takes (8)
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from s2r_openrlhf import require_supported, train_sft
from s2r_openrlhf.checks.flags import flags, for_installed
from s2r_openrlhf.checks.rules import data_files, data_problems
from s2r_openrlhf.options import read_options, with_agent, with_client
from s2r_openrlhf.train_ppo_ray import require_good_flags, told
from s2r_rewards.adapter import ConfigError
from s2r_rewards.adapter.recipes import Plan, RecipeError, checked, compose, launch


def plan(folder: Path, stage: str, model: str, overrides: Sequence[str]) -> Plan:
    """What to run. ``overrides`` come last, so they count more than the recipe's flags."""
    settings = for_installed(compose(folder, stage, model))
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
    # Not the command `deepspeed`, which another environment's may be first on PATH.
    runner = [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", gpus]
    train = [*runner, "--module", train_sft.MODULE, "--s2r.beta", str(facts.get("kl_sft", 0)), *training]
    train += ["--data.tokenizer_chat_template", f"@{template}"]
    restore = [*sft, "restore", f"{output}/model", "--model", start]
    return Plan([prepare, train, restore], facts.get("env", {}), Path(output))


def parsed_step(step: Sequence[str], note: Callable[[str], None] = lambda text: None) -> Any:
    """What OpenRLHF makes of one step of a recipe; None for a step that is not OpenRLHF's.

    Args:
        note: gets what could not be looked into.

    Raises:
        ValueError: it is refused, with the way out.
    """
    if "s2r_openrlhf.train_ppo_ray" in step:
        options, rest = read_options(step[step.index("s2r_openrlhf.train_ppo_ray") + 1 :])
        options, rest = with_client(options, rest)
        parsed = require_good_flags(with_agent(rest, options), options)
        for name, path in data_files(parsed):
            if not path.is_file():
                note(f"not looked into: --{name} {path} (no such file here)")
        if bad := data_problems(parsed, options, must_exist=False):
            raise ConfigError(told(bad))
        return parsed.args
    if train_sft.MODULE in step:
        return train_sft.check(step[step.index(train_sft.MODULE) + 1 :])
    return None


def check(plan: Plan) -> int:
    """Prints each step; 0 if it can train, 2 for a flag or value that is refused, 1 for what is not installed."""

    def look() -> str:
        print("openrlhf", require_supported())
        for step in plan.steps:
            print("$", shlex.join(step))
            parsed_step(step, note=print)
        return "OpenRLHF accepts every flag"

    return checked("openrlhf", look)


def main(arguments: Sequence[str]) -> int:
    # A key that is not one: OpenRLHF asks for it to be given, and takes that of `wandb login` or WANDB_API_KEY.
    return launch(arguments, "openrlhf", plan, check, wandb=("--logger.wandb.key", "logged-in"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
