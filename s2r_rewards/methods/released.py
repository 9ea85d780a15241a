"""What the authors' released code (NineAbyss/S2R) does where it departs from the paper. See FIDELITY.md.

Loose parsing; −1 for the last action of a response that was cut off; means over earlier batches, 0 until a context
has 10 observations; advantages ×2 for a retry that changes correctness and for verifications of right attempts; the
ratio is exp of the mean token log-ratio of the whole response. Offline: truncate, at most 10 actions, balance.
Caveat: a running mean lags behind a policy that improves.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

from s2r_rewards.advantages import bonuses
from s2r_rewards.baselines import accuracy_baseline, reward_context, rloo
from s2r_rewards.baselines.base import Values
from s2r_rewards.methods.base import Method, OfflineFilter
from s2r_rewards.rewards import action_rewards, outcome_per_action, outcome_reward
from s2r_rewards.scored import ScoredRollout

SOURCE = "the authors' released code, NineAbyss/S2R"
MIN_COUNT = 10


def change_and_verification_bonuses(batch: Sequence[ScoredRollout], advantages: Values) -> Values:
    """:func:`~s2r_rewards.advantages.bonuses` with the released code's factors of 2."""
    return bonuses([item.rewards for item in batch], advantages, change=2.0, right_verification=2.0)


_SHARED: dict[str, Any] = {
    "source": SOURCE,
    "outcome": partial(outcome_reward, no_end_penalty=True),
    "grammar": "released",
    "ratio": "trajectory_mean",
    "count_end": False,  # its masks end before the end token
    "filter": OfflineFilter("truncate", max_actions=10, balance=True),
}
_PROCESS: dict[str, Any] = {
    **_SHARED,
    "rewards": partial(action_rewards, no_end_penalty=True),
    "adjust": change_and_verification_bonuses,
}
_OUTCOME: dict[str, Any] = {**_SHARED, "rewards": partial(outcome_per_action, no_end_penalty=True), "level": "outcome"}

PRL = Method("released-prl", baseline=reward_context.with_settings(min_count=MIN_COUNT), running=True, **_PROCESS)
ORL = Method("released-orl", baseline=rloo, groups="prompt", **_OUTCOME)
OFFLINE_PRL = Method(
    "released-offline-prl",
    baseline=accuracy_baseline("position").with_settings(min_count=MIN_COUNT),
    groups="accuracy",
    **_PROCESS,
)
OFFLINE_ORL = Method(
    "released-offline-orl",
    baseline=accuracy_baseline("outcome").with_settings(min_count=MIN_COUNT),
    groups="accuracy",
    **_OUTCOME,
)
