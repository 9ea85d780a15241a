"""Scores a batch of rollouts: parse → judge → rewards → baselines → advantages, as the ``s2r`` field."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from s2r_rewards import answers
from s2r_rewards.advantages import process_advantages
from s2r_rewards.baselines import reward_context
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import BatchChecker, JudgedTrajectory, judge_many
from s2r_rewards.parsing import parse
from s2r_rewards.presets import Preset, get_preset
from s2r_rewards.rewards import action_rewards, outcome_reward
from s2r_rewards.rollouts import Rollout

Span = tuple[int, int]


def judge_rollouts(
    rollouts: Sequence[Rollout],
    grammar: str | Grammar = "paper",
    checker_many: BatchChecker | None = None,
) -> list[JudgedTrajectory]:
    """Parses and judges each rollout's response."""
    trajectories = [parse(r.response, grammar, finished=r.finished) for r in rollouts]
    return judge_many(trajectories, [r.gold for r in rollouts], checker_many)


def score_rollouts(
    rollouts: Sequence[Rollout],
    grammar: str | Grammar | None = None,
    preset: str | Preset = "paper",
    checker_many: BatchChecker | None = None,
    token_spans: Sequence[Sequence[Span]] | None = None,
) -> list[Rollout]:
    """The rollouts with their ``s2r`` field filled in; baselines are taken over the given batch.

    Args:
        grammar: default: the preset's.
        preset: rules for rewards and bonuses. Baselines here are always those of the batch: the running
            baseline of ``released`` has no meaning for a file.
        token_spans: per rollout, the token span of each action, to be stored along.
    """
    rules = get_preset(preset)
    judged = judge_rollouts(rollouts, grammar or rules.grammar, checker_many)
    rewards = [action_rewards(j, rules.no_end_penalty) for j in judged]
    baselines = reward_context(rewards, min_count=rules.min_count)
    advantages = process_advantages(rewards, preset=rules, baseline=lambda *_: baselines)
    return [
        replace(
            rollout,
            s2r={
                "grammar": item.trajectory.grammar,
                "preset": rules.name,
                "checker": answers.CHECKER_VERSION,
                "ended": item.trajectory.ended,
                "outcome": outcome_reward(item, rules.no_end_penalty),
                "deviations": list(item.trajectory.codes),
                "actions": _actions(
                    item, rewards[i], baselines[i], advantages[i], token_spans[i] if token_spans else None
                ),
            },
        )
        for i, (rollout, item) in enumerate(zip(rollouts, judged, strict=True))
    ]


def _actions(
    judged: JudgedTrajectory,
    rewards: Sequence[float],
    baselines: Sequence[float],
    advantages: Sequence[float],
    tokens: Sequence[Span] | None,
) -> list[dict[str, Any]]:
    described: list[dict[str, Any]] = []
    checks = iter(judged.checks)
    for t, action in enumerate(judged.trajectory.actions):
        entry: dict[str, Any] = {"kind": action.kind, "start": action.start, "end": action.end}
        if action.kind == "solve":
            check = next(checks)
            entry["answer"] = action.answer
            entry["check"] = {"verdict": check.verdict, "tier": check.tier, "reason": check.reason}
        elif action.kind == "verify":
            entry["verdict"] = action.verdict.value if action.verdict else None
        if action.kind != "end":
            entry["reward"] = rewards[t]
            entry["context"] = list(rewards[:t])
            entry["baseline"] = baselines[t]
            entry["advantage"] = advantages[t]
        if tokens is not None and t < len(tokens):
            entry["tokens"] = list(tokens[t])
        described.append(entry)
    return described
