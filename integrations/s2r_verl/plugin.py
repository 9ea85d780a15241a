"""Loaded by verl in every process (entry point ``verl.plugins``).

Imports nothing heavy: it asks to be called back when verl itself imports the module that holds a registry,
and registers then. verl hides a plugin's exceptions at DEBUG level, so failures are logged here first.
"""

from __future__ import annotations

import importlib
import logging
from types import ModuleType

logger = logging.getLogger(__name__)

REGISTRATIONS = {
    "verl.trainer.ppo.core_algos": "s2r_verl.algorithms",
    "verl.experimental.reward_loop.reward_manager": "s2r_verl.reward_manager",
    "verl.experimental.agent_loop.single_turn_agent_loop": "s2r_verl.agent_loop",
    "verl.trainer.ppo.v1.trainer_sync": "s2r_verl.trainer",
}
"""Module of verl → our module that registers with it."""


def register(verl_module: ModuleType) -> None:
    """Imports our counterpart of a verl module that has just been imported."""
    name = REGISTRATIONS[verl_module.__name__]
    try:
        importlib.import_module(name)
    except Exception:
        logger.exception("%s could not register with %s; s2r is incomplete in this process", name, verl_module.__name__)
        raise


def install() -> None:
    try:
        import wrapt

        from s2r_verl import guard
        from s2r_verl.contract import problem_with, running_version

        problem = problem_with(running_version())
        if problem:
            raise RuntimeError(problem)
        for name in REGISTRATIONS:
            wrapt.register_post_import_hook(register, name)
        for name in {**guard.WATCHED, **guard.BEFORE_RAY}:
            wrapt.register_post_import_hook(guard.watch, name)
    except Exception as error:
        logger.error("the s2r plugin for verl is off: %s", error)
        raise


install()
