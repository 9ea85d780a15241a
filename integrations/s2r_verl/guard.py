"""Refuses a configuration in every entry point of verl's RL trainers, before Ray starts or a GPU is taken.

verl's mains call ``validate_config`` or ``run_ppo``; both are wrapped here, so that a run with a stock trainer, or with an
experimental one that S²R's own trainer never sees, is stopped as well.

Workers of a Ray cluster that runs already get the variables that they need of this process's from here, too.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

#: Module of verl → its function that gets the whole configuration first.
WATCHED = {"verl.utils.config": "validate_config", "verl.trainer.main_ppo": "run_ppo"}
#: Module of verl → its function that is called just before ``ray.init``. It is not ``run_ppo`` that is wrapped for this:
#: under ``python -m verl.trainer.main_ppo`` that is a function of ``__main__``, which nobody imports.
BEFORE_RAY = {"verl.trainer.constants_ppo": "get_ppo_ray_runtime_env"}


def watch(module: ModuleType) -> None:
    """Wraps the function of a module that verl has just imported."""
    import wrapt

    if name := WATCHED.get(module.__name__):
        wrapt.wrap_function_wrapper(module, name, _refusing)
    if name := BEFORE_RAY.get(module.__name__):
        wrapt.wrap_function_wrapper(module, name, _carrying)


def _refusing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    refuse(kwargs["config"] if "config" in kwargs else args[0])
    return wrapped(*args, **kwargs)


def _carrying(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    found = wrapped(*args, **kwargs)
    carry_to_workers()
    return found


def carry_to_workers() -> None:
    """The next ``ray.init`` gives workers what they need of this process's variables; those of its call go first.

    There and not in the configuration, since verl prints that, and keys may be among them.
    """
    import ray

    from s2r_rewards.adapter.recipes import with_variables, worker_variables

    init, ours = ray.init, worker_variables()

    def once(*args: Any, **kwargs: Any) -> Any:
        ray.init = init
        return with_variables(init, ours, first=False)(*args, **kwargs)

    if ours:
        ray.init = once


def refuse(config: Any) -> None:
    """Raises ConfigError where a configuration that names S²R cannot train as it says; looks at no other."""
    from s2r_rewards.adapter import ConfigError
    from s2r_verl import contract
    from s2r_verl.checks import require_good_config, require_good_data
    from s2r_verl.checks.chat import chat_problems
    from s2r_verl.checks.setup import TRAINER_KEY, TRAINERS, find, uses_s2r

    if uses_s2r(config):
        contract.require()
        require_good_config(config)
        if found := chat_problems(config):
            raise ConfigError("; ".join(found))
        if find(config, TRAINER_KEY) not in TRAINERS:  # ours look into the data themselves
            require_good_data(config)
