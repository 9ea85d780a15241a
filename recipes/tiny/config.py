"""Every number that a run depends on, in one frozen tree that is stored in the run folder."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ModelConfig:
    hidden: int = 64
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    ffn: int = 192
    init: float = 0.08
    max_positions: int = 256


@dataclass(frozen=True)
class BaseConfig:
    """Pre-training on plain solutions and division drills: no verdict, no retry."""

    steps: int = 800
    batch: int = 36
    lr: float = 3e-3
    candidates: int = 5  # at most, in one document


@dataclass(frozen=True)
class DataConfig:
    """Behaviour-initialisation data out of the base model's own samples."""

    problems: int = 4000
    samples: int = 8
    attempts: tuple[int, ...] = (1, 1, 1, 1, 1, 2, 3, 4, 4)  # by how many of the samples are wrong
    style: str = "division"  # of verifications; or again: solve once more and compare
    glances: tuple[float, ...] = (
        0.5,
        0.4,
        0.4,
        0.65,
        0.65,
    )  # verifications without work, by the proposed prime's level


@dataclass(frozen=True)
class SftConfig:
    epochs: int = 3
    batch: int = 32
    lr: float = 3e-3
    kl: float = 0.0  # weight of Eq. 1's KL to the base model; 0.1 in the paper, whose base can do more than this one


@dataclass(frozen=True)
class OnlineConfig:
    steps: int = 24
    prompts: int = 48
    samples: int = 8
    temperature: float = 1.0
    lr: float = 4e-4
    minibatch: int = 64
    clip: float = 0.2
    ratio: str = "token"  # empty: the method's own
    kl_orl: float = 0.01
    kl_prl: float = 0.05
    keep: int = 64
    method: str = "s2r-prl"  # of the stage `online`: a name, or package.module:OBJECT
    baseline: str = ""  # in the place of the method's: a name, package.module:object, or none
    leave_one_out: bool = False
    control: str = ""  # a name from methods.CONTROLS: train on a signal that is wrong on purpose


@dataclass(frozen=True)
class RolloutsConfig:
    """Stored rollouts for offline RL."""

    prompts: int = 1500
    samples: int = 8
    temperature: float = 1.0


@dataclass(frozen=True)
class OfflineConfig:
    low: float = 0.1
    high: float = 0.7
    rejection: str = "truncate"  # or discard, as the paper has it
    max_actions: int = 10  # the paper: 20
    balance: bool = True
    by: str = ""  # position, context, outcome: in an accuracy group; reward_context: over all prompts
    min_count: int = 10  # baselines over fewer rewards are 0
    leave_one_out: bool = False
    lr: float = 3e-4
    passes: int = 2
    batch: int = 512  # rollouts between two updates of the old policy
    minibatch: int = 128
    clip: float = 0.2
    ratio: str = "token"
    kl: float = 0.1
    method: str = "s2r-offline-prl"  # of the stage `offline`


@dataclass(frozen=True)
class EvalConfig:
    problems: int = 1000
    temperatures: tuple[float, ...] = (0.0, 1.0)


@dataclass(frozen=True)
class OutsideConfig:
    """What is tried without RL."""

    temperature: float = 1.0
    tries: int = 4  # of the loop around the base model


@dataclass(frozen=True)
class Config:
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    max_tokens: int = 73  # room for four attempts with their divisions
    model: ModelConfig = field(default_factory=ModelConfig)
    base: BaseConfig = field(default_factory=BaseConfig)
    data: DataConfig = field(default_factory=DataConfig)
    sft: SftConfig = field(default_factory=SftConfig)
    online: OnlineConfig = field(default_factory=OnlineConfig)
    rollouts: RolloutsConfig = field(default_factory=RolloutsConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    evaluation: EvalConfig = field(default_factory=EvalConfig)
    outside: OutsideConfig = field(default_factory=OutsideConfig)


# About 5 M parameters, for a GPU: `--size large`.
LARGE = (
    "model.hidden=256",
    "model.layers=6",
    "model.heads=8",
    "model.kv_heads=4",
    "model.ffn=768",
    "model.init=0.04",
    "base.steps=1500",
    "base.batch=128",
    "base.lr=1e-3",
    "data.problems=8000",
    "sft.lr=1e-3",
    "online.prompts=128",
    "online.minibatch=256",
    "online.lr=1e-4",
    "offline.lr=1e-4",
)
# A fraction of the default's time; studies compare many runs at this budget.
QUICK = (
    "base.steps=400",
    "data.problems=2500",
    "online.steps=10",
    "online.prompts=24",
    "online.minibatch=48",
    "rollouts.prompts=600",
)


class ConfigError(ValueError):
    """A setting that does not exist or has the wrong type; the message names what would be right."""


def override(config: Config, settings: Sequence[str]) -> Config:
    """Apply `section.name=value` settings (or `name=value` for the top level) to a config."""
    for setting in settings:
        path, equals, text = setting.partition("=")
        if not equals:
            raise ConfigError(f"setting {setting!r}: expected section.name=value, for example online.steps=50")
        try:
            config = _set(config, path.strip().split("."), text.strip())
        except ConfigError as error:
            raise ConfigError(f"setting {setting!r}: {error}") from None
    return config


def _set(node: Any, path: list[str], text: str) -> Any:
    name, *deeper = path
    known = [f.name for f in dataclasses.fields(node)]
    if name not in known:
        raise ConfigError(f"no {name!r} here; known: {', '.join(known)}")
    old = getattr(node, name)
    if dataclasses.is_dataclass(old) != bool(deeper):
        raise ConfigError(f"{name!r} is {'a value' if deeper else 'a section'}")
    if deeper:
        return dataclasses.replace(node, **{name: _set(old, deeper, text)})
    try:
        new = tuple(_value(old[0], x) for x in text.split(",")) if isinstance(old, tuple) else _value(old, text)
    except ValueError:
        raise ConfigError(f"expected {type(old).__name__}, found {text!r}") from None
    return dataclasses.replace(node, **{name: new})


def _value(like: Any, text: str) -> Any:
    if isinstance(like, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    return type(like)(text)


def temperature_name(temperature: float) -> str:
    return "greedy" if temperature == 0 else f"t{temperature:g}"
