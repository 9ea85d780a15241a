"""Stored rollouts -> offline RL data, in passes over files: memory grows with the prompts, not the rollouts.

1. score every rollout (parse, judge, reward) into a log that survives a kill; 2. count by prompt;
3. gather group means over what is kept; 4. yield kept rollouts with accuracy, baselines and advantages.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from s2r_rewards.answers import CHECKER_VERSION, check_many
from s2r_rewards.datasets.offline import (
    Decision,
    GroupMeans,
    PromptCounts,
    attempts_and_verdicts,
    cut,
    decide,
    in_band,
)
from s2r_rewards.datasets.resume import SequenceLog
from s2r_rewards.presets import get_preset
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scoring import score_rollouts

CHUNK = 512
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class OfflineOptions:
    """Every choice of the recipe. `from_preset` fills in what the paper or the released code does."""

    preset: str = "paper"
    mode: str = "discard"
    max_actions: int = 20
    balance: bool = False
    low: float = 0.1
    high: float = 0.7
    by: str = "position"
    bins: int = 10
    min_count: int = 1

    @classmethod
    def from_preset(cls, name: str, **changes: Any) -> "OfflineOptions":
        """The preset's options; keyword arguments that are not None override them."""
        preset = get_preset(name)
        options = cls(
            preset=name,
            mode=preset.offline_rejection,
            max_actions=preset.offline_max_actions,
            balance=preset.offline_balance,
            min_count=preset.min_count,
        )
        return replace(options, **{k: v for k, v in changes.items() if v is not None})


def score_into(
    rollouts: Iterable[Rollout],
    log: SequenceLog,
    preset: str,
    workers: int = 1,
    advance: Advance = lambda count: None,
) -> None:
    """Score what the log does not hold yet. Rollouts scored by this checker and preset keep their scores."""
    waiting = islice(iter(rollouts), log.count, None)
    while chunk := list(islice(waiting, CHUNK)):
        log.append(_scored(chunk, preset, workers))
        advance(len(chunk))


def _scored(chunk: Sequence[Rollout], preset: str, workers: int) -> list[dict[str, Any]]:
    rules = get_preset(preset)
    known = {"preset": rules.name, "grammar": rules.grammar, "checker": CHECKER_VERSION}
    fresh = [r for r in chunk if not r.s2r or any(r.s2r.get(k) != v for k, v in known.items())]
    results = iter(score_rollouts(fresh, preset=rules, checker_many=lambda p: check_many(p, workers=workers)))
    rows = []
    for rollout in chunk:
        reused = rollout.s2r and all(rollout.s2r.get(k) == v for k, v in known.items())
        scored = rollout.s2r if reused else next(results).s2r
        # Baselines of the batch that happened to be scored together mean nothing here.
        actions = [{k: v for k, v in a.items() if k not in _BATCH} for a in scored["actions"]]  # type: ignore[index]
        rows.append({"problem_id": rollout.problem_id, "s2r": {**scored, "actions": actions}})  # type: ignore[dict-item]
    return rows


_BATCH = frozenset({"context", "baseline", "advantage"})


class Selection:
    """What is kept of a scored log, by the options; makes the passes over it."""

    def __init__(self, log: SequenceLog, options: OfflineOptions) -> None:
        self.log, self.options = log, options
        self.prompts: dict[str, PromptCounts] = {}
        self.counts: Counter[str] = Counter()
        self.process = GroupMeans(options.by, options.bins, options.min_count)
        self.outcome = GroupMeans("outcome", options.bins, options.min_count)

    def count_prompts(self) -> None:
        """Pass 2: accuracy by prompt, and how many right rollouts each keeps."""
        for row in self.log.rows():
            correct, _ = attempts_and_verdicts(row["s2r"])
            decision = self._decide(row["s2r"])
            prompt = self.prompts.setdefault(row["problem_id"], PromptCounts())
            right = row["s2r"]["outcome"] > 0
            prompt.add(right, decision.reason is None, any(correct))

    def gather_means(self) -> None:
        """Pass 3: means by group over the kept rollouts, and the table of reasons."""
        self.counts.clear()
        for row, decision in self._decisions():
            self.counts["rollouts"] += 1
            if decision.reason is not None:
                self.counts[decision.reason] += 1
                continue
            self.counts["kept"] += 1
            self.counts["truncated"] += decision.truncated
            kept = cut({"response": "", **row}, decision)["s2r"]
            accuracy = self.prompts[row["problem_id"]].accuracy
            self.process.add(_rewards(kept), accuracy)
            self.outcome.add([kept["outcome"]], accuracy)

    def kept(self, rollouts: Iterable[Rollout]) -> Iterator[dict[str, Any]]:
        """Pass 4: the kept rollouts as records."""
        for rollout, (row, decision) in zip(rollouts, self._decisions(), strict=True):
            if decision.reason is not None:
                continue
            accuracy = self.prompts[row["problem_id"]].accuracy
            record = replace(rollout, s2r=row["s2r"], accuracy=accuracy).to_record()
            record = cut(record, decision)
            record["s2r"] = self._with_advantages(record["s2r"], accuracy)
            yield record

    def _with_advantages(self, scored: dict[str, Any], accuracy: float) -> dict[str, Any]:
        rewards = _rewards(scored)
        baselines = self.process.baselines(rewards, accuracy)
        advantages = self.process.advantages(rewards, accuracy, self.options.preset)
        actions = list(scored["actions"])
        for t, (baseline, advantage) in enumerate(zip(baselines, advantages, strict=True)):
            actions[t] = {
                **actions[t],
                "context": rewards[:t],
                "baseline": baseline,
                "advantage": advantage,
            }
        (outcome_baseline,) = self.outcome.baselines([scored["outcome"]], accuracy)
        return {
            **scored,
            "actions": actions,
            "baseline": f"accuracy_group/{self.options.by}",
            "outcome_baseline": outcome_baseline,
            "outcome_advantage": scored["outcome"] - outcome_baseline,
        }

    def _decisions(self) -> Iterator[tuple[dict[str, Any], Decision]]:
        for prompt in self.prompts.values():
            prompt.restart()
        options = self.options
        for row in self.log.rows():
            prompt = self.prompts[row["problem_id"]]
            decision = self._decide(row["s2r"])
            if not in_band(prompt.accuracy, options.low, options.high):
                decision = Decision(0, "outside_accuracy_band")
            elif decision.reason is None and options.balance:
                correct, _ = attempts_and_verdicts(row["s2r"])
                if not any(correct) and not prompt.take_wrong():
                    decision = Decision(0, "balanced_away")
            yield row, decision

    def _decide(self, scored: dict[str, Any]) -> Decision:
        correct, confirmed = attempts_and_verdicts(scored)
        options = self.options
        return decide(correct, confirmed, scored["deviations"], options.mode, options.max_actions)


def _rewards(scored: dict[str, Any]) -> list[float]:
    return [a["reward"] for a in scored["actions"] if a["kind"] != "end"]
