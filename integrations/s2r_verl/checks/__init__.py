"""What is wrong with a configuration or a data set, found before a GPU is taken. Imports neither verl nor torch.

Each rule is a function over one :class:`~s2r_verl.checks.setup.Setup`; a problem is one line that names key, value and
way out. The same rules run in ``s2r recipes run … --check``, ``s2r doctor --config`` and the trainer.
"""

from __future__ import annotations

from typing import Any

from s2r_rewards.adapter import ConfigError
from s2r_verl.checks import course, objective, signal
from s2r_verl.checks.data import data_problems, require_columns, require_good_data
from s2r_verl.checks.setup import ESTIMATOR_KEY, Setup, find, read_options, uses_s2r
from s2r_verl.checks.signal import KL_IN_REWARD, legacy_keys

RULES = (*course.RULES, *signal.RULES, *objective.RULES)


def config_problems(config: Any) -> list[str]:
    """Everything in a composed PPO configuration that S²R cannot work with, each with the way out."""
    problems = list(legacy_keys(config))
    try:
        setup = Setup.of(config)
    except ConfigError as error:
        return [*problems, str(error)]
    if uses_s2r(config):
        problems += [problem for rule in RULES for problem in rule(setup)]
    elif setup.on("algorithm.use_kl_in_reward") and find(config, ESTIMATOR_KEY) is None:
        problems.append(KL_IN_REWARD)  # a part of a configuration: the estimator stands elsewhere
    return problems


def require_good_config(config: Any) -> None:
    """Raises ConfigError that lists every problem."""
    problems = config_problems(config)
    if problems:
        raise ConfigError("this configuration cannot train with S2R:\n" + "\n".join(f"  - {p}" for p in problems))


__all__ = [
    "KL_IN_REWARD",
    "RULES",
    "config_problems",
    "data_problems",
    "find",
    "legacy_keys",
    "read_options",
    "require_columns",
    "require_good_config",
    "require_good_data",
]
