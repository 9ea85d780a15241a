"""Rewards for self-verification and self-correction (S²R, arXiv:2502.12853).

Text flows one way: response text → :func:`parse` → Trajectory → :func:`judge` → JudgedTrajectory →
:func:`outcome_reward` / :func:`action_rewards` → baselines → advantages → tensors.
"""

from s2r_rewards.advantages import bonuses, outcome_advantages, process_advantages
from s2r_rewards.grammar import GRAMMARS, Grammar, VerdictRule, VerdictTier
from s2r_rewards.judging import JudgedTrajectory, judge, judge_many
from s2r_rewards.methods import METHODS, Method, get_method
from s2r_rewards.metrics import METRIC_NAMES, BehaviourCounts, behaviour_counts, behaviour_metrics
from s2r_rewards.parsing import parse
from s2r_rewards.rewards import action_rewards, outcome_reward
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.trajectory import DEVIATIONS, Action, Deviation, Trajectory, Verdict
from s2r_rewards.turns import parse_messages

__version__ = "0.2.0"

__all__ = [
    "DEVIATIONS",
    "GRAMMARS",
    "METHODS",
    "METRIC_NAMES",
    "Action",
    "BehaviourCounts",
    "Deviation",
    "Grammar",
    "JudgedTrajectory",
    "Method",
    "ScoredAction",
    "ScoredRollout",
    "Trajectory",
    "Verdict",
    "VerdictRule",
    "VerdictTier",
    "action_rewards",
    "behaviour_counts",
    "behaviour_metrics",
    "bonuses",
    "get_method",
    "judge",
    "judge_many",
    "outcome_advantages",
    "outcome_reward",
    "parse",
    "parse_messages",
    "process_advantages",
]
