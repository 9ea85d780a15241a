"""OpenRLHF's reward protocol over the core: queries, prompts and labels in, finite rewards out, whatever comes.

Nothing here raises on content. A sample that cannot be scored earns the failing reward, carries the same keys
as every other sample, is counted under :data:`FAILED`, and its cause is logged once.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from s2r_rewards.answers.result import CheckResult
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import JudgedTrajectory, judge_many
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts
from s2r_rewards.parsing import parse
from s2r_rewards.presets import Preset, get_preset
from s2r_rewards.rewards import outcome_reward
from s2r_rewards.server.labels import gold_of, response_of
from s2r_rewards.trajectory import Action, Deviation, Trajectory

logger = logging.getLogger(__name__)

#: Per-sample counts, so that means over samples keep their ratios: s2r/count/<field of BehaviourCounts>.
COUNT_PREFIX = "s2r/count/"
COUNT_FIELDS = tuple(f.name for f in fields(BehaviourCounts))
#: Share of samples that could not be scored (a bad label, a prompt that is not in its query, …).
FAILED = "s2r/alarm/scoring_failed"


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to be judged. ``text`` None: it could not be told from its prompt."""

    text: str | None
    label: Any
    finished: bool | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A judged sample; ``failure`` says why it could not be judged properly, if so."""

    judged: JudgedTrajectory
    failure: str | None = None


def judge_samples(samples: Sequence[Sample], grammar: str | Grammar) -> list[Scored]:
    """Parses and judges a batch in one call of the checker; falls back to one by one if that fails."""
    try:
        trajectories = [parse(_text(s), grammar, finished=s.finished) for s in samples]
        judged = judge_many(trajectories, [gold_of(s.label) for s in samples])
        return [Scored(item) for item in judged]
    except Exception as error:
        if len(samples) != 1:
            return [judge_samples([sample], grammar)[0] for sample in samples]
        return [failed_sample(samples[0].text, error)]


def _text(sample: Sample) -> str:
    if sample.text is None:
        raise ValueError("query: the prompt was not found in it, so the response is not known")
    return sample.text


_seen: set[str] = set()


def failed_sample(text: str | None, error: Exception) -> Scored:
    """One wrong attempt over the whole text: the failing reward on every token. Logs each cause once."""
    reason = f"{type(error).__name__}: {error}"
    if len(_seen) < 100 and reason not in _seen:
        _seen.add(reason)
        logger.warning("a sample could not be scored and earns -1 (logged once per cause): %s", reason)
    text = text if isinstance(text, str) else ""
    actions = (Action("solve", 0, len(text)),) if text else ()
    deviations = (
        Deviation("missing_answer" if text else "empty_response", 0 if text else None, 0, len(text)),
    )
    checks = (CheckResult("ungradable", "reward", reason),) * len(actions)
    return Scored(JudgedTrajectory(Trajectory(text, actions, deviations), "", checks), reason)


def logs_of(scored: Scored) -> dict[str, float]:
    """The same keys for every sample, all finite."""
    counts = behaviour_counts(scored.judged)
    return {
        **{COUNT_PREFIX + name: float(getattr(counts, name)) for name in COUNT_FIELDS},
        FAILED: float(scored.failure is not None),
    }


def outcome_of(scored: Scored, rules: Preset) -> tuple[float, float]:
    """(reward ±1, score 0/1)."""
    if scored.failure is not None:
        return -1.0, 0.0
    reward = outcome_reward(scored.judged, rules.no_end_penalty)
    return reward, float(reward > 0)


def reward_batch(
    queries: Sequence[str],
    prompts: Sequence[str],
    labels: Sequence[Any],
    grammar: str | Grammar | None = None,
    preset: str | Preset = "paper",
) -> dict[str, Any]:
    """Outcome rewards in OpenRLHF's shape: ``rewards``, ``scores`` and ``extra_logs``, one entry a query.

    Args:
        queries: decode(prompt + response), special tokens included.
        prompts: the prompts as text.
        labels: see :func:`s2r_rewards.server.labels.gold_of`.
        grammar: default: the preset's.
    """
    rules = get_preset(preset)
    samples = [
        Sample(response_of(query, prompt), label)
        for query, prompt, label in zip(queries, prompts, labels, strict=True)
    ]
    return to_response(judge_samples(samples, grammar or rules.grammar), rules)


def to_response(scored: Sequence[Scored], rules: Preset) -> dict[str, Any]:
    """The protocol's three keys for scored samples."""
    outcomes = [outcome_of(item, rules) for item in scored]
    logs = [logs_of(item) for item in scored]
    return {
        "rewards": [reward for reward, _ in outcomes],
        "scores": [score for _, score in outcomes],
        "extra_logs": {key: [log[key] for log in logs] for key in (logs[0] if logs else ())},
    }
