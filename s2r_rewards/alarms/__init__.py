"""Signs of reward hacking in a batch or a run, each with the formula, the threshold and the evidence.

An alarm is a reason to look, not a proof: thresholds are set so that healthy runs stay quiet, and every alarm
names the rollouts that show it. To add one: a `rule` in `signs`, which lists its cases, and a planted attack in
tests/alarms.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from s2r_rewards.alarms.base import Alarm
from s2r_rewards.alarms.signs import RULES
from s2r_rewards.alarms.windows import Signs, Tally, alarms_of
from s2r_rewards.judging import JudgedTrajectory

ALARM_NAMES: tuple[str, ...] = (*(rule.name for rule in RULES), "length_growth")

__all__ = [
    "ALARM_NAMES",
    "RULES",
    "Alarm",
    "Signs",
    "Tally",
    "alarm_metrics",
    "alarms_of",
    "count_signs",
    "find_alarms",
    "sign_metrics",
]


def find_alarms(
    judged: Sequence[JudgedTrajectory], prompts: Sequence[str] | None = None, steps: Sequence[int | None] | None = None
) -> tuple[Alarm, ...]:
    """Every alarm over a batch of B judged trajectories, fired or not, in the order of ALARM_NAMES.

    `prompts` (B texts) is needed by `copied_answer`, `steps` (B training steps) by `length_growth`; without
    them these two have no cases and stay quiet. Where several steps are given, every alarm looks at them one after
    the other (`windows`) and names the first at which it fired. Raises ValueError where lengths differ.
    """
    for name, values in (("prompts", prompts), ("steps", steps)):
        if values is not None and len(values) != len(judged):
            raise ValueError(f"{len(values)} {name} for {len(judged)} trajectories")
    tallies: dict[int | None, Tally] = {}
    asked, at = prompts or [""] * len(judged), steps or [None] * len(judged)
    for place, (one, prompt, step) in enumerate(zip(judged, asked, at, strict=True)):
        tally = tallies.setdefault(step, Tally())
        tally.add(place, len(one.trajectory.text), one.last_correct, count_signs(one, prompt))
    return alarms_of(tallies)


def alarm_metrics(alarms: Sequence[Alarm]) -> dict[str, float]:
    """`s2r/alarm/<name>` → measured value (nan: no cases), and `s2r/alarm/fired` → how many fired."""
    values = {alarm.metric: alarm.value for alarm in alarms}
    return {**values, "s2r/alarm/fired": float(sum(alarm.fired for alarm in alarms))}


def count_signs(judged: JudgedTrajectory, prompt: str = "") -> Signs:
    """What one trajectory adds to each alarm; it can travel where its text does not."""
    return tuple(rule.count(judged, prompt) for rule in RULES)


def sign_metrics(signs: Sequence[Signs]) -> dict[str, float]:
    """:func:`alarm_metrics` of the batch whose trajectories have these signs; `length_growth` needs steps and is nan."""
    values = {"s2r/alarm/length_growth": math.nan}
    fired = 0
    for index, rule in enumerate(RULES):
        cases, found = (sum(counts[index][k] for counts in signs) for k in (0, 1))
        value = values[f"s2r/alarm/{rule.name}"] = found / cases if cases else math.nan
        fired += rule.fires(value, cases)
    return {**values, "s2r/alarm/fired": float(fired)}
