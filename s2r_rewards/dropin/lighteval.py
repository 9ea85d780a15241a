"""A lighteval metric by our checker.

``math_metric()`` gives a ``SampleLevelMetric`` for the ``metrics`` of a task.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from s2r_rewards.answers import check_many, extract_answer

from .scores import gold_answers


class MathAccuracy:
    """The level of one sample, called or by ``compute``, as lighteval's versions do."""

    def __init__(self, aggregation_function: Callable[[list[float]], float] = max) -> None:
        self.aggregation_function = aggregation_function

    def compute(self, model_response: Any = None, doc: Any = None, **older: Any) -> float:
        """1.0 if a prediction of the model is right, else 0.0; several are aggregated, by default the best."""
        doc = older["formatted_doc"] if doc is None else doc
        given = older["predictions"] if model_response is None else model_response
        predictions = list(given if isinstance(given, (list, tuple)) else getattr(given, "final_text", given.text))
        golds = tuple(gold for one in doc.get_golds() for gold in gold_answers(one))
        answers = [extract_answer(text, fallback="number").answer for text in predictions]
        scores = [float(bool(one)) for one in check_many([(golds, answer) for answer in answers])]
        return self.aggregation_function(scores) if scores else 0.0

    __call__ = compute


def math_metric(
    metric_name: str = "s2r_math_accuracy", aggregation_function: Callable[[list[float]], float] = max
) -> Any:
    """The metric; imports lighteval. Its newer versions ask for an object of a class of theirs."""
    import numpy as np
    from lighteval.metrics import metrics_sample
    from lighteval.metrics.utils.metric_utils import SampleLevelMetric
    from lighteval.tasks.requests import SamplingMethod

    kind: Any = MathAccuracy
    if base := getattr(metrics_sample, "SampleLevelComputation", None):
        kind = type("MathAccuracy", (MathAccuracy, base), {})
    return SampleLevelMetric(
        metric_name=metric_name,
        sample_level_fn=kind(aggregation_function),
        category=SamplingMethod.GENERATIVE,
        corpus_level_fn=np.mean,
        higher_is_better=True,
    )
