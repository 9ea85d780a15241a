"""What a stage of RL trains with: S²R's methods as this recipe sets them, any other by name, and the controls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from s2r_rewards import JudgedTrajectory, Method, get_method
from s2r_rewards.baselines import Baseline, accuracy_baseline, get_baseline, none
from s2r_rewards.methods.objective import RATIOS
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import Verdict

from .config import Config, OfflineConfig, OnlineConfig

LIKELY = {"orl": "s2r-orl", "prl": "s2r-prl", "offline-orl": "s2r-offline-orl", "offline-prl": "s2r-offline-prl"}
"""The method of each stage that has one; `online` and `offline` take theirs from the settings."""


def cut_off_loses(method: Method) -> Method:
    """A response that is cut off earns the worst that its last action could earn, and the worst outcome.

    A tiny model can drift into endless retries; the released code has the same rule, with −1. The method's own scale
    decides what is worst: −1 where rewards are ±1, 0 where they are 0 or 1.
    """

    def rewards(judged: JudgedTrajectory) -> tuple[float, ...]:
        found = tuple(method.rewards(judged))
        if not found or judged.trajectory.ended is not False:
            return found
        return (*found[:-1], min(method.rewards(other)[-1] for other in _cases(judged)))

    def outcome(judged: JudgedTrajectory) -> float:
        if judged.trajectory.ended is not False:
            return method.outcome(judged)
        return min(method.outcome(other) for other in _cases(judged))

    return replace(method, rewards=rewards, outcome=outcome)


def _cases(judged: JudgedTrajectory) -> list[JudgedTrajectory]:
    """The response as it is, and with its last attempt called right, and called wrong."""
    if not judged.checks:
        return [judged]
    *earlier, last = judged.checks
    ends = [last, *(replace(last, verdict=v) for v in ("correct", "incorrect"))]
    return [replace(judged, checks=(*earlier, end)) for end in ends]


Rewards = Callable[[JudgedTrajectory], tuple[float, ...]]


@dataclass(frozen=True)
class Control:
    """A training signal that is wrong, or lacks a part: what remains of a result under it is not owed to that part."""

    about: str
    rewards: Callable[[Rewards, np.random.Generator], Rewards] | None = None
    baseline: bool = True
    shuffled: bool = False
    """Whether the golden answers that train are those of other problems."""
    loses: bool = True
    """Whether a response that is cut off still loses: that alone is a signal."""


def _coin(_: Rewards, rng: np.random.Generator) -> Rewards:
    return lambda judged: tuple(rng.choice([-1.0, 1.0], size=len(judged.trajectory.scored)).tolist())


def _by_kind(value: Callable[[float, Any], float]) -> Callable[[Rewards, np.random.Generator], Rewards]:
    """Rewards changed one by one; `value` is given a reward and its action."""

    def changed(rewards: Rewards, _: np.random.Generator) -> Rewards:
        return lambda judged: tuple(
            value(reward, action) for reward, action in zip(rewards(judged), judged.trajectory.scored, strict=True)
        )

    return changed


def _praise(reward: float, action: Any) -> float:
    return reward if action.kind == "solve" else 1.0 if action.verdict is Verdict.CORRECT else -1.0


CONTROLS = {
    "random": Control("random rewards", _coin, loses=False),
    "shuffled-golds": Control("golden answers of other problems", shuffled=True),
    "says-correct": Control("verifications earn by saying “correct”", _by_kind(_praise)),
    "inverted": Control("every reward inverted", _by_kind(lambda reward, _: -reward)),
    "no-verification": Control("no reward for verifications", _by_kind(lambda r, a: r if a.kind == "solve" else 0.0)),
    "verification-only": Control("reward for verifications only", _by_kind(lambda r, a: r * (a.kind == "verify"))),
    "no-baseline": Control("rewards without a baseline", baseline=False),
}


def online_method(stage: str, settings: OnlineConfig, rng: np.random.Generator) -> Method:
    """What an online stage trains with. ValueError for a name that does not exist."""
    method = get_method(LIKELY.get(stage, settings.method))
    if settings.baseline:
        method = replace(method, baseline=get_baseline(settings.baseline))
    if settings.leave_one_out:
        method = replace(method, baseline=_with(method, leave_one_out=True))
    control = control_of(settings)
    if control.rewards:
        method = replace(method, rewards=control.rewards(method.rewards, rng))
    if not control.baseline:
        method = replace(method, baseline=none)
    return cut_off_loses(method) if control.loses else method


def offline_method(stage: str, settings: OfflineConfig) -> Method:
    """What an offline stage trains with. ValueError for a name that does not exist."""
    method = get_method(LIKELY.get(stage, settings.method))
    if settings.by and method.level == "process":  # the outcome has one baseline only
        if settings.by == "reward_context":  # over all prompts, whatever their accuracy
            method = replace(method, baseline=get_baseline("reward_context"), groups="batch")
        else:
            method = replace(method, baseline=accuracy_baseline(settings.by), groups="accuracy")
    if settings.leave_one_out:
        method = replace(method, baseline=_with(method, leave_one_out=True))
    return replace(method, baseline=_with(method, min_count=settings.min_count))


def check(config: Config) -> None:
    """Refuses, before anything runs, settings that name what does not exist. ValueError says what does."""
    online_method("online", config.online, np.random.default_rng(0))
    offline_method("offline", config.offline)
    for name, value, known in (
        ("online.ratio", config.online.ratio, ("", *RATIOS)),
        ("offline.ratio", config.offline.ratio, ("", *RATIOS)),
        ("offline.rejection", config.offline.rejection, ("truncate", "discard")),
        ("data.style", config.data.style, ("division", "again")),
    ):
        if value not in known:
            raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, known))}")


def control_of(settings: OnlineConfig) -> Control:
    if settings.control and settings.control not in CONTROLS:
        raise ValueError(f"online.control is {settings.control!r}; expected one of {', '.join(CONTROLS)}")
    return CONTROLS[settings.control] if settings.control else Control("")


def shuffled(rollouts: Sequence[Rollout], rng: np.random.Generator) -> list[Rollout]:
    """The same responses with the golden answers dealt out anew among the problems."""
    golds = {r.problem_id: r.gold for r in rollouts}
    dealt = dict(zip(golds, rng.permutation(list(golds.values())).tolist(), strict=True))
    return [replace(r, gold=dealt[r.problem_id]) for r in rollouts]


def _with(method: Method, **settings: Any) -> Baseline:
    if not isinstance(method.baseline, Baseline):
        raise ValueError(f"{method.name!r}: {sorted(settings)} need a keyed baseline, found {method.baseline!r}")
    return method.baseline.with_settings(**settings)
