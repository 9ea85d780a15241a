"""Signs of reward hacking in a batch or a run, each with the formula, the threshold and the evidence.

An alarm is a reason to look, not a proof: thresholds are set so that healthy runs stay quiet, and every alarm
names the rollouts that show it. To add one: a `rule` in `signs`, which lists its cases, and a planted attack in
tests/alarms.
"""

from __future__ import annotations

from collections.abc import Sequence

from s2r_rewards.alarms.base import Alarm
from s2r_rewards.alarms.signs import RULES
from s2r_rewards.alarms.windows import length_growth, over_steps, steps_of
from s2r_rewards.judging import JudgedTrajectory

ALARM_NAMES: tuple[str, ...] = (*(rule.name for rule in RULES), "length_growth")

__all__ = ["ALARM_NAMES", "RULES", "Alarm", "alarm_metrics", "find_alarms"]


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
    prompts, run = prompts or [""] * len(judged), steps_of(steps or ())
    if len(run) > 1:
        alarms = [over_steps(rule, judged, prompts, run) for rule in RULES]
    else:
        alarms = [rule.measure(judged, prompts, range(len(judged))) for rule in RULES]
    return (*alarms, length_growth(judged, run))


def alarm_metrics(alarms: Sequence[Alarm]) -> dict[str, float]:
    """`s2r/alarm/<name>` → measured value (nan: no cases), and `s2r/alarm/fired` → how many fired."""
    values = {alarm.metric: alarm.value for alarm in alarms}
    return {**values, "s2r/alarm/fired": float(sum(alarm.fired for alarm in alarms))}
