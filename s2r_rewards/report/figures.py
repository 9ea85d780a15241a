"""What the overview adds up, one rollout after the other; the figures of parts add up to those of the whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import add, attrgetter

from s2r_rewards.alarms import Tally, count_signs
from s2r_rewards.alarms.windows import merged
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.metrics import BehaviourCounts, behaviour_counts
from s2r_rewards.rewards import action_rewards
from s2r_rewards.rollouts import Rollout

Context = tuple[int, ...]
_NAMES = tuple(one.name for one in fields(BehaviourCounts))
in_order = attrgetter(*_NAMES)
"""The numbers of :class:`BehaviourCounts`, as :class:`Sums` holds them."""


@dataclass
class Sums:
    """Of rollouts that share a level or a step."""

    size: int = 0
    behaviour: list[int] = field(default_factory=lambda: [0] * len(_NAMES))
    """The fields of :class:`BehaviourCounts`, in order."""
    attempts: list[int] = field(default_factory=lambda: [0] * 5)
    """How many rollouts made 1, 2, 3, 4, and 5 or more attempts."""
    length: int = 0
    """Characters of response."""

    def add(self, behaviour: Sequence[int], attempts: int, length: int) -> None:
        """One rollout."""
        self.size += 1
        self.behaviour = list(map(add, self.behaviour, behaviour))
        if attempts:
            self.attempts[min(attempts, 5) - 1] += 1
        self.length += length

    def merge(self, other: Sums) -> None:
        """The rollouts of a further part."""
        self.size += other.size
        self.behaviour = list(map(add, self.behaviour, other.behaviour))
        self.attempts = list(map(add, self.attempts, other.attempts))
        self.length += other.length

    @property
    def metrics(self) -> dict[str, float]:
        """The behaviour metrics, out of the same counts as a trainer's."""
        return BehaviourCounts(*self.behaviour).metrics()


@dataclass
class Figures:
    """Sums over rollouts; nothing in them grows with a rollout but the names of problems."""

    overall: Sums = field(default_factory=Sums)
    levels: dict[object, Sums] = field(default_factory=dict)
    steps: dict[object, Sums] = field(default_factory=dict)
    problems: set[str] = field(default_factory=set)
    names: tuple[set[str], set[str], set[str]] = field(default_factory=lambda: (set(), set(), set()))
    """Grammars, methods, checkers."""
    contexts: dict[Context, list[float]] = field(default_factory=dict)
    """What the actions before earned → how many actions were taken there, and the sum of their rewards."""
    deviations: Counter[str] = field(default_factory=Counter)
    uncertainties: Counter[str] = field(default_factory=Counter)
    checks: Counter[tuple[str, str]] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    tallies: dict[int | None, Tally] = field(default_factory=dict)
    """What each step adds to the alarms."""

    def add(self, place: int, rollout: Rollout, judged: JudgedTrajectory, flags: Sequence[str] = ()) -> None:
        """One scored rollout, which stands at ``place`` among all."""
        trajectory, record = judged.trajectory, rollout.s2r
        behaviour, attempts, length = in_order(behaviour_counts(judged)), len(judged.checks), len(trajectory.text)
        self.overall.add(behaviour, attempts, length)
        for key, groups in ((rollout.level, self.levels), (rollout.step, self.steps)):
            if key is not None:
                (groups.get(key) or groups.setdefault(key, Sums())).add(behaviour, attempts, length)
        self.problems.add(rollout.problem_id)
        if record is not None:
            for known, name in zip(self.names, (record.grammar, record.method, record.checker), strict=True):
                known.add(name)
        add_contexts(self.contexts, action_rewards(judged))
        for code in dict.fromkeys(trajectory.codes):
            self.deviations[code] += 1
        for code in dict.fromkeys(u.code for u in trajectory.uncertainties):
            self.uncertainties[code] += 1
        for check in judged.checks:
            self.checks[check.verdict, check.tier] += 1
        for flag in flags:
            self.flags[flag] += 1
        tally = self.tallies.get(rollout.step) or self.tallies.setdefault(rollout.step, Tally())
        tally.add(place, length, judged.last_correct, count_signs(judged, rollout.prompt))

    def merge(self, other: Figures, shift: int = 0) -> None:
        """Those of a further part, whose place 0 is the place ``shift`` of all."""
        self.overall.merge(other.overall)
        for groups, more in ((self.levels, other.levels), (self.steps, other.steps)):
            for key, sums in more.items():
                groups.setdefault(key, Sums()).merge(sums)
        self.problems |= other.problems
        for known, names in zip(self.names, other.names, strict=True):
            known |= names
        for context, (count, total) in other.contexts.items():
            entry = self.contexts.setdefault(context, [0.0, 0.0])
            entry[0] += count
            entry[1] += total
        for name in ("deviations", "uncertainties", "checks", "flags"):
            getattr(self, name).update(getattr(other, name))
        for step, tally in other.tallies.items():
            self.tallies[step] = merged([self.tallies.get(step, Tally()), tally], [0, shift])


def add_contexts(contexts: dict[Context, list[float]], rewards: Sequence[float]) -> None:
    """The actions of one rollout, each under what those before it earned."""
    context: Context = ()
    for reward in rewards:
        entry = contexts.setdefault(context, [0.0, 0.0])
        entry[0] += 1
        entry[1] += reward
        context = (*context, 1 if reward > 0 else -1)


def names_of(figures: Figures) -> Mapping[str, str]:
    """Grammar, method and checker as the page names them."""
    kinds = ("grammar", "method", "checker")
    return {
        kind: ", ".join(sorted(filter(None, found))) or "–" for kind, found in zip(kinds, figures.names, strict=True)
    }
