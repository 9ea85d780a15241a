"""Starts a recipe with OpenRLHF. OVERRIDES are OpenRLHF's flags, such as --train.num_episodes 2.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)        S2R_START   model to start from (the stage's)
  S2R_OUTPUT  folder for everything written (out)    S2R_GPUS    GPUs that SFT takes (8)
"""

import runpy
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from s2r_openrlhf import require_supported
from s2r_openrlhf.options import split_arguments
from s2r_openrlhf.train_ppo_ray import MODULE as RL_MODULE
from s2r_openrlhf.train_ppo_ray import with_agent
from s2r_rewards.adapter.recipes import Plan, RecipeError, compose, launch

SFT_MODULE = "openrlhf.cli.train_sft"


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


class _Parsed(Exception):
    """Carries the parsed arguments out of OpenRLHF's command line."""


def parsed_by_openrlhf(module: str, arguments: Sequence[str]) -> Any:
    """The namespace that OpenRLHF's command line would train with.

    Raises:
        SystemExit: its parser refuses the arguments (it prints why).
        AssertionError: its own checks refuse them.
    """
    import openrlhf.utils
    import ray

    def stop(args: Any) -> None:
        raise _Parsed(args)

    # The first thing that training does with its arguments, in both command lines, is to make a strategy of them.
    saved = openrlhf.utils.get_strategy, ray.is_initialized, sys.argv
    openrlhf.utils.get_strategy, ray.is_initialized, sys.argv = stop, lambda: True, [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__")
    except _Parsed as parsed:
        return parsed.args[0]
    finally:
        openrlhf.utils.get_strategy, ray.is_initialized, sys.argv = saved
    raise RuntimeError(f"{module} ended before it made a strategy of its arguments")


def parsed_step(step: Sequence[str]) -> Any:
    """What OpenRLHF makes of one step of a recipe; None for a step that is not OpenRLHF's."""
    if "s2r_openrlhf.train_ppo_ray" in step:
        options, rest, _ = split_arguments(step[step.index("s2r_openrlhf.train_ppo_ray") + 1 :])
        return parsed_by_openrlhf(RL_MODULE, with_agent(rest, options))
    if SFT_MODULE in step:
        return parsed_by_openrlhf(SFT_MODULE, step[step.index(SFT_MODULE) + 1 :])
    return None


def check(plan: Plan) -> int:
    """Prints each step; 0 if OpenRLHF accepts them all, else its parser's status or 1."""
    try:
        print("openrlhf", require_supported())
        for step in plan.steps:
            print("$", shlex.join(step))
            parsed_step(step)
    except (RuntimeError, ValueError, AssertionError, ImportError) as error:
        print(f"s2r_openrlhf: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("OpenRLHF accepts every flag")
    return 0


def main(arguments: Sequence[str]) -> int:
    return launch(arguments, "openrlhf", plan, check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
