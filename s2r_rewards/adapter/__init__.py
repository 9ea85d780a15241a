"""What every framework adapter shares: one set of options, scoring that never raises, and metrics of a batch.

An adapter translates its framework's sample into a call of :func:`score_response`, lets the record travel, and hands
the batch of records to the method that knows their group.
"""

from s2r_rewards.adapter.batch import FAILED_METRIC, Measured, batch_metrics, failures, measured, step_alarms
from s2r_rewards.adapter.options import (
    LOSS_OPTIONS,
    TRAINING_OPTIONS,
    ConfigError,
    Options,
    resolve_checker,
    resolve_method,
)
from s2r_rewards.adapter.scoring import FAILING_REWARD, Sample, score_response, score_responses
from s2r_rewards.adapter.turns import TokenTurn
from s2r_rewards.answers.labels import attempt_of, gold_of, level_of

__all__ = [
    "FAILED_METRIC",
    "FAILING_REWARD",
    "LOSS_OPTIONS",
    "TRAINING_OPTIONS",
    "ConfigError",
    "Measured",
    "Options",
    "Sample",
    "TokenTurn",
    "attempt_of",
    "batch_metrics",
    "failures",
    "gold_of",
    "level_of",
    "measured",
    "resolve_checker",
    "resolve_method",
    "score_response",
    "score_responses",
    "step_alarms",
]
