"""What the authors' released code (NineAbyss/S2R) does where it departs from the paper. See FIDELITY.md.

Loose parsing, another one offline; no end token among the actions. Process level: one ratio per action, exp of the mean
token log-ratio within it; means over earlier batches, 0 until a context has 10 observations; advantages ×2 for a retry
that changes correctness and for verifications of right attempts; the advantage −1 for the last of several actions where
the response was cut off. Outcome level: exp of the mean over the whole response. Offline: truncate, at most 10 actions,
balance at random, baselines by exact accuracy, 0 under 10 rewards.
Caveat: a running mean lags behind a policy that improves.
"""

from collections.abc import Sequence
from typing import Any

from s2r_rewards.advantages import bonuses
from s2r_rewards.baselines import Baseline, accuracy_baseline, reward_context, rloo
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method, OfflineFilter
from s2r_rewards.rewards import outcome_per_action
from s2r_rewards.scored import ScoredRollout

SOURCE = "the authors' released code, NineAbyss/S2R"
MIN_COUNT = 10


def change_and_verification_bonuses(batch: Sequence[ScoredRollout], advantages: Values) -> Values:
    """:func:`~s2r_rewards.advantages.bonuses` with the released code's factors of 2."""
    return bonuses([item.rewards for item in batch], advantages, change=2.0, right_verification=2.0)


def bonuses_and_cut_offs(batch: Sequence[ScoredRollout], advantages: Values) -> Values:
    """The bonuses; then −1, whatever it earned, for the last of several actions of a response that was cut off."""
    return tuple(
        (*row[:-1], -1.0) if item.ended is False and len(row) > 1 else row
        for item, row in zip(batch, change_and_verification_bonuses(batch, advantages), strict=True)
    )


_SHARED: dict[str, Any] = {
    "source": SOURCE,
    "grammar": "released",
    "count_end": False,  # its masks end before the end token
}
_PROCESS: dict[str, Any] = {**_SHARED, "ratio": "action_mean"}
_OUTCOME: dict[str, Any] = {**_SHARED, "ratio": "trajectory_mean", "rewards": outcome_per_action, "level": "outcome"}
_OFFLINE: dict[str, Any] = {
    "grammar": "released-offline",
    "groups": "accuracy",
    "filter": OfflineFilter("truncate", max_actions=10, balance=True),
}


def _by_accuracy(by: str) -> Baseline:
    return accuracy_baseline(by, bins=None).with_settings(min_count=MIN_COUNT)


PRL = Method(
    "released-prl",
    baseline=reward_context.with_settings(min_count=MIN_COUNT),
    running=True,
    adjust=bonuses_and_cut_offs,
    **_PROCESS,
)
ORL = Method("released-orl", baseline=rloo, groups="prompt", **_OUTCOME)
OFFLINE_PRL = Method(
    "released-offline-prl",
    baseline=_by_accuracy("position"),
    adjust=change_and_verification_bonuses,
    **(_PROCESS | _OFFLINE),
)
OFFLINE_ORL = Method("released-offline-orl", baseline=_by_accuracy("outcome"), **(_OUTCOME | _OFFLINE))
