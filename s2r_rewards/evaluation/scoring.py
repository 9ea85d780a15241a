"""Generations -> accuracy and behaviour of one benchmark, in one streaming pass, without a model.

Memory grows with the number of problems and their distinct answers, not with the number of generations.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from s2r_rewards.answers import batch_checker
from s2r_rewards.evaluation.benchmarks import benchmark_of
from s2r_rewards.evaluation.statistics import Interval, bootstrap, majority_right, pass_at_k, wilson
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import BatchChecker, JudgedTrajectory
from s2r_rewards.metrics import BehaviourCounts, level_name, total_counts
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import chunks
from s2r_rewards.rollouts.scoring import judge_rollouts

LONGEST_ANSWER = 200
PASS_AT = (1, 2, 4, 8, 16, 32, 64, 128)
Answers = dict[str, tuple[int, int]]


@dataclass(slots=True)
class BenchmarkScore:
    """Everything a table needs to know of one benchmark; grows generation by generation."""

    name: str
    counts: BehaviourCounts = field(default_factory=BehaviourCounts)
    levels: dict[str, BehaviourCounts] = field(default_factory=dict)
    problems: dict[str, Answers] = field(default_factory=dict)
    cut_off: int = 0

    def add(self, rollouts: Sequence[Rollout], judged: Sequence[JudgedTrajectory]) -> None:
        """Count a batch of judged generations."""
        self.counts += total_counts(judged)
        by_level: dict[str, list[JudgedTrajectory]] = {}
        for rollout, item in zip(rollouts, judged, strict=True):
            self.cut_off += rollout.finished is False
            if rollout.level is not None:
                by_level.setdefault(str(rollout.level), []).append(item)
            attempts = item.trajectory.attempts
            answer = ((attempts[-1].answer if attempts else None) or "")[:LONGEST_ANSWER]
            answers = self.problems.setdefault(rollout.problem_id, {})
            given, right = answers.get(answer, (0, 0))
            answers[answer] = (given + 1, right + item.last_correct)
        for level, items in by_level.items():
            self.levels[level] = self.levels.get(level, BehaviourCounts()) + total_counts(items)

    @property
    def accuracy(self) -> float:
        """Mean over problems of the share of right generations: pass@1."""
        rates = self._rates()
        return sum(rates) / len(rates) if rates else float("nan")

    def interval(self, confidence: float = 0.95) -> Interval:
        """Wilson for one generation a problem, bootstrap over problems for several."""
        if self.counts.trajectories == len(self.problems):
            return wilson(self.counts.last_right, self.counts.trajectories, confidence)
        return bootstrap(self._rates(), confidence)

    def estimates(self) -> dict[str, float]:
        """pass@k and majority@k, as far as every problem has enough generations."""
        tallies = [_tally(answers) for answers in self.problems.values()]
        fewest = min((samples for samples, _ in tallies), default=0)
        found = {
            f"pass@{k}": sum(pass_at_k(right, samples, k) for samples, right in tallies) / len(tallies)
            for k in PASS_AT
            if k <= fewest
        }
        if fewest > 1:
            found[f"majority@{fewest}"] = sum(map(majority_right, self.problems.values())) / len(tallies)
        return found

    def to_record(self) -> dict[str, Any]:
        """The JSON object that ``results.json`` holds for this benchmark."""
        metrics = self.counts.metrics()
        for level in sorted(self.levels):
            metrics.update((level_name(k, level), v) for k, v in self.levels[level].metrics().items())
        return {
            "benchmark": self.name,
            "problems": len(self.problems),
            "generations": self.counts.trajectories,
            "cut_off": self.cut_off,
            "accuracy": self.accuracy,
            "interval": list(self.interval()),
            "estimates": self.estimates(),
            "metrics": {k: None if v != v else v for k, v in metrics.items()},
        }

    def _rates(self) -> list[float]:
        return [right / samples for samples, right in map(_tally, self.problems.values())]


def score_generations(
    name: str,
    generations: Iterable[Rollout],
    grammar: str | Grammar = "paper",
    checker_many: BatchChecker | None = None,
) -> BenchmarkScore:
    """Judge every generation once and count it. Default checker: that of the benchmark's kind of answers."""
    score = BenchmarkScore(name)
    checker = checker_many or batch_checker(policy=f"kind={benchmark_of(name).kind}", workers=1)
    for chunk in chunks(generations):
        score.add(chunk, judge_rollouts(chunk, grammar, checker))
    return score


def _tally(answers: Answers) -> tuple[int, int]:
    return sum(given for given, _ in answers.values()), sum(right for _, right in answers.values())
