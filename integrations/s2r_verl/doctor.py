"""What ``s2r doctor`` asks of a machine, and of a configuration, that is to train with verl."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from s2r_rewards.adapter.machine import Check, Finding, Machine
from s2r_verl import problem_with
from s2r_verl.checks import config_problems, legacy_keys

LEGACY_OVERRIDE = re.compile(r"(?<![\w.])(custom_reward_function|reward_model)((?:\.\w+)+)=(\S+)")
#: Needed by verl's default trainer, missing from its own requirements.
COMPANIONS = ("TransferQueue", "cachetools", "fastapi", "uvicorn", "wrapt")


def check_verl(machine: Machine) -> Iterator[Finding]:
    """Version, companions and plugin; nothing where verl is not installed."""
    verl = machine.version("verl")
    if not verl:
        return
    problem = problem_with(verl)
    yield Finding("problem" if problem else "ok", "verl", verl, problem or "")
    for name in COMPANIONS:
        if machine.version(name) is None:
            way = f"verl's default trainer needs it and does not require it: pip install {name}"
            yield Finding("problem", name, "not installed", way)
    if not any(machine.version(name) for name in ("vllm", "sglang")):
        yield Finding("warning", "rollouts", "neither vllm nor sglang installed", "the recipes use vllm")
    allowed = machine.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if "s2r" not in machine.plugins:
        way = "verl finds s2r through the entry points of an installed package: pip install s2r-rewards"
        yield Finding("problem", "verl.plugins", "no entry point s2r", way)
    elif allowed != "auto" and "s2r" not in allowed.split(","):
        way = "unset it, or add s2r to the list"
        yield Finding("problem", "VERL_USE_EXTERNAL_PLUGINS", allowed, way)


def check_config(path: Path) -> Iterator[Finding]:
    """A verl configuration (YAML) or launch script (anything else)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    problems = list(_yaml_problems(text) if path.suffix in (".yaml", ".yml") else _script_problems(text))
    for problem in problems:
        yield Finding("problem", path.name, "configuration", problem)
    if not problems:
        yield Finding("ok", path.name, "no known trap")


def _yaml_problems(text: str) -> Iterator[str]:
    import yaml

    try:
        config: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield f"not YAML: {error}"
        return
    if not isinstance(config, dict):
        yield f"expected a mapping, found {type(config).__name__}"
    elif "defaults" in config:  # a part of a configuration: what it lacks may stand elsewhere
        yield from legacy_keys(config)
    else:
        yield from config_problems(config)


def _script_problems(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for block, rest, value in LEGACY_OVERRIDE.findall(line.split("#", 1)[0]):
            new = "reward." + (block if block == "custom_reward_function" else "*")
            yield f"line {number}: {block}{rest}={value} is ignored by verl 0.9 without a word; use {new}"
        if re.search(r"use_kl_in_reward=true", line, re.IGNORECASE):
            yield f"line {number}: use_kl_in_reward=True hides S2R's action rewards; use actor.use_kl_loss=True"


CHECKS: tuple[Check, ...] = (check_verl,)
