"""What S²R uses of verl, with the parameters it is used with: the guard against a verl that moved.

A version that was tested needs no check. Any other runs, with one warning, where all of this still holds, and is refused
where it does not, naming what changed.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any

from s2r_rewards.adapter.machine import installed, within

logger = logging.getLogger(__name__)

TESTED = ("0.9.0", "0.9.1")
WAY_OUT = 'pip install "verl==0.9.1"'
_V1 = "verl.trainer.ppo.v1"
_TRAINER_METHODS = {
    "__init__": "self config",
    "_build_replay_buffer": "self",
    "_init_dataloader": "self",
    "_compute_advantage": "self batch metrics",
    "_compute_metrics": "self batch metrics timing_raw global_steps epoch",
    "_val_metrics_update": "self data_sources sample_uids reward_extra_infos_dict sample_turns",
    "_save_checkpoint": "self",
    "_load_checkpoint": "self",
    "on_init_end": "self",
}
#: (module, name in it, parameters in order); further parameters must have defaults.
CONTRACT: tuple[tuple[str, str, str], ...] = (
    ("verl.utils.config", "validate_config", "config"),
    ("verl.utils.config", "omega_conf_to_dataclass", "config"),
    ("verl.trainer.main_ppo", "run_ppo", "config"),
    ("verl.trainer.constants_ppo", "get_ppo_ray_runtime_env", ""),
    ("verl.trainer.ppo.core_algos", "register_adv_est", "name_or_enum"),
    ("verl.trainer.ppo.core_algos", "register_policy_loss", "name"),
    ("verl.workers.utils.losses", "ppo_loss", "config model_output data dp_group"),
    ("verl.trainer.distillation", "distillation_ppo_loss", "config distillation_config model_output data dp_group"),
    ("verl.workers.utils.padding", "response_to_nested", ""),
    ("verl.workers.engine_workers", "ActorRolloutRefWorker.set_loss_fn", "self loss_fn"),
    ("verl.experimental.agent_loop.agent_loop", "register", "agent_name"),
    ("verl.experimental.agent_loop.agent_loop", "AgentLoopOutput.as_dict", "self"),
    ("verl.experimental.agent_loop.single_turn_agent_loop", "SingleTurnAgentLoop.run", "self sampling_params"),
    ("verl.experimental.reward_loop.reward_manager.registry", "register", "name"),
    (
        "verl.experimental.reward_loop.reward_manager.base",
        "RewardManagerBase.__init__",
        "self config tokenizer compute_score",
    ),
    ("verl.experimental.reward_loop.reward_manager.base", "RewardManagerBase.run_single", "self data"),
    (f"{_V1}.trainer_base", "register_trainer", "name"),
    *((f"{_V1}.trainer_base", f"PPOTrainer.{name}", names) for name, names in _TRAINER_METHODS.items()),
    *(
        (f"{_V1}.trainer_{mode}", f"PPOTrainer{cls}.on_init_end", "self")
        for mode, cls in (("sync", "Sync"), ("colocate_async", "ColocateAsync"), ("separate_async", "SeparateAsync"))
    ),
    (
        "verl.utils.dataset.multiturn_sft_dataset",
        "MultiTurnSFTDataset.__init__",
        "self parquet_files tokenizer config processor max_samples",
    ),
)


def problem_with(version: str | None) -> str | None:
    """Why no run can start with this version, whatever it contains, and the way out; None where it may."""
    tested = " and ".join(TESTED)
    if version is None:
        return f'verl is not installed; tested with {tested}: pip install "s2r-rewards[verl]"'
    if not within(version, (0, 9), (1_000_000,)):
        return (
            f"verl {version} is not supported; s2r_verl needs verl >=0.9 (tested with {tested}), "
            f"because hooks moved between versions: {WAY_OUT}"
        )
    return None


def is_tested(version: str) -> bool:
    """Whether the tests ran on this version (or on a build of it)."""
    return any(version == one or version.startswith((f"{one}+", f"{one}.post")) for one in TESTED)


def running_version() -> str | None:
    """That of the verl which is imported: it may be a source tree without metadata."""
    import verl

    return getattr(verl, "__version__", None) or installed("verl")


def broken(lines: Iterable[tuple[str, str, str]] = CONTRACT) -> list[str]:
    """What of the contract does not hold in the verl that is installed. Imports it."""
    return [problem for module, name, names in lines if (problem := _broken(module, name, names.split()))]


def _broken(module: str, name: str, names: list[str]) -> str | None:
    try:
        function: Any = reduce(getattr, name.split("."), importlib.import_module(module))
        found = inspect.signature(function).parameters
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        return f"{module}.{name}: {type(error).__name__}: {error}"
    plain = [p.name for p in found.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    needed = [
        p.name
        for p in found.values()
        if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and p.name not in names
    ]
    if plain[: len(names)] != names or (names and needed and name in _CALLED):
        return f"{module}.{name}({', '.join(map(str, found.values()))}); expected ({', '.join(names)}, …)"
    return None


#: What we call ourselves, so that a new parameter without a default would break the call.
_CALLED = ("ppo_loss", "distillation_ppo_loss", "ActorRolloutRefWorker.set_loss_fn", "register_trainer", "register")


def verdict(version: str | None, check: Callable[[], list[str]] | None = None) -> tuple[str, str]:
    """(``ok``, ``warning`` or ``problem``; one line that says why)."""
    problem = problem_with(version)
    if problem or version is None:
        return "problem", problem or ""
    if is_tested(version):
        return "ok", ""
    changed = (check or broken)()
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        return "problem", f"verl {version} is not what s2r_verl was written for: {changed[0]}{more}. Way out: {WAY_OUT}"
    tested = " and ".join(TESTED)
    return "warning", f"verl {version} was not tested ({tested} were); everything that S2R uses of it is still there"


def require() -> None:
    """Raises RuntimeError where the running verl cannot work; warns once where it was not tested."""
    level, why = verdict(running_version())
    if level == "problem":
        raise RuntimeError(why)
    if level == "warning" and not _warned:
        _warned.append(why)
        logger.warning(why)


_warned: list[str] = []
