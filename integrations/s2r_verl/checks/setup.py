"""What a verl configuration says about S²R, read once; the rules beside this module look at nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from s2r_rewards.adapter import Options, resolve_method
from s2r_rewards.methods import Method

AGENT_LOOPS = ("s2r_agent", "s2r_conversation", "s2r_replay")
CONVERSATION = "s2r_conversation"
REPLAY = "s2r_replay"
#: Estimator → the level of method that its name promises, None: any.
CREDIT = {"s2r": None, "s2r_process": "process", "s2r_outcome": "outcome"}
DENSE, LOSS, MANAGER = "s2r_dense", "s2r_action", "s2r"
#: Our trainer → verl's, whose block under ``trainer.v1`` it reads.
TRAINERS = {"s2r_sync": "sync", "s2r_colocate_async": "colocate_async", "s2r_separate_async": "separate_async"}
TRAINER = "s2r_sync"
FUNCTION = "pkg://s2r_verl.reward_function"

ESTIMATOR_KEY = "algorithm.adv_estimator"
MANAGER_KEY = "reward.reward_manager.name"
FUNCTION_KEY = "reward.custom_reward_function.path"
LOOP_KEY = "actor_rollout_ref.rollout.agent.default_agent_loop"
LOSS_KEY = "actor_rollout_ref.actor.policy_loss.loss_mode"
TRAINER_KEY = "trainer.v1.trainer_mode"


def find(config: Any, path: str, default: Any = None) -> Any:
    """``find(cfg, "trainer.v1.trainer_mode")`` in a DictConfig or nested dicts; ``default`` if absent, null or, in a file
    that was not composed, a reference to another key."""
    for part in path.split("."):
        if config is None or not hasattr(config, "get"):
            return default
        config = config.get(part)
    return default if config is None or (isinstance(config, str) and config.startswith("${")) else config


def read_options(config: Any) -> Options:
    """The block ``algorithm.s2r`` of a whole configuration. ConfigError names key and way out.

    Command line: ``+algorithm.s2r.leave_one_out=True``; YAML: a block ``s2r:`` under ``algorithm:``.
    """
    return Options.from_mapping(find(config, "algorithm.s2r", {}), "algorithm.s2r")


def uses_s2r(config: Any) -> bool:
    """Whether a configuration names any part of S²R, also one that does not exist."""
    names = (ESTIMATOR_KEY, LOOP_KEY, LOSS_KEY, TRAINER_KEY, MANAGER_KEY)
    named = any(str(find(config, key, "")).startswith("s2r") for key in names)
    return named or "s2r_verl" in str(find(config, FUNCTION_KEY, "")) or find(config, "algorithm.s2r") is not None


@dataclass(frozen=True)
class Setup:
    """One configuration; what it leaves out is verl's default."""

    config: Any
    options: Options
    method: Method
    estimator: str
    loop: str
    loss: str
    manager: str
    trainer: str
    function: bool
    """Whether S²R's reward function is called."""

    @classmethod
    def of(cls, config: Any) -> Setup:
        """ConfigError where ``algorithm.s2r`` cannot be used."""
        options = read_options(config)
        path = str(find(config, FUNCTION_KEY, ""))
        return cls(
            config,
            options,
            resolve_method(options),
            estimator=str(find(config, ESTIMATOR_KEY, "gae")),
            loop=str(find(config, LOOP_KEY, "single_turn_agent")),
            loss=str(find(config, LOSS_KEY, "vanilla")),
            manager=str(find(config, MANAGER_KEY, "naive")),
            trainer=str(find(config, TRAINER_KEY, "sync")),
            function=path.removeprefix("pkg://") == "s2r_verl.reward_function",
        )

    def get(self, path: str, default: Any = None) -> Any:
        """A value of the configuration."""
        return find(self.config, path, default)

    def on(self, path: str) -> bool:
        """Whether a switch is on; ``"False"`` of a launch script is off."""
        return str(self.get(path, False)).lower() in ("true", "1", "yes", "on")

    def number(self, path: str, default: float) -> float:
        """A number of the configuration; ``default`` where there is none (a launch script may compute it)."""
        try:
            return float(self.get(path, default))
        except (TypeError, ValueError):
            return default

    @property
    def ours(self) -> bool:
        """Whether S²R's manager scores the responses."""
        return self.manager == MANAGER

    @property
    def credits(self) -> bool:
        """Whether the advantages are S²R's."""
        return self.estimator in CREDIT or self.estimator == DENSE

    @property
    def users(self) -> list[str]:
        """The settings with which S²R takes part in training itself, as ``key=value``."""
        values = (
            (self.credits, ESTIMATOR_KEY, self.estimator),
            (self.loss == LOSS, LOSS_KEY, self.loss),
            (self.trainer in TRAINERS, TRAINER_KEY, self.trainer),
            (self.loop in AGENT_LOOPS, LOOP_KEY, self.loop),
        )
        return [f"{key}={value}" for used, key, value in values if used]


Rule = Callable[[Setup], Iterator[str]]
"""What is wrong, each as one line: ``key=value``, why, and the way out."""
