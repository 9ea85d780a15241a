"""OpenRLHF's evaluation over outcomes of 0 and 1, in the place of rewards, with every ``s2r/*`` metric beside it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from s2r_openrlhf.carried import Carried
from s2r_openrlhf.rollouts.counts import take_counts
from s2r_rewards.adapter import batch_metrics


class Evaluation:
    """Stands before a sample generator's ``generate_eval_samples`` and keeps what it generated last.

    OpenRLHF averages ``rewards``; with the scores in their place, pass@1 is an accuracy, and pass@k whether any of k
    samples is right.
    """

    def __init__(self, generator: Any) -> None:
        self.generate, self.samples = generator.generate_eval_samples, list[Any]()
        generator.generate_eval_samples = self

    def __call__(self, **settings: Any) -> list[Any]:
        self.samples = list(self.generate(**settings))
        for sample in self.samples:
            if sample.scores is not None:
                sample.rewards = sample.scores
        return self.samples

    def metrics(self, dataloader: Iterable[Any]) -> dict[str, float]:
        """``s2r/*`` over all samples, and by data source (``eval_SOURCE_s2r/*``) where there are several."""
        pairs = (pair for names, prompts, *_ in dataloader for pair in zip(prompts, names, strict=True))
        sources = dict(pairs)
        by_source: dict[str, list[Any]] = {}
        for sample in self.samples:
            by_source.setdefault(sources.get(sample.prompts[0], "unknown"), []).append(sample)
        parts = {f"eval_{source}_": part for source, part in by_source.items()} if len(by_source) > 1 else {}
        return {
            prefix + name: value
            for prefix, part in {"": self.samples, **parts}.items()
            for name, value in sample_metrics(part).items()
        }


def sample_metrics(samples: list[Any]) -> dict[str, float]:
    """The metrics of samples of s2r_openrlhf's executors, or of the reward file or server; of others nothing."""
    carried = [label for sample in samples for label in sample.labels if isinstance(label, Carried)]
    if samples and len(carried) == len(samples):
        return batch_metrics(one.scored for one in carried)
    return take_counts(samples, keep=True)
