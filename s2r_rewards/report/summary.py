"""Everything the overview shows, computed once from judged trajectories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s2r_rewards.alarms import Alarm, find_alarms
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import behaviour_metrics
from s2r_rewards.rewards import action_rewards
from s2r_rewards.rollouts import Rollout

Context = tuple[int, ...]


@dataclass(frozen=True)
class Group:
    """Rollouts that share a level or a step."""

    key: str
    count: int
    metrics: dict[str, float]
    attempts: tuple[int, ...]  # how many rollouts made 1, 2, 3, 4, and 5 or more attempts
    mean_length: float  # characters of response


@dataclass(frozen=True)
class Node:
    """A context: `count` actions were taken in it, with mean reward `mean` (the baseline b of eq. 4)."""

    context: Context
    count: int
    mean: float

    @property
    def label(self) -> str:
        """What led here, in words."""
        if not self.context:
            return "first attempt"
        right = self.context[-1] > 0
        if len(self.context) % 2:
            return "right attempt" if right else "wrong attempt"
        if self.context[-2] > 0:
            return "confirmed" if right else "doubted"
        return "rejected" if right else "let through"

    @property
    def next_kind(self) -> str:
        """The kind of action whose baseline this is."""
        return "verify" if len(self.context) % 2 else "solve"


@dataclass(frozen=True)
class Summary:
    """The figures of the overview, over all rollouts of the file."""

    problems: int
    grammar: str
    method: str
    checker: str
    overall: Group
    levels: tuple[Group, ...]
    steps: tuple[Group, ...]
    nodes: tuple[Node, ...]  # of the reward-context tree
    nodes_left_out: int
    deviations: tuple[tuple[str, int], ...]
    checks: tuple[tuple[str, str, int], ...]  # verdict, tier, count
    alarms: tuple[Alarm, ...]
    uncertainties: tuple[tuple[str, int], ...] = ()


def summarise(rollouts: Sequence[Rollout], judged: Sequence[JudgedTrajectory]) -> Summary:
    """Summarise scored rollouts and their judged trajectories (same order)."""
    records = [rollout.s2r for rollout in rollouts if rollout.s2r is not None]
    nodes, left_out = context_tree(map(action_rewards, judged))
    checks = Counter((check.verdict, check.tier) for j in judged for check in j.checks)
    deviations = Counter(code for j in judged for code in dict.fromkeys(j.trajectory.codes))
    guesses = Counter(code for j in judged for code in {u.code: None for u in j.trajectory.uncertainties})
    return Summary(
        problems=len({rollout.problem_id for rollout in rollouts}),
        grammar=_names(record.grammar for record in records),
        method=_names(record.method for record in records),
        checker=_names(record.checker for record in records),
        overall=_group("all", judged),
        levels=_grouped(judged, [rollout.level for rollout in rollouts]),
        steps=_grouped(judged, [rollout.step for rollout in rollouts]),
        nodes=tuple(nodes),
        nodes_left_out=left_out,
        deviations=tuple(deviations.most_common()),
        checks=tuple((verdict, tier, n) for (verdict, tier), n in checks.most_common()),
        alarms=find_alarms(judged, [r.prompt for r in rollouts], [r.step for r in rollouts]),
        uncertainties=tuple(guesses.most_common()),
    )


def _grouped(judged: Sequence[JudgedTrajectory], keys: Sequence[object]) -> tuple[Group, ...]:
    members: dict[object, list[JudgedTrajectory]] = {}
    for key, one in zip(keys, judged, strict=True):
        if key is not None:
            members.setdefault(key, []).append(one)
    return tuple(_group(str(key), members[key]) for key in sorted(members, key=natural))


def _group(key: str, judged: Sequence[JudgedTrajectory]) -> Group:
    attempts = Counter(min(len(j.trajectory.attempts), 5) for j in judged)
    return Group(
        key=key,
        count=len(judged),
        metrics=behaviour_metrics(judged),
        attempts=tuple(attempts[n] for n in range(1, 6)),
        mean_length=sum(len(j.trajectory.text) for j in judged) / max(1, len(judged)),
    )


def natural(key: object) -> tuple[int, float, str]:
    """Sort key that puts 2 before 10 and numbers before names."""
    try:
        return (0, float(str(key)), "")
    except ValueError:
        return (1, 0.0, str(key))


def _names(values: Iterable[str]) -> str:
    return ", ".join(sorted({value for value in values if value})) or "–"


def context_tree(rewards: Iterable[Sequence[float]], max_depth: int = 8, max_nodes: int = 30) -> tuple[list[Node], int]:
    """Nodes in depth-first order, the most frequent child first, and how many nodes were left out.

    Left out are contexts longer than `max_depth` and, beyond `max_nodes`, the rarest ones.
    """
    sums: dict[Context, list[float]] = {}
    for row in rewards:
        context: Context = ()
        for reward in row:
            entry = sums.setdefault(context, [0.0, 0.0])
            entry[0] += 1
            entry[1] += reward
            context = (*context, 1 if reward > 0 else -1)
    # A prefix is at least as frequent as its continuations, so the cut never keeps a child without its parent.
    ranked = sorted((c for c in sums if len(c) <= max_depth), key=lambda c: (-sums[c][0], len(c), c))
    kept = set(ranked[:max_nodes])
    nodes: list[Node] = []

    def walk(context: Context) -> None:
        count, total = sums[context]
        nodes.append(Node(context, int(count), total / count))
        children = [child for child in ((*context, 1), (*context, -1)) if child in kept]
        for child in sorted(children, key=lambda c: -sums[c][0]):
            walk(child)

    if kept:
        walk(())
    return nodes, len(sums) - len(nodes)
