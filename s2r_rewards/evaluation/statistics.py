"""Intervals and estimators of evaluation: Wilson, bootstrap over problems, pass@k, majority@k."""

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

Interval = tuple[float, float]


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Wilson score interval of a proportion, in [0, 1]; (0, 1) where nothing was tried."""
    if trials == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    p = successes / trials
    middle = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    return max(0.0, middle - half), min(1.0, middle + half)


def bootstrap(values: Sequence[float], confidence: float = 0.95, resamples: int = 1000, seed: int = 0) -> Interval:
    """Percentile bootstrap interval of the mean of one value a problem (the samples of a problem stay together)."""
    data = np.asarray(values, dtype=float)
    if data.size == 0:
        return math.nan, math.nan
    rng = np.random.default_rng(seed)
    means = [data[rng.integers(0, data.size, data.size)].mean() for _ in range(resamples)]
    low, high = np.quantile(means, [0.5 - confidence / 2, 0.5 + confidence / 2])
    return float(low), float(high)


def pass_at_k(right: int, samples: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples is right (Chen et al., arXiv:2107.03374)."""
    if not 0 <= right <= samples or not 1 <= k <= samples:
        raise ValueError(f"pass@{k} of {right} right among {samples} samples: expected 0 <= right <= samples >= k")
    return 1.0 - math.comb(samples - right, k) / math.comb(samples, k)


def majority_right(answers: Mapping[str, tuple[int, int]]) -> float:
    """Share of right ones among the most frequent answers of a problem.

    Args:
        answers: by answer text, (how often it was given, how often it was right). Right answers are one
            answer, however they are written; generations without an answer ("") do not vote. Ties share.
    """
    right = sum(good for _, good in answers.values())
    wrong = [count - good for text, (count, good) in answers.items() if text and count > good]
    most = max([right, *wrong], default=0)
    if most == 0 or right < most:
        return 0.0
    return 1.0 / (1 + sum(n == most for n in wrong))
