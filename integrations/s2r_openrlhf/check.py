"""Runs OpenRLHF's own argument parser and its checks on a command line, and stops before any model is loaded."""

import runpy
import shlex
import sys
from collections.abc import Sequence
from typing import Any

from s2r_openrlhf import require_supported
from s2r_openrlhf.options import split_arguments
from s2r_openrlhf.train_ppo_ray import MODULE as RL_MODULE
from s2r_openrlhf.train_ppo_ray import with_agent

SFT_MODULE = "openrlhf.cli.train_sft"


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


def check_steps(steps: Sequence[Sequence[str]]) -> int:
    """Prints each step; 0 if OpenRLHF accepts them all, else its parser's status or 1."""
    try:
        print("openrlhf", require_supported())
        for step in steps:
            print("$", shlex.join(step))
            parsed_step(step)
    except (RuntimeError, ValueError, AssertionError, ImportError) as error:
        print(f"s2r_openrlhf: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print("OpenRLHF accepts every flag")
    return 0
