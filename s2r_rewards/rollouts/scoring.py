"""Scores a batch of rollouts: parse → judge → rewards → baselines → advantages, as their ``s2r`` record."""

from collections.abc import Sequence
from dataclasses import replace

from s2r_rewards import answers
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import BatchChecker, JudgedTrajectory, judge_many
from s2r_rewards.methods import Method, get_method
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import Span, Trajectory
from s2r_rewards.turns import parse_messages


def trajectory_of(rollout: Rollout, grammar: str | Grammar = "paper") -> Trajectory:
    """A rollout's response, parsed; a conversation with what its user asked for."""
    turns = rollout.turns
    if turns is not None:
        return parse_messages(turns, grammar, rollout.finished)
    return parse(rollout.response, grammar, finished=rollout.finished)


def judge_rollouts(
    rollouts: Sequence[Rollout], grammar: str | Grammar = "paper", checker_many: BatchChecker | None = None
) -> list[JudgedTrajectory]:
    """Parses and judges each rollout's response."""
    trajectories = [trajectory_of(rollout, grammar) for rollout in rollouts]
    return judge_many(trajectories, [r.gold for r in rollouts], checker_many)


def score_rollouts(
    rollouts: Sequence[Rollout],
    method: str | Method = "s2r-prl",
    checker_many: BatchChecker | None = None,
    token_spans: Sequence[Sequence[Span]] | None = None,
    checker: str = answers.CHECKER_VERSION,
) -> list[Rollout]:
    """The rollouts with their ``s2r`` record filled in; baselines are taken over the given batch.

    Args:
        method: rewards, grammar and baseline. Baselines here are always those of the batch: a running baseline
            has no meaning for a file.
        token_spans: per rollout, the token span of each action, to be stored along.
        checker: the checker's version or name, to be stored along.
    """
    rules = get_method(method)
    judged = judge_rollouts(rollouts, rules.grammar, checker_many)
    scored = [rules.score(item, checker, token_spans[i] if token_spans else None) for i, item in enumerate(judged)]
    groups = [rollout.problem_id for rollout in rollouts]
    baselines, advantages = replace(rules, running=False).credit(scored, groups)
    return [
        replace(rollout, s2r=item.with_advantages(b, a))
        for rollout, item, b, a in zip(rollouts, scored, baselines, advantages, strict=True)
    ]
