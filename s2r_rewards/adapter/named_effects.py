"""What the method that a configuration names does on the side (``s2r_rewards.methods.effects``), for ``s2r doctor``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from s2r_rewards.adapter.machine import Finding
from s2r_rewards.adapter.options import Options, resolve_method
from s2r_rewards.methods import Method
from s2r_rewards.methods.effects import effects

#: ``algorithm.s2r.method=NAME`` and ``--s2r.method NAME`` in a launch script.
_SETTING = re.compile(r"(?<![\w.])(?:\+*algorithm\.|--)s2r\.(\w+)(?:=|\s+)[\"']?([^\s\"'\\]+)")
_WORDS = {"true": True, "yes": True, "false": False, "no": False, "null": None, "none": None}


def effects_of(method: Method) -> Iterator[Finding]:
    """A warning for each effect, with the way out; one ``ok`` where none is known."""
    found = effects(method)
    for one in found:
        yield Finding("warning", f"method {method.name}, its {one.of}", one.what, f"{one.way_out} (docs/bias.md)")
    if not found:
        yield Finding("ok", f"method {method.name}", "no known bias")


def effects_in(path: Path) -> Iterator[Finding]:
    """The effects of what a YAML file or a launch script names under ``s2r``; nothing where it names nothing, or
    something that does not exist (which other checks say)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    given = _in_yaml(text) if path.suffix in (".yaml", ".yml") else _in_script(text)
    known = {one.name for one in fields(Options)}
    settings = {name: value for name, value in given.items() if name in known}
    if not settings:
        return
    try:
        method = resolve_method(Options.from_mapping(settings))
    except ValueError:
        return
    yield from (finding for finding in effects_of(method) if finding.level != "ok")


def _in_script(text: str) -> dict[str, Any]:
    lines = (line.split("#", 1)[0] for line in text.splitlines())
    found = (pair for line in lines for pair in _SETTING.findall(line))
    return {name: _value(value) for name, value in found}


def _value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _in_yaml(text: str) -> Mapping[str, Any]:
    try:
        import yaml
    except ImportError:
        return {}
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    config = config if isinstance(config, dict) else {}
    inside = config.get("algorithm")
    block = config.get("s2r") or (inside.get("s2r") if isinstance(inside, dict) else None)
    return block if isinstance(block, dict) else {}
