"""A training signal as one object: what each action earns, what it is compared with, and how the loss uses it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from typing import Any, Literal, get_args

from s2r_rewards.advantages import divide, subtract
from s2r_rewards.baselines import Baseline, BaselineFunction, RunningBaseline, none, reward_context, state_of
from s2r_rewards.baselines.base import Rewards, Values, nest
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods.accuracy import accuracies_of_others, prompt_accuracies
from s2r_rewards.methods.objective import Overlong, check_objective
from s2r_rewards.rewards import action_rewards, outcome_reward
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.trajectory import Span

RewardFunction = Callable[[JudgedTrajectory], tuple[float, ...]]
"""JudgedTrajectory → one finite number per attempt and verification"""
OutcomeFunction = Callable[[JudgedTrajectory], float]
"""JudgedTrajectory → the reward of the whole response"""
Adjustment = Callable[[Sequence[ScoredRollout], Values], Values]
"""(the batch, its advantages) → advantages of the same shape"""
Returns = Callable[[Sequence[float]], Sequence[float]]
"""The rewards of one trajectory's actions → what each is credited with"""
Estimator = Callable[[Sequence[ScoredRollout], Sequence[Hashable]], Values]
"""(the batch, the prompt of each trajectory) → advantages, one per scored action"""
Level = Literal["process", "outcome"]
Groups = Literal["batch", "prompt", "accuracy", "accuracy_of_others"]
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
    """What the baseline is told of each trajectory: nothing (means over the whole batch), its prompt, its prompt's
    accuracy, or the accuracy of its prompt's other responses (which does not depend on its own)."""
    running: bool = False
    """Whether the baseline's means are those of earlier batches; needs a keyed :class:`Baseline`."""
    returns: Returns | None = None
    """What an action is credited with; None: its own reward. The baseline is the mean of that, by the keys of the
    rewards. Needs a keyed :class:`Baseline`."""
    scale: BaselineFunction | None = None
    """What an advantage is divided by: a statistic by key, such as
    :data:`s2r_rewards.baselines.prompt_deviation` (GRPO). Where it is 0 or less, the advantage is 0."""
    estimator: Estimator | None = None
    """Advantages that are no reward minus a baseline: takes the place of baseline, groups, returns and scale."""
    adjust: Adjustment | None = None
    """What happens to the advantages last."""
    overlong: Overlong | None = None
    """A penalty by length, added to the outcome, or to the reward of the last action; needs the actions in tokens."""
    grammar: str | Grammar = "paper"
    ratio: str = "action"
    """Ratio of the clipped objective, one of :data:`s2r_rewards.methods.objective.RATIOS`."""
    clip: tuple[float, float] | None = None
    """ε below and above 1 in the clipped objective; None: the trainer's own setting."""
    objective: str = "clip"
    """One of :data:`s2r_rewards.methods.objective.OBJECTIVES`."""
    dual_clip: float | None = None
    """c > 1: where A < 0, no token counts for less than c·A; None: the trainer's own setting."""
    average: str = "actions"
    """One of :data:`s2r_rewards.methods.objective.AVERAGES`."""
    divisor: float | None = None
    """A constant in the place of the number of a response's actions or tokens; None: that number."""
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
        try:
            check_objective(self.ratio, self.clip, self.objective, self.dual_clip, self.average, self.divisor)
            self.new_state()
        except ValueError as error:
            raise ValueError(f"method {self.name!r}: {error}") from None
        if self.returns and (self.running or not (isinstance(self.baseline, Baseline) or self.baseline is none)):
            raise ValueError(
                f"method {self.name!r}: returns need running=False and a keyed baseline "
                f"(s2r_rewards.baselines.Baseline) or none, found running={self.running}, {self.baseline!r}"
            )
        if self.level == "outcome" and (self.returns or self.estimator):
            raise ValueError(f"method {self.name!r}: returns and estimators are of actions; expected level='process'")
        if self.estimator and (self.returns or self.scale or self.running):
            raise ValueError(f"method {self.name!r}: an estimator takes the place of returns, scale and running means")

    @property
    def loss_options(self) -> dict[str, Any]:
        """Keyword arguments of :func:`s2r_rewards.losses.action_policy_loss`; what the method leaves to the trainer
        (``clip``, ``dual_clip``) is absent."""
        found = {"ratio": self.ratio, "objective": self.objective, "average": self.average, "divisor": self.divisor}
        own = {"clip": self.clip, "dual_clip": self.dual_clip}
        return found | {name: value for name, value in own.items() if value is not None}

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
        return state_of(self.baseline) if self.running else None

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
            groups: the prompt of each trajectory. Needed where ``self.groups`` is not ``batch``, and by estimators
                (None: all are samples of one prompt).
            accuracy: the accuracy that ``self.groups`` asks for, of each trajectory; default: counted over the batch,
                by ``groups``.
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
        """(baselines, advantages); arguments as in :meth:`advantages`. 0 for those that are left out of training.

        Of an estimator, the baselines are what makes the advantages rewards minus baselines.
        """
        scored = [self.score(item) if isinstance(item, JudgedTrajectory) else item for item in batch]
        if any(item.left_out for item in scored):
            return self._without_left_out(scored, groups, accuracy, state)
        if self.overlong is not None:
            scored = [_with_penalty(item, self.overlong) for item in scored]
        rewards = [item.rewards for item in scored]
        if self.estimator is not None:
            prompts = groups if groups is not None else (None,) * len(scored)
            advantages = self.estimator(scored, prompts)
            baselines = subtract(rewards, advantages)
        elif self.level == "outcome":
            found = self._compare([item.outcome for item in scored], self._keys(scored, groups, accuracy), state)
            baselines, advantages = (
                tuple(row * len(item.rewards) for row, item in zip(rows, scored, strict=True)) for rows in found
            )
        else:
            baselines, advantages = self._compare(rewards, self._keys(scored, groups, accuracy), state)
        return baselines, advantages if self.adjust is None else self.adjust(scored, advantages)

    def _compare(
        self, rewards: Rewards, keys: Sequence[Hashable] | None, state: RunningBaseline | None
    ) -> tuple[Values, Values]:
        """(b, (G − b)/c) for rewards R, returns G, baseline b and scale c."""
        baseline = (state or self.new_state() or self.baseline) if self.running else self.baseline
        returns = rewards if self.returns is None else tuple(tuple(self.returns(row)) for row in rewards)
        more = {} if self.returns is None else {"values": returns}
        baselines, _ = nest(baseline(rewards, keys, **more), self.name)
        advantages = subtract(nest(returns, self.name)[0], baselines)
        if self.scale is not None:
            advantages = divide(advantages, nest(self.scale(rewards, keys, **more), self.name)[0])
        return baselines, advantages

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
        self,
        outcomes: Sequence[float],
        groups: Sequence[Hashable] | None = None,
        accuracy: Sequence[float] | None = None,
        state: RunningBaseline | None = None,
    ) -> tuple[float, ...]:
        """One advantage a response, also for those without any action: :meth:`advantages` of responses of which the
        outcome is all that is known. Only for the level ``outcome``."""
        if self.level != "outcome":
            raise ValueError(f"method {self.name!r} is of the level {self.level!r}; expected 'outcome'")
        records = [ScoredRollout((ScoredAction("solve", 0, 0, reward=value),), value) for value in outcomes]
        return tuple(row[0] for row in self.advantages(records, groups, accuracy, state))

    def _keys(
        self, scored: Sequence[ScoredRollout], groups: Sequence[Hashable] | None, accuracy: Sequence[float] | None
    ) -> Sequence[Hashable] | None:
        if self.groups == "batch":
            return None
        if self.groups == "prompt":
            return groups
        if accuracy is not None:
            return accuracy
        return (prompt_accuracies if self.groups == "accuracy" else accuracies_of_others)(scored, groups)


def _with_penalty(item: ScoredRollout, overlong: Overlong) -> ScoredRollout:
    """The response with what its length costs: in its outcome, and in the reward of its last action."""
    if not item.spans:
        raise ValueError("a penalty by length needs the actions in tokens; score the responses with their token ids")
    penalty = overlong.penalty(item.spans[-1][1])
    last = len(item.scored) - 1
    actions = tuple(
        replace(action, reward=(action.reward or 0.0) + penalty) if t == last else action
        for t, action in enumerate(item.actions)
    )
    return replace(item, outcome=item.outcome + penalty, actions=actions)
