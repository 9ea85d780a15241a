"""The configuration block ``algorithm.s2r``: what it may hold, with defaults, read in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from s2r_rewards.presets import Preset, get_preset

BASELINES = ("preset", "reward_context", "position", "running")
GROUPS = ("batch", "prompt")
LEVELS = ("process", "outcome")


class ConfigError(ValueError):
    """A configuration that cannot work, with the key, what was found, what was expected and the way out."""


@dataclass(frozen=True)
class Options:
    """Command line: ``+algorithm.s2r.leave_one_out=True``; YAML: a block ``s2r:`` under ``algorithm:``."""

    level: str = "process"
    """``process``: ±1 at the end of every action; ``outcome``: ±1 at the end of the response."""
    preset: str = "paper"
    """Fidelity preset of the library: ``paper`` or ``released``."""
    grammar: str | None = None
    """How responses are parsed; null: the preset's."""
    baseline: str = "preset"
    """``preset``, ``reward_context``, ``position`` or ``running``."""
    groups: str = "batch"
    """``batch``: contexts are shared by all prompts of the batch (the paper); ``prompt``: within a prompt."""
    leave_one_out: bool = False
    """Leave an action out of its own baseline."""
    min_count: int | None = None
    """Baselines over fewer rewards are 0; null: the preset's."""
    ratio: str | None = None
    """Ratio of the action-level loss; null: the preset's."""
    beta: float = 0.0
    """β of eq. 3 and 5: the KL term inside the advantage. Needs the reference model."""
    alarms: bool = True
    """Look for signs of reward hacking in every training step (``s2r/alarm/*``)."""
    max_chars: int = 200_000
    """Longer responses earn the failing score unread."""

    def __post_init__(self) -> None:
        _one_of("level", self.level, LEVELS)
        _one_of("baseline", self.baseline, BASELINES)
        _one_of("groups", self.groups, GROUPS)
        if self.leave_one_out and self.baseline_name == "running":
            raise ConfigError("algorithm.s2r.leave_one_out=True has no meaning for a running baseline")
        if self.beta < 0:
            raise ConfigError(f"algorithm.s2r.beta is {self.beta!r}; expected a number >= 0")

    @property
    def rules(self) -> Preset:
        try:
            return get_preset(self.preset)
        except ValueError as error:
            raise ConfigError(f"algorithm.s2r.preset: {error}") from None

    @property
    def baseline_name(self) -> str:
        return self.rules.process_baseline if self.baseline == "preset" else self.baseline

    @property
    def count(self) -> int:
        return self.rules.min_count if self.min_count is None else self.min_count

    @classmethod
    def from_algorithm(cls, algorithm: Any) -> Options:
        """From verl's ``algorithm`` block (DictConfig, dict, dataclass or None)."""
        block = _get(algorithm, "s2r")
        if block is None:
            return cls()
        if not isinstance(block, Mapping) and not hasattr(block, "items"):
            raise ConfigError(f"algorithm.s2r is {block!r}; expected a mapping")
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(block) - known)
        if unknown:
            raise ConfigError(f"algorithm.s2r has unknown keys {unknown}; expected some of {sorted(known)}")
        return cls(**dict(block.items()))


def _get(config: Any, key: str) -> Any:
    if config is None:
        return None
    return config.get(key) if hasattr(config, "get") else getattr(config, key, None)


def _one_of(key: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"algorithm.s2r.{key} is {value!r}; expected one of {', '.join(allowed)}")
