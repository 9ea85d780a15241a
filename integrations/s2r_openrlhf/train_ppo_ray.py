"""``python -m s2r_openrlhf.train_ppo_ray``: OpenRLHF's RL trainer, sync or async, with S²R rewards.

Takes every option of ``openrlhf.cli.train_ppo_ray`` and ``--s2r.*`` (see ``--help``). No function of OpenRLHF is
replaced: only the classes of trainer and policy actor that its command line looks up, by subclasses; and its call of
``ray.init`` carries the options to the workers.
"""

from __future__ import annotations

import importlib
import os
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from s2r_openrlhf import require_supported
from s2r_openrlhf.checks.flags import RL_MODULE, Flags, read_flags
from s2r_openrlhf.checks.rules import data_problems, problems
from s2r_openrlhf.options import Options, build_parser, split_arguments, uses_own_loss, with_agent, with_client
from s2r_rewards.adapter import ConfigError, resolve_method
from s2r_rewards.adapter.recipes import with_variables, worker_variables


def main(argv: Sequence[str] | None = None) -> None:
    options, rest, wants_help = split_arguments(sys.argv[1:] if argv is None else argv)
    if wants_help:
        build_parser().print_help()
        return
    try:
        require_supported()
        options, rest = with_client(options, rest)
        rest = with_agent(rest, options)
        flags = require_good_flags(rest, options)
        data = data_problems(flags, options)
    except (RuntimeError, ValueError) as error:
        raise SystemExit(f"s2r_openrlhf: {error}") from None
    if data:
        raise SystemExit(f"s2r_openrlhf: {told(data)}")
    os.environ.update(options.to_environment())
    _pass_on_environment()
    _use_subclasses(options, asynchronous=bool(flags.get("train.async_enable")))
    sys.argv = [RL_MODULE, *rest]
    runpy.run_module(RL_MODULE, run_name="__main__", alter_sys=True)


def require_good_flags(arguments: Sequence[str], options: Options) -> Flags:
    """What OpenRLHF makes of its arguments.

    Raises:
        ValueError: OpenRLHF refuses them, or they contradict the options; a line for each problem, with the way out.
    """
    flags = read_flags(RL_MODULE, arguments)
    found = problems(flags, options)
    if found:
        raise ConfigError(told(found))
    return flags


def told(found: Sequence[str]) -> str:
    """One problem in one line, several in a list."""
    return found[0] if len(found) == 1 else "\n".join(["this cannot train:", *(f"  - {one}" for one in found)])


def _pass_on_environment() -> None:
    """Ray workers on other nodes inherit the raylet's environment, not ours: add to ``ray.init`` what is for them."""
    import ray

    ray.init = with_variables(ray.init, worker_variables(), first=True)


def _use_subclasses(options: Options, asynchronous: bool) -> None:
    """Puts subclasses where OpenRLHF's command line, or its async trainer, looks trainer and actor up."""
    import ray

    from s2r_openrlhf.trainer import s2r_generator, s2r_trainer

    name, actor = ("ppo_trainer_async", "TrainingActor") if asynchronous else ("ppo_trainer", "PPOTrainer")
    module: Any = importlib.import_module(f"openrlhf.trainer.{name}")
    setattr(module, actor, ray.remote(s2r_trainer(getattr(module, actor), options)))
    if asynchronous:
        module.GenerateSamplesActor = ray.remote(s2r_generator(module.GenerateSamplesActor))
    if uses_own_loss(options):
        from s2r_openrlhf.policy.actor import s2r_actor

        actors: Any = importlib.import_module("openrlhf.trainer.ray.ppo_actor")
        policy = s2r_actor(actors.PolicyModelActor, resolve_method(options))
        actors.PolicyModelActor = ray.remote(num_gpus=1)(policy)


if __name__ == "__main__":
    main()
