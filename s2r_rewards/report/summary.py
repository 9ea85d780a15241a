"""Everything the overview shows, computed once from judged trajectories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from s2r_rewards.alarms import Alarm, alarms_of
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.report.figures import Context, Figures, Sums, add_contexts, names_of
from s2r_rewards.rollouts import Rollout

DEEPEST = 8
"""Actions before that the tree of contexts shows."""


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
    contexts: Mapping[Context, Node] = field(default_factory=dict)
    """Those that any tree may show, `nodes` among them."""


def summarise(rollouts: Sequence[Rollout], judged: Sequence[JudgedTrajectory]) -> Summary:
    """Summarise scored rollouts and their judged trajectories (same order)."""
    figures = Figures()
    for place, (rollout, one) in enumerate(zip(rollouts, judged, strict=True)):
        figures.add(place, rollout, one)
    return summary_of(figures)


def summary_of(figures: Figures) -> Summary:
    """What the overview shows of figures."""
    nodes, left_out = tree_of(figures.contexts)
    return Summary(
        problems=len(figures.problems),
        **names_of(figures),
        overall=_group("all", figures.overall),
        levels=_groups(figures.levels),
        steps=_groups(figures.steps),
        nodes=tuple(nodes),
        nodes_left_out=left_out,
        deviations=tuple(figures.deviations.most_common()),
        checks=tuple((verdict, tier, n) for (verdict, tier), n in figures.checks.most_common()),
        alarms=alarms_of(figures.tallies),
        uncertainties=tuple(figures.uncertainties.most_common()),
        contexts={c: node_of(c, sums) for c, sums in figures.contexts.items() if len(c) <= DEEPEST},
    )


def _groups(sums: Mapping[object, Sums]) -> tuple[Group, ...]:
    return tuple(_group(str(key), sums[key]) for key in sorted(sums, key=natural))


def _group(key: str, sums: Sums) -> Group:
    return Group(key, sums.size, sums.metrics, tuple(sums.attempts), sums.length / max(1, sums.size))


def natural(key: object) -> tuple[int, float, str]:
    """Sort key that puts 2 before 10 and numbers before names."""
    try:
        return (0, float(str(key)), "")
    except ValueError:
        return (1, 0.0, str(key))


def context_tree(
    rewards: Iterable[Sequence[float]], max_depth: int = DEEPEST, max_nodes: int = 30
) -> tuple[list[Node], int]:
    """Nodes in depth-first order, the most frequent child first, and how many nodes were left out.

    Left out are contexts longer than `max_depth` and, beyond `max_nodes`, the rarest ones.
    """
    contexts: dict[Context, list[float]] = {}
    for row in rewards:
        add_contexts(contexts, row)
    return tree_of(contexts, max_depth, max_nodes)


def node_of(context: Context, sums: Sequence[float]) -> Node:
    """Given how many actions were taken there, and the sum of their rewards."""
    count, total = sums
    return Node(context, int(count), total / count)


def tree_of(
    sums: Mapping[Context, Sequence[float]], max_depth: int = DEEPEST, max_nodes: int = 30
) -> tuple[list[Node], int]:
    """The same, given the number and the sum of rewards in each context."""
    # A prefix is at least as frequent as its continuations, so the cut never keeps a child without its parent.
    ranked = sorted((c for c in sums if len(c) <= max_depth), key=lambda c: (-sums[c][0], len(c), c))
    kept = set(ranked[:max_nodes])
    nodes: list[Node] = []

    def walk(context: Context) -> None:
        nodes.append(node_of(context, sums[context]))
        children = [child for child in ((*context, 1), (*context, -1)) if child in kept]
        for child in sorted(children, key=lambda c: -sums[c][0]):
            walk(child)

    if kept:
        walk(())
    return nodes, len(sums) - len(nodes)
