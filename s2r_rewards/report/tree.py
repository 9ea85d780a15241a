"""The reward-context tree: every prefix of action rewards seen, how often, and the mean reward that follows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Context = tuple[int, ...]


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
        reward, previous = self.context[-1], self.context[-2] if len(self.context) > 1 else 0
        if len(self.context) % 2:
            return "right attempt" if reward > 0 else "wrong attempt"
        if previous > 0:
            return "confirmed" if reward > 0 else "doubted"
        return "rejected" if reward > 0 else "let through"

    @property
    def next_kind(self) -> str:
        """The kind of action whose baseline this is."""
        return "verify" if len(self.context) % 2 else "solve"


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
