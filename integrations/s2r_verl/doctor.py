"""What ``s2r doctor`` asks of a machine, and of a configuration, that is to train with verl."""

from __future__ import annotations

import importlib.util
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from s2r_rewards.adapter.machine import Check, Finding, Machine, install_line, installed
from s2r_rewards.adapter.memory import Load
from s2r_verl import contract
from s2r_verl.checks import config_problems, legacy_keys
from s2r_verl.checks.memory import load_of
from s2r_verl.checks.setup import find, uses_s2r

LEGACY_OVERRIDE = re.compile(r"(?<![\w.])(custom_reward_function|reward_model)((?:\.\w+)+)=(\S+)")
#: Needed by verl's default trainer, missing from its own requirements.
COMPANIONS = ("TransferQueue", "cachetools", "fastapi", "uvicorn", "wrapt")
_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_]\w*)=(\S*|\"[^\"]*\"|'[^']*')\s*(?:#.*)?$")
_OVERRIDE = re.compile(r"^\+{0,2}([A-Za-z_][\w@/]*(?:\.[\w@/]+)+)=(.*)$", re.DOTALL)
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?-([^}]*))?\}|(\w+))")
#: Programs of verl that are not its current trainer → the block that their configurations have.
_EXPERIMENTAL = {"one_step_off_policy": "rollout.nnodes", "fully_async_policy": "async_training.enabled"}


def check_verl(machine: Machine) -> Iterator[Finding]:
    """Version, companions and plugin; nothing where verl is not installed."""
    verl = machine.version("verl")
    if not verl:
        return
    level, why = contract.verdict(verl, contract.broken if installed("verl") == verl else list)
    yield Finding(level, "verl", verl, why)
    for name in COMPANIONS:
        if machine.version(name) is None:
            way = f"verl's default trainer needs it and does not require it: pip install {name}"
            yield Finding("problem", name, "not installed", way)
    if not any(machine.version(name) for name in ("vllm", "sglang")):
        yield Finding("warning", "rollouts", "neither vllm nor sglang installed", "the recipes use vllm")
    if machine.version("flash-attn") is None:
        level = "problem" if machine.gpus else "warning"  # where there is no GPU, nothing trains at this size
        way = f"use_remove_padding of the recipes needs it: {install_line('flash-attn==2.8.3')}"
        yield Finding(level, "flash-attn", "not installed", way)
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
    if "\0" in text:
        yield Finding("problem", path.name, "configuration", "a binary file; expected YAML or a launch script")
        return
    problems = list(_yaml_problems(text) if path.suffix in (".yaml", ".yml") else _script_problems(text))
    for problem in problems:
        yield Finding("problem", path.name, "configuration", problem)
    if not problems:
        yield Finding("ok", path.name, "no known trap")


def _yaml_problems(text: str) -> Iterator[str]:
    try:
        import yaml
    except ImportError:
        yield "PyYAML is not installed, so YAML cannot be read: pip install pyyaml"
        return
    try:
        config: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield f"not YAML: {error}"
        return
    if not isinstance(config, dict):
        yield f"expected a mapping, found {type(config).__name__}"
        return
    layers = [str(layer) for layer in config.pop("defaults", ["ppo_trainer"])]
    if "ppo_trainer" in layers:
        yield from config_problems(over_verls(config) if uses_s2r(config) else config)
    else:  # a part of a configuration: what it lacks may stand elsewhere
        yield from legacy_keys(config)


def _script_problems(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for block, rest, value in LEGACY_OVERRIDE.findall(line.split("#", 1)[0]):
            new = "reward." + (block if block == "custom_reward_function" else "*")
            yield f"line {number}: {block}{rest}={value} is ignored by verl 0.9 without a word; use {new}"
    config = script_config(text)
    for block in ("custom_reward_function", "reward_model"):
        config.pop(block, None)  # told above, with their lines
    yield from config_problems(over_verls(config))


def over_verls(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration over verl's defaults, where verl is installed (nothing of it is imported)."""
    return _merged(_defaults(), config)


@lru_cache(maxsize=1)
def _defaults() -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        return {}
    verl = importlib.util.find_spec("verl")
    for folder in (verl.submodule_search_locations or ()) if verl else ():
        path = Path(folder, "trainer", "config", "_generated_ppo_trainer.yaml")
        if path.is_file():
            found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
            return found
    return {}


def _merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = {key: _merged(below[key], above[key]) for key in above if _mapping(below.get(key)) and _mapping(above[key])}
    return {**below, **above, **both}


def _mapping(value: Any) -> bool:
    return isinstance(value, dict)


def script_config(text: str) -> dict[str, Any]:
    """What a launch script overrides, as nested mappings; verl's defaults for the rest are those of the checks.

    Variables that the script sets are put in; of any other only a default (``${NAME:-default}``) is known.
    """
    variables: dict[str, str] = {}
    config: dict[str, Any] = {}
    lines = text.replace("\\\n", " ").splitlines()
    for line in lines:
        if assigned := _ASSIGNMENT.match(line):
            variables[assigned[1]] = _filled(assigned[2].strip("\"'"), variables)
            continue
        for word in _words(line):
            word = _filled(word, variables)
            for program, key in _EXPERIMENTAL.items():
                if program in word:
                    _put(config, key, "1")
            if override := _OVERRIDE.match(word):
                _put(config, override[1], override[2])
    return config


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, comments=True)
    except ValueError:  # a quote that is closed on another line
        return line.split("#", 1)[0].split()


def _filled(word: str, variables: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return variables.get(found[1] or found[3], found[2] if found[2] is not None else found[0])

    return _VARIABLE.sub(value, word)


def _put(config: dict[str, Any], path: str, text: str) -> None:
    *blocks, name = path.split(".")
    for block in blocks:
        below = config.setdefault(block, {})
        if not isinstance(below, dict):
            return
        config = below
    config[name] = _scalar(text)


def _scalar(text: str) -> Any:
    lowered = text.strip().lower()
    if lowered in ("null", "none", "~", "") or "$" in text:
        return None
    if lowered in ("true", "false"):
        return lowered == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text.strip("\"'")


CHECKS: tuple[Check, ...] = (check_verl,)


def memory_of(folder: Path, stage: str, model: str) -> tuple[str, Load]:
    """(the model that a stage starts from, what it asks of each GPU). ValueError where that cannot be said."""
    from s2r_verl.launch import compose

    config = compose(folder, stage, model, [])
    start = find(config, "model.path") or find(config, "actor_rollout_ref.model.path")
    return str(start), load_of(config)
