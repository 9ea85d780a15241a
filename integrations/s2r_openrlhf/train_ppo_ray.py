"""``python -m s2r_openrlhf.train_ppo_ray``: OpenRLHF's RL trainer, sync or async, with S²R rewards.

Takes every option of ``openrlhf.cli.train_ppo_ray`` and ``--s2r.*`` (see ``--help``). No function of OpenRLHF is
replaced: only the trainer class that its command line looks up, by a subclass; and its call of ``ray.init`` carries
the options to the workers.
"""

from __future__ import annotations

import functools
import importlib
import os
import runpy
import sys
from collections.abc import Sequence
from typing import Any

from s2r_openrlhf import AGENT_FILE, require_supported
from s2r_openrlhf.options import Options, build_parser, is_openrlhfs_own, split_arguments
from s2r_rewards.adapter import resolve_method
from s2r_rewards.adapter.replay import check_file

MODULE = "openrlhf.cli.train_ppo_ray"


def main(argv: Sequence[str] | None = None) -> None:
    options, rest, wants_help = split_arguments(sys.argv[1:] if argv is None else argv)
    if wants_help:
        build_parser().print_help()
        return
    try:
        require_supported()
        rest = with_agent(rest, options)
    except (RuntimeError, ValueError) as error:
        raise SystemExit(f"s2r_openrlhf: {error}") from None
    os.environ.update(options.to_environment())
    _pass_on_environment(options)
    _use_trainer(options, asynchronous="--train.async_enable" in rest)
    sys.argv = [MODULE, *rest]
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)


def with_agent(arguments: Sequence[str], options: Options) -> list[str]:
    """OpenRLHF's arguments with our executor in them, where the chosen options need one.

    Raises:
        ValueError: arguments that contradict the options, with a way out.
    """
    arguments, method = list(arguments), resolve_method(options)
    if method.clip and not any(a.startswith("--actor.eps_clip") for a in arguments):
        arguments += ["--actor.eps_clip_low_high", *map(str, method.clip)]
    agent, url = _value(arguments, "--train.agent_func_path"), _value(arguments, "--reward.remote_url")
    if options.offline:
        if agent or url:
            raise ValueError(
                "--s2r.offline brings its own executor; drop --train.agent_func_path / --reward.remote_url"
            )
        _check_replay(arguments, options)
    if agent:
        return arguments  # the user's own, e.g. a subclass of s2r_openrlhf.agent.AgentExecutor
    if url and not is_openrlhfs_own(method):
        raise ValueError(
            f"--reward.remote_url gives one reward a response; drop it for --s2r.method {method.name}, or choose "
            "--s2r.method s2r-orl"
        )
    return arguments if url else [*arguments, "--train.agent_func_path", str(AGENT_FILE)]


def _check_replay(arguments: Sequence[str], options: Options) -> None:
    """A bad replay file, or a setting that replay cannot serve, is found now, not after the models are loaded."""
    level = _value(arguments, "--algo.advantage.is_correction_level")
    if level not in (None, "off") or "--algo.advantage.is_correction_enable" in arguments:
        raise ValueError(
            "--s2r.offline: stored rollouts have no log-probabilities of their policy; drop "
            "--algo.advantage.is_correction_*"
        )
    for path in (_value(arguments, "--data.prompt_dataset") or "").split(","):
        if path.endswith(".jsonl") and os.path.exists(path):
            check_file(path, resolve_method(options).level, _value(arguments, "--data.label_key") or "label")


def _value(arguments: Sequence[str], option: str) -> str | None:
    """The value of ``option value`` or ``option=value`` in an argument list; the last one counts."""
    found = None
    for i, argument in enumerate(arguments):
        if argument == option and i + 1 < len(arguments):
            found = arguments[i + 1]
        elif argument.startswith(option + "="):
            found = argument[len(option) + 1 :]
    return found


def _pass_on_environment(options: Options) -> None:
    """Ray workers on other nodes inherit the raylet's environment, not ours: add the options to ``ray.init``."""
    import ray

    init = ray.init

    @functools.wraps(init)
    def with_options(*args: Any, runtime_env: dict[str, Any] | None = None, **kwargs: Any) -> Any:
        runtime_env = dict(runtime_env or {})
        runtime_env["env_vars"] = {**runtime_env.get("env_vars", {}), **options.to_environment()}
        return init(*args, runtime_env=runtime_env, **kwargs)

    ray.init = with_options


def _use_trainer(options: Options, asynchronous: bool) -> None:
    """Puts the subclass where OpenRLHF's command line (sync) or its async trainer looks the class up."""
    import ray

    from s2r_openrlhf.trainer import s2r_trainer

    name, actor = ("ppo_trainer_async", "TrainingActor") if asynchronous else ("ppo_trainer", "PPOTrainer")
    module = importlib.import_module(f"openrlhf.trainer.{name}")
    setattr(module, actor, ray.remote(s2r_trainer(getattr(module, actor), options)))


if __name__ == "__main__":
    main()
