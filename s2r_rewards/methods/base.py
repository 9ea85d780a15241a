"""A training signal as one object: what each action earns, what it is compared with, and how the loss uses it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Literal, get_args

from s2r_rewards.advantages import subtract
from s2r_rewards.baselines import Baseline, BaselineFunction, RunningBaseline, reward_context
from s2r_rewards.baselines.base import Values
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.rewards import action_rewards, outcome_reward
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.trajectory import Span

RewardFunction = Callable[[JudgedTrajectory], tuple[float, ...]]
"""JudgedTrajectory → one finite number per attempt and verification"""
OutcomeFunction = Callable[[JudgedTrajectory], float]
"""JudgedTrajectory → the reward of the whole response"""
Adjustment = Callable[[Sequence[ScoredRollout], Values], Values]
"""(the batch, its advantages) → advantages of the same shape"""
Level = Literal["process", "outcome"]
Groups = Literal["batch", "prompt", "accuracy"]
LEVELS: tuple[str, ...] = get_args(Level)
GROUPS: tuple[str, ...] = get_args(Groups)


@dataclass(frozen=True)
class OfflineFilter:
    """Which stored rollouts offline RL learns from (appendix F.2, arXiv:2502.12853)."""

    rejection: Literal["discard", "truncate"] = "discard"
    """What happens to a trajectory that goes on after a confirmed right attempt."""
    max_actions: int = 20
    balance: bool = False
    """At most as many all-wrong rollouts as kept right ones per prompt, drawn at random."""
    seed: int = 0
    """Of that draw."""


@dataclass(frozen=True)
class Method:
    """Rewards, baseline, ratio and clip of one published (or your own) method; all functions are plain and pure.

    A method of your own: ``dataclasses.replace(get_method("s2r-prl"), name="mine", rewards=my_function)``.
    """

    name: str
    source: str
    """Where it comes from: paper, section, equation, code."""
    rewards: RewardFunction = action_rewards
    outcome: OutcomeFunction = outcome_reward
    baseline: BaselineFunction = reward_context
    level: Level = "process"
    """``process``: every action has a reward and a baseline of its own; ``outcome``: the response as a whole has
    one, and all its actions the same advantage."""
    groups: Groups = "batch"
    """What the baseline is told of each trajectory: nothing (means over the whole batch), its prompt, or its
    prompt's accuracy."""
    running: bool = False
    """Whether the baseline's means are those of earlier batches; needs a keyed :class:`Baseline`."""
    adjust: Adjustment | None = None
    """What happens to the advantages after the baseline is subtracted."""
    grammar: str | Grammar = "paper"
    ratio: str = "action"
    """Ratio of the clipped objective, one of :data:`s2r_rewards.losses.RATIOS`."""
    clip: tuple[float, float] | None = None
    """ε below and above 1 in the clipped objective; None: the trainer's own setting."""
    count_end: bool = True
    """Whether ``end`` is one of the |y|_a actions of Eq. 6. The paper's list of actions holds it: it then has a ratio
    and a KL term of its own, the advantage 0, and makes the mean over actions one action longer. False: its token
    takes part in nothing. At the level ``outcome`` the whole response is one action either way."""
    filter: OfflineFilter = OfflineFilter()

    def __post_init__(self) -> None:
        for field, known in (("level", LEVELS), ("groups", GROUPS)):
            if getattr(self, field) not in known:
                raise ValueError(
                    f"method {self.name!r}: {field} is {getattr(self, field)!r}; expected {' or '.join(known)}"
                )
        if self.running and not isinstance(self.baseline, Baseline):
            raise ValueError(
                f"method {self.name!r}: running=True needs a keyed baseline (s2r_rewards.baselines.Baseline), "
                f"found {self.baseline!r}"
            )

    def score(self, judged: JudgedTrajectory, checker: str = "", tokens: Sequence[Span] | None = None) -> ScoredRollout:
        """The record of a judged trajectory with this method's rewards; advantages need its group.

        Raises:
            ValueError: ``rewards`` gave something else than one finite number per scored action.
        """
        rewards, outcome = tuple(self.rewards(judged)), self.outcome(judged)
        if not all(math.isfinite(value) for value in (*rewards, outcome)):
            raise ValueError(f"method {self.name!r}: rewards {rewards}, outcome {outcome}; expected finite numbers")
        return ScoredRollout.of(judged, rewards, outcome, self.name, checker, tokens)

    def new_state(self) -> RunningBaseline | None:
        """What a running baseline remembers between batches, to be kept by the caller; None for any other."""
        if not self.running:
            return None
        assert isinstance(self.baseline, Baseline)  # __post_init__ saw to it
        return RunningBaseline(self.baseline)

    def advantages(
        self,
        batch: Sequence[JudgedTrajectory | ScoredRollout],
        groups: Sequence[Hashable] | None = None,
        accuracy: Sequence[float] | None = None,
        state: RunningBaseline | None = None,
    ) -> Values:
        """A(a_t) for every scored action of a batch, aligned with the rewards.

        Args:
            batch: judged trajectories, or their records.
            groups: the prompt of each trajectory. Needed where ``self.groups`` is ``prompt`` (None: all are samples
                of one prompt) or ``accuracy``.
            accuracy: the accuracy of each trajectory's prompt; default: counted over the batch, by ``groups``.
            state: of a running method, what :meth:`new_state` gave; a fresh one knows nothing and subtracts 0.
        """
        return self.credit(batch, groups, accuracy, state)[1]

    def credit(
        self,
        batch: Sequence[JudgedTrajectory | ScoredRollout],
        groups: Sequence[Hashable] | None = None,
        accuracy: Sequence[float] | None = None,
        state: RunningBaseline | None = None,
    ) -> tuple[Values, Values]:
        """(baselines, advantages); arguments as in :meth:`advantages`. 0 for those that are left out of training."""
        scored = [self.score(item) if isinstance(item, JudgedTrajectory) else item for item in batch]
        if any(item.left_out for item in scored):
            return self._without_left_out(scored, groups, accuracy, state)
        keys = self._keys(scored, groups, accuracy)
        baseline = (state or self.new_state() or self.baseline) if self.running else self.baseline
        if self.level == "outcome":
            outcomes = [item.outcome for item in scored]
            found = baseline(outcomes, keys)
            baselines = tuple((b,) * len(item.rewards) for b, item in zip(found, scored, strict=True))
            rewards = [(item.outcome,) * len(item.rewards) for item in scored]
        else:
            rewards = [item.rewards for item in scored]
            baselines = baseline(rewards, keys)
        advantages = subtract(rewards, baselines)
        return baselines, advantages if self.adjust is None else self.adjust(scored, advantages)

    def _without_left_out(
        self,
        scored: Sequence[ScoredRollout],
        groups: Sequence[Hashable] | None,
        accuracy: Sequence[float] | None,
        state: RunningBaseline | None,
    ) -> tuple[Values, Values]:
        taken = [not item.left_out for item in scored]
        of_groups = None if groups is None else list(compress(groups, taken))
        of_accuracy = None if accuracy is None else list(compress(accuracy, taken))
        found = self.credit(list(compress(scored, taken)), of_groups, of_accuracy, state)
        nothing = [(0.0,) * len(item.rewards) for item in scored]
        baselines, advantages = (
            tuple(next(rest) if takes_part else zeros for takes_part, zeros in zip(taken, nothing, strict=True))
            for rest in map(iter, found)
        )
        return baselines, advantages

    def outcome_advantages(
        self, outcomes: Sequence[float], groups: Sequence[Hashable] | None = None
    ) -> tuple[float, ...]:
        """One advantage a response, also for those without any action. Only for the level ``outcome``."""
        if self.level != "outcome":
            raise ValueError(f"method {self.name!r} is of the level {self.level!r}; expected 'outcome'")
        keys = None if self.groups == "batch" else groups
        return tuple(r - b for r, b in zip(outcomes, self.baseline(outcomes, keys), strict=True))

    def _keys(
        self, scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None, accuracy: Sequence[float] | None
    ) -> Sequence[Hashable] | None:
        if self.groups == "batch":
            return None
        if self.groups == "prompt":
            return groups
        return accuracy if accuracy is not None else prompt_accuracies(scored, groups)


def prompt_accuracies(scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None = None) -> tuple[float, ...]:
    """For each trajectory, the share of its prompt's responses whose outcome reward is positive."""
    prompts = groups if groups is not None else (None,) * len(scored)
    right: dict[Hashable, list[bool]] = {}
    for item, prompt in zip(scored, prompts, strict=True):
        right.setdefault(prompt, []).append(item.outcome > 0)
    return tuple(sum(right[prompt]) / len(right[prompt]) for prompt in prompts)
