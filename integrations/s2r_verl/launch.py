"""Starts a recipe with verl. OVERRIDES are verl's (Hydra's), such as trainer.n_gpus_per_node=4.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)
  S2R_START   model to start from (the recipe's)
"""

import os
import shlex
import sys
from pathlib import Path
from typing import Any

from s2r_rewards.adapter import ConfigError
from s2r_rewards.adapter.machine import installed
from s2r_rewards.adapter.recipes import Plan, RecipeError, launch, models_folder
from s2r_verl import contract
from s2r_verl.checks import config_problems, data_problems, find, require_columns
from s2r_verl.checks.chat import chat_problems
from s2r_verl.checks.data import MESSAGES_COLUMNS
from s2r_verl.checks.sft import kl_problems

WORKERS = ("reward.num_workers", "actor_rollout_ref.rollout.agent.num_workers")


def words(folder: Path, model: str, overrides: list[str]) -> list[str]:
    """What Hydra is told besides the stage: the model, and where its facts and verl's schema lie."""
    places = f"hydra.searchpath=[pkg://verl.trainer.config,file://{models_folder(folder.resolve()).parent}]"
    return [f"models@recipe={model}", *overrides, places]


def for_all_nodes(config: Any, overrides: list[str]) -> list[str]:
    """Overrides that give each node as many reward and agent-loop workers as the recipe has for one.

    verl spreads workers evenly over the nodes. What an override names itself stays.
    """
    nodes = int(find(config, "trainer.nnodes", 1))
    given = {word.partition("=")[0].lstrip("+~") for word in overrides}
    return [
        f"{key}={int(find(config, key)) * nodes}"
        for key in WORKERS
        if nodes > 1 and key not in given and isinstance(find(config, key), int)
    ]


def compose(folder: Path, stage: str, model: str, overrides: list[str]) -> Any:
    """The whole configuration of a recipe, as verl will see it. RecipeError if Hydra cannot make one."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir
    from hydra.errors import HydraException

    with initialize_config_dir(str(folder.resolve()), version_base=None):
        try:
            return hydra_compose(stage, overrides=words(folder, model, overrides))
        except HydraException as error:
            raise RecipeError(str(error)) from error


def is_sft(config: Any) -> bool:
    return find(config, "algorithm") is None


def uses_kl(config: Any) -> bool:
    """Whether SFT has the KL term of Eq. 1; ``s2r.beta=0`` leaves it out."""
    return find(config, "s2r.beta") not in (None, 0)


def problems(config: Any) -> list[str]:
    """Problems with the verl that is installed, with the configuration and with the data files that it names."""
    level, why = contract.verdict(installed("verl"))
    found = [why] if level == "problem" else []
    if level == "warning":
        print(f"s2r: {why}", file=sys.stderr)
    if not is_sft(config):
        found += config_problems(config) + chat_problems(config)
        try:
            return found + data_problems(config)
        except ConfigError as error:  # told above already
            return found or [str(error)]
    found += chat_problems(config)
    if uses_kl(config):
        found += kl_problems(config)
    for key in ("train_files", "val_files"):
        try:
            require_columns(find(config, f"data.{key}"), MESSAGES_COLUMNS, f"data.{key}")
        except ConfigError as error:
            found.append(str(error))
    return found


def trainer(config: Any) -> list[str]:
    """The program: torchrun for SFT, one driver process for RL (Ray starts the rest)."""
    if not is_sft(config):
        return [sys.executable, "-m", "verl.trainer.main_ppo"]
    where = ["--standalone"]
    if config.trainer.nnodes > 1:
        places = {"NODE_RANK": "0", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500"}
        given = [f"--{name.lower()}={os.environ.get(name, default)}" for name, default in places.items()]
        where = [f"--nnodes={config.trainer.nnodes}", *given]
    processes = f"--nproc_per_node={config.trainer.n_gpus_per_node}"
    module = "s2r_verl.sft.train" if uses_kl(config) else "verl.trainer.sft_trainer"
    return [sys.executable, "-m", "torch.distributed.run", processes, *where, "-m", module]


def plan(folder: Path, stage: str, model: str, overrides: list[str]) -> Plan:
    """What to run; SystemExit with status 1 when the configuration or its data cannot train."""
    config = compose(folder, stage, model, overrides)
    if not is_sft(config) and (more := for_all_nodes(config, overrides)):
        overrides = [*overrides, *more]
        config = compose(folder, stage, model, overrides)
    found = problems(config)
    if found:
        sys.exit("\n".join(f"s2r: {problem}" for problem in found))
    where = ["--config-path", str(folder.resolve()), "--config-name", stage, *words(folder, model, overrides)]
    environment = find(config, "recipe.env", {})
    if not is_sft(config):  # a Ray cluster that runs already knows nothing of this process's environment
        where += [f"+ray_kwargs.ray_init.runtime_env.env_vars.{k}='{v}'" for k, v in environment.items()]
    return Plan([[*trainer(config), *where]], environment)


def check(plan: Plan) -> int:
    """``plan`` has looked at everything already: says what would run."""
    variables = [f"{name}={value}" for name, value in plan.environment.items()]
    print("s2r: the recipe is fine; it would run\n ", *variables, shlex.join(plan.steps[0]))
    return 0


def main(arguments: list[str]) -> int:
    return launch(arguments, "verl", plan, check, wandb=("trainer.logger=[console,file,wandb]",))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
