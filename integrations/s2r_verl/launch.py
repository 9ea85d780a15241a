"""Starts a recipe: ``python -m s2r_verl.launch FOLDER [--check] [verl overrides …]``.

FOLDER holds a ``config.yaml`` whose defaults list names verl's schema, a model and a stage; the shared parts come with
the library, so a copied recipe works anywhere. ``--check`` composes the configuration, looks for problems and stops.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from s2r_verl.checks import MESSAGES_COLUMNS, RL_COLUMNS, config_problems, find, require_columns
from s2r_verl.options import ConfigError

SFT_SCHEMA = "sft_trainer_engine"


def shared_folder() -> Path:
    """``_shared`` of the verl recipes, in a checkout or in an installed wheel."""
    from s2r_rewards.cli.recipes import recipes_folder

    return recipes_folder() / "verl" / "_shared"


def search_path() -> str:
    return f"hydra.searchpath=[pkg://verl.trainer.config,file://{shared_folder()}]"


def compose(folder: Path, overrides: list[str]) -> Any:
    """The whole configuration of a recipe, as verl will see it."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    with initialize_config_dir(str(folder.resolve()), version_base=None):
        return hydra_compose("config", overrides=[*overrides, search_path()])


def is_sft(config: Any) -> bool:
    return find(config, "algorithm") is None


def problems(config: Any) -> list[str]:
    """Problems with the configuration and with the data files that it names."""
    columns = MESSAGES_COLUMNS if is_sft(config) else RL_COLUMNS
    found = [] if is_sft(config) else config_problems(config)
    for key in ("train_files", "val_files"):
        try:
            require_columns(find(config, f"data.{key}"), columns, f"data.{key}")
        except ConfigError as error:
            found.append(str(error))
    return found


def command(folder: Path, config: Any, overrides: list[str]) -> list[str]:
    """What to execute: torchrun for SFT, one driver process for RL (Ray starts the rest)."""
    where = ["--config-path", str(folder.resolve()), "--config-name", "config", *overrides, search_path()]
    if not is_sft(config):
        return [sys.executable, "-m", "verl.trainer.main_ppo", *where]
    trainer = config.trainer
    launch = [sys.executable, "-m", "torch.distributed.run", f"--nproc_per_node={trainer.n_gpus_per_node}"]
    if trainer.nnodes > 1:
        launch += [
            f"--nnodes={trainer.nnodes}",
            f"--node_rank={os.environ.get('NODE_RANK', '0')}",
            f"--master_addr={os.environ.get('MASTER_ADDR', 'localhost')}",
            f"--master_port={os.environ.get('MASTER_PORT', '29500')}",
        ]
    else:
        launch.append("--standalone")
    return [*launch, "-m", "verl.trainer.sft_trainer", *where]


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    folder, overrides = Path(arguments[0]), [a for a in arguments[1:] if a != "--check"]
    config = compose(folder, overrides)
    found = problems(config)
    for problem in found:
        print(f"s2r: {problem}", file=sys.stderr)
    if found:
        return 1
    run = command(folder, config, overrides)
    if "--check" in arguments:
        print(f"s2r: {folder} is fine; it would run\n  {' '.join(run)}")
        return 0
    os.execv(run[0], run)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
