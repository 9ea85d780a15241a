"""Signs of reward hacking in a batch or a run, each with the formula, the threshold and the evidence.

An alarm is a reason to look, not a proof: thresholds are set so that healthy runs stay quiet, and every alarm
names the rollouts that show it. To add one: a function that lists its cases, a `Rule`, a planted attack in
tests/alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from s2r_rewards.alarms import attempts, text, verdicts
from s2r_rewards.alarms.base import Alarm, Batch, Rule
from s2r_rewards.judging import JudgedTrajectory

RULES: tuple[Rule, ...] = (*verdicts.RULES, *attempts.RULES, *text.RULES)
ALARM_NAMES: tuple[str, ...] = (*(rule.name for rule in RULES), text.GROWTH_NAME)

__all__ = ["ALARM_NAMES", "RULES", "Alarm", "Batch", "Rule", "alarm_metrics", "find_alarms"]


def find_alarms(
    judged: Sequence[JudgedTrajectory], prompts: Sequence[str] | None = None, steps: Sequence[int | None] | None = None
) -> tuple[Alarm, ...]:
    """Every alarm over a batch of B judged trajectories, fired or not, in the order of ALARM_NAMES.

    `prompts` (B texts) is needed by `copied_answer`, `steps` (B training steps) by `length_growth`; without
    them these two have no cases and stay quiet. Where several steps are given, the other alarms look at the
    last fifth of the steps: what the policy does now. Raises ValueError where lengths differ.
    """
    for name, values in (("prompts", prompts), ("steps", steps)):
        if values is not None and len(values) != len(judged):
            raise ValueError(f"{len(values)} {name} for {len(judged)} trajectories")
    whole = Batch(judged, prompts, steps)
    recent = _recent(steps, len(judged))
    now = Batch([judged[i] for i in recent], None if prompts is None else [prompts[i] for i in recent])
    found = [rule(now) for rule in RULES]
    moved = [replace(alarm, evidence=tuple(recent[i] for i in alarm.evidence)) for alarm in found]
    return (*moved, text.length_growth(whole))


def alarm_metrics(alarms: Sequence[Alarm]) -> dict[str, float]:
    """`s2r/alarm/<name>` → measured value (nan: no cases), and `s2r/alarm/fired` → how many fired."""
    values = {alarm.metric: alarm.value for alarm in alarms}
    return {**values, "s2r/alarm/fired": float(sum(alarm.fired for alarm in alarms))}


def _recent(steps: Sequence[int | None] | None, count: int) -> list[int]:
    distinct = sorted({step for step in steps or () if step is not None})
    if steps is None or len(distinct) < 2:
        return list(range(count))
    last = set(distinct[-max(1, len(distinct) // 5) :])
    return [i for i, step in enumerate(steps) if step in last]
