"""What a method's choices do to the expected gradient beyond what it claims to maximise; docs/bias.md has the numbers.

Found from the method's own functions, so a method of one's own is told of its choices, too; an unknown key function or
estimator is not judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from s2r_rewards.answers.result import CheckResult
from s2r_rewards.baselines import Baseline
from s2r_rewards.baselines.position import position_keys
from s2r_rewards.baselines.reward_context import context_keys
from s2r_rewards.baselines.role import role_keys
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods.base import Method
from s2r_rewards.methods.later.cal import best_to_come
from s2r_rewards.methods.later.gigpo import group_in_group
from s2r_rewards.methods.later.mt_grpo import two_turns
from s2r_rewards.methods.later.return_to_go import to_go
from s2r_rewards.methods.outcome.gdpo import decoupled
from s2r_rewards.methods.own.pag import role_normalised
from s2r_rewards.methods.released import bonuses_and_cut_offs, change_and_verification_bonuses
from s2r_rewards.trajectory import Action, Trajectory, Verdict


@dataclass(frozen=True)
class Effect:
    """One thing that a choice does on the side."""

    of: Literal["advantages", "loss"]
    what: str
    way_out: str


_ROLE = Effect(
    "advantages",
    "one mean for all attempts and one for all verifications: what the policy does early decides how many rewards of its "
    "own the mean holds (bias of the order 1/responses)",
    "more responses in a batch, or baseline=reward_context with leave_one_out=true",
)
_BONUSES = Effect(
    "advantages",
    "advantages are multiplied or set after the baseline is subtracted: contexts that come before a bonus weigh more than "
    "their rewards say",
    "method=s2r-prl",
)
#: Functions of the library with an effect of their own.
_OF_FUNCTIONS: dict[Callable[..., Any], Effect] = {
    role_normalised: _ROLE,
    bonuses_and_cut_offs: _BONUSES,
    change_and_verification_bonuses: _BONUSES,
    two_turns: Effect(
        "advantages",
        "responses of one turn and of several are divided by different deviations, and which one applies is the policy's "
        "own choice",
        "method=return-to-go",
    ),
    decoupled: Effect(
        "advantages",
        "whitening over tokens weighs long responses and adds a constant to every advantage, which pulls on the length",
        "method=dr-grpo, or s2r-prl",
    ),
    group_in_group: Effect(
        "advantages",
        "means that hold the action itself shrink the gradient of rare states, and steps are discounted",
        "method=return-to-go",
    ),
    best_to_come: Effect(
        "advantages",
        "verifications have advantage 0, though their verdicts decide whether there is another attempt: exact only where "
        "something that is always right decides it",
        "method=return-to-go",
    ),
}
_SELF = "the mean holds the action itself, which shrinks the gradient of rare {}: one that occurs once has advantage 0"


def effects(method: Method) -> tuple[Effect, ...]:
    """Every effect that is known of the method's choices; none of most choices that are exact."""
    found = [_OF_FUNCTIONS.get(part) for part in (method.estimator, method.returns, method.adjust) if part]
    if method.estimator is None:
        found += [_of_baseline(method), _of_accuracy(method), _of_scale(method)]
    if method.returns is to_go and all(reward >= 0 for reward in method.rewards(_all_wrong())):
        found.append(
            Effect(
                "advantages",
                "return-to-go of rewards that are never negative: every further turn is worth something, and a false "
                "verdict buys one",
                "rewards of -1 for what is wrong, as action_rewards gives",
            )
        )
    found.append(_of_length(method))
    return tuple(one for one in found if one)


def _of_baseline(method: Method) -> Effect | None:
    baseline = method.baseline
    if not isinstance(baseline, Baseline) or method.running:
        return None
    if baseline.keys is role_keys:
        return _ROLE
    kinds: dict[Callable[..., Any], str] = {context_keys: "contexts", position_keys: "positions"}
    kind = kinds.get(baseline.keys)
    if kind is None or baseline.leave_one_out:
        return None
    return Effect("advantages", _SELF.format(kind), "leave_one_out=true: exact")


def _of_accuracy(method: Method) -> Effect | None:
    if method.groups != "accuracy":
        return None
    return Effect(
        "advantages",
        "the accuracy of a prompt holds the response's own outcome, so the baseline depends on the actions (bias of the "
        "order 1/samples of a prompt, however many prompts)",
        "groups=accuracy_of_others",
    )


def _of_scale(method: Method) -> Effect | None:
    if method.scale is None:
        return None
    what = "prompts of one success rate weigh more than those of another"
    if method.level == "process":
        what = "actions of one kind weigh more than those of another, by how uniform their rewards are"
    return Effect(
        "advantages", f"advantages are divided by a statistic of the policy's own rewards: {what}", "scale=None"
    )


def _of_length(method: Method) -> Effect | None:
    if method.average == "tokens":
        return None
    if method.average == "actions" and method.level == "process":
        if method.divisor is not None:
            return None
        what = "1/|y|_a: an action counts for less in a response of many actions"
        way_out = "divisor=K, a constant number of actions"
    else:
        what = "1/|y|: a token counts for less in a long response"
        way_out = "average=tokens with divisor=K, a constant number of tokens"
    pays = "which pays for short responses where advantages are positive and for long ones where they are negative"
    return Effect("loss", f"{what}, {pays}", way_out)


def _all_wrong() -> JudgedTrajectory:
    """Two wrong attempts, both called correct: nothing that should be paid for."""
    actions = tuple(
        action
        for _ in range(2)
        for action in (Action("solve", 0, 0, "0"), Action("verify", 0, 0, verdict=Verdict.CORRECT))
    )
    wrong = CheckResult("incorrect", "effects")
    return JudgedTrajectory(Trajectory("", actions), "1", (wrong, wrong))
