"""Refuses a configuration in every entry point of verl's RL trainers, before Ray starts or a GPU is taken.

verl's mains call ``validate_config`` or ``run_ppo``; both are wrapped here, so that a run with a stock trainer, or with an
experimental one that S²R's own trainer never sees, is stopped as well.

``run_ppo`` starts Ray, too: workers of a cluster that runs already get the variables that the launcher names for them.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

#: Module of verl → its function that gets the whole configuration first.
WATCHED = {"verl.utils.config": "validate_config", "verl.trainer.main_ppo": "run_ppo"}


def watch(module: ModuleType) -> None:
    """Wraps the function of a module that verl has just imported."""
    import wrapt

    wrapt.wrap_function_wrapper(module, WATCHED[module.__name__], _refusing)


def _refusing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    config = kwargs["config"] if "config" in kwargs else args[0]
    refuse(config)
    if wrapped.__name__ != "run_ppo":
        return wrapped(*args, **kwargs)
    with workers_environment():
        return wrapped(*args, **kwargs)


@contextmanager
def workers_environment() -> Iterator[None]:
    """Adds to the job's environment the variables that S2R_WORKER_ENV names; those of the configuration go first.

    At ``ray.init`` and not in the configuration, since verl prints that, and keys may be among them.
    """
    import ray

    from s2r_rewards.adapter.recipes import FOR_WORKERS

    init = ray.init
    names = filter(None, os.environ.get(FOR_WORKERS, "").split(","))
    ours = {name: os.environ[name] for name in names if name in os.environ}

    @functools.wraps(init)
    def with_variables(*args: Any, runtime_env: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        given = dict(runtime_env or {})
        return init(*args, runtime_env={**given, "env_vars": {**ours, **(given.get("env_vars") or {})}}, **kwargs)

    if ours:
        ray.init = with_variables
    try:
        yield
    finally:
        ray.init = init


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
