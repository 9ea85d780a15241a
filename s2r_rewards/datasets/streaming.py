"""Stored rollouts -> offline RL data, in passes over files: memory grows with the prompts, not the rollouts.

1. judge, cut and score every rollout into a log that survives a kill; 2. count by prompt; 3. gather the baseline's
means over what is kept; 4. yield kept rollouts with accuracy, baselines and advantages.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from s2r_rewards.answers import CHECKER_VERSION
from s2r_rewards.baselines import Baseline, Means, accuracy_baseline
from s2r_rewards.baselines.accuracy_group import bins_of
from s2r_rewards.baselines.base import Rewards, Totals, group_keys, nest, unnest
from s2r_rewards.datasets.offline import PromptCounts, cut, decide_on, in_band
from s2r_rewards.datasets.resume import SequenceLog
from s2r_rewards.grammar import Grammar, get_grammar
from s2r_rewards.judging import BatchChecker, JudgedTrajectory
from s2r_rewards.methods import Method
from s2r_rewards.methods.accuracy import leave_out
from s2r_rewards.methods.released import change_and_verification_bonuses
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import chunks
from s2r_rewards.rollouts.scoring import judge_rollouts
from s2r_rewards.scored import ScoredRollout

Row = dict[str, Any]
Credit = tuple[tuple[float, ...], tuple[float, ...]]
"""(baselines, advantages) of one rollout's actions"""
#: Adjustments that look at one rollout at a time; any other gets the whole batch, in memory.
_ONE_BY_ONE = (None, change_and_verification_bonuses)


def accuracy_by_problem(
    rollouts: Iterable[Rollout], grammar: str | Grammar = "paper", checker_many: BatchChecker | None = None
) -> dict[str, float]:
    """Share of each problem's rollouts whose last attempt is right, in [0, 1]. Streams."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for chunk in chunks(rollouts):
        for rollout, judged in zip(chunk, judge_rollouts(chunk, grammar, checker_many), strict=True):
            total[rollout.problem_id] += 1
            right[rollout.problem_id] += judged.last_correct
    return {name: right[name] / count for name, count in total.items()}


def score_into(
    rollouts: Iterable[Rollout],
    log: SequenceLog,
    method: Method,
    checker_many: BatchChecker | None = None,
    checker: str = CHECKER_VERSION,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Scores what the log does not hold yet. Checks that this checker stored in a rollout are not made again."""
    known = (get_grammar(method.grammar).name, checker)
    for chunk in chunks(islice(rollouts, log.count, None)):
        fresh = [r for r in chunk if r.s2r is None or (r.s2r.grammar, r.s2r.checker) != known]
        judged = dict(zip(map(id, fresh), judge_rollouts(fresh, method.grammar, checker_many), strict=True))
        log.append(_row(rollout, judged.get(id(rollout)), method, checker) for rollout in chunk)
        advance(len(chunk))


def _row(rollout: Rollout, judged: JudgedTrajectory | None, method: Method, checker: str) -> Row:
    """What later passes need of a rollout; its scores only if it may be kept."""
    tokens, was_cut = None, False
    if judged is None:
        judged, stored = rollout.judged, rollout.s2r
        tokens, was_cut = (stored.spans or None, stored.truncated) if stored else (None, False)
    decision = decide_on(judged, method.filter)
    row: Row = {
        "problem_id": rollout.problem_id,
        "right": method.outcome(judged) > 0,
        "any_right": any(judged.correct),
        "reason": decision.reason,
        "cut": decision.truncated,
    }
    if decision.reason is None:
        kept = cut(judged, decision)
        scored = method.score(kept, checker, None if decision.truncated else tokens)
        scored = replace(scored, truncated=was_cut or decision.truncated)
        row |= {"length": len(kept.trajectory.text), "s2r": scored.to_record()}
    return row


class Selection:
    """What is kept of a log that `score_into` filled; makes the passes over it.

    Args:
        band: accuracies of the prompts to keep, both ends included.
    """

    def __init__(self, log: SequenceLog, method: Method, band: tuple[float, float] = (0.1, 0.7)) -> None:
        self.log, self.method, self.band = log, method, band
        self.counts: Counter[str] = Counter()
        self._prompts = self._count_prompts()
        settings = {"min_count": method.baseline.min_count} if isinstance(method.baseline, Baseline) else {}
        # At the level of whole responses, too, every rollout gets a baseline, by the method's accuracy groups.
        self._outcomes = Streamed(accuracy_baseline("outcome", bins_of(method.baseline)).with_settings(**settings))
        self._credit = self._gather()

    def kept(self, rollouts: Iterable[Rollout]) -> Iterator[Rollout]:
        """Pass 4: the kept ones of the rollouts that were scored, in order."""
        for rollout, (row, reason) in zip(rollouts, self._decisions(), strict=True):
            if reason is not None:
                continue
            scored, problem, accuracy = self._scored(row)
            baselines, advantages = self._credit(scored, problem, accuracy)
            (outcome,) = self._outcomes([scored.outcome], [accuracy])
            advantage = scored.outcome - outcome
            if self.method.level == "outcome" and baselines:  # then all actions have that of the response
                outcome, advantage = baselines[0], advantages[0]
            scored = scored.with_advantages(baselines, advantages, outcome, advantage)
            kept = replace(rollout, s2r=scored, accuracy=self._prompts[problem].accuracy)
            if row["cut"]:
                # Token ids cannot be cut at a character: the trainer tokenises the shorter text again.
                text = rollout.response[: row["length"]]
                kept = replace(kept, response=text, token_ids=None, finished=True)
            yield kept

    def _count_prompts(self) -> dict[str, PromptCounts]:
        prompts: dict[str, PromptCounts] = {}
        for row in self.log.rows():
            prompt = prompts.setdefault(row["problem_id"], PromptCounts())
            prompt.add(row["right"], row["reason"] is None, row["any_right"])
        return prompts

    def _gather(self) -> Callable[[ScoredRollout, str, float], Credit]:
        """Pass 3: counts the reasons, shows the baseline every kept rollout, and returns how to ask it for one."""
        method, baseline = replace(self.method, running=False), self.method.baseline
        streamed: Streamed | None = None
        whole = method.returns or method.scale or method.estimator  # needs all that is compared at once
        if isinstance(baseline, Baseline) and method.adjust in _ONE_BY_ONE and not whole:
            streamed = Streamed(baseline)
            method = replace(method, baseline=streamed)
        batch: list[tuple[ScoredRollout, str, float]] = []
        for row, reason in self._decisions():
            self.counts["rollouts"] += 1
            self.counts[reason or "kept"] += 1
            if reason is not None:
                continue
            self.counts["truncated"] += row["cut"]
            scored, problem, accuracy = self._scored(row)
            self._outcomes([scored.outcome], [accuracy])
            if streamed:
                replace(method, adjust=None).credit([scored], [problem], [accuracy])
            else:
                batch.append((scored, problem, accuracy))
        self._outcomes.freeze()
        if streamed is None:
            records, problems = [one[0] for one in batch], [one[1] for one in batch]
            found = zip(*method.credit(records, problems, [one[2] for one in batch]), strict=True)
            return lambda *_: next(found)
        streamed.freeze()

        def credit(scored: ScoredRollout, problem: str, accuracy: float) -> Credit:
            (baselines,), (advantages,) = method.credit([scored], [problem], [accuracy])
            return baselines, advantages

        return credit

    def _decisions(self) -> Iterator[tuple[Row, str | None]]:
        """Every row with the reason for which it is dropped."""
        balance, seed = self.method.filter.balance, self.method.filter.seed
        for name, prompt in self._prompts.items():
            prompt.restart(f"{seed}/{name}")
        for row in self.log.rows():
            prompt, reason = self._prompts[row["problem_id"]], row["reason"]
            if not in_band(prompt.accuracy, *self.band):
                reason = "outside_accuracy_band"
            elif reason is None and balance and not row["any_right"] and not prompt.take_wrong():
                reason = "balanced_away"
            yield row, reason

    def _scored(self, row: Row) -> tuple[ScoredRollout, str, float]:
        """The record of a row, its prompt, and the accuracy that tells the groups of baselines apart."""
        problem, prompt = row["problem_id"], self._prompts[row["problem_id"]]
        accuracy = prompt.accuracy
        if self.method.groups == "accuracy_of_others":
            accuracy = leave_out(row["right"], prompt.right, prompt.rollouts)
        return ScoredRollout.from_record(row["s2r"]), problem, accuracy


class Streamed:
    """A keyed baseline over more than fits in memory: it is shown everything once, frozen, and then asked."""

    def __init__(self, baseline: Baseline) -> None:
        self.baseline, self.means = baseline, Means()
        self.totals: Totals | None = None

    def freeze(self) -> None:
        """From now on, baselines are what has been gathered."""
        self.totals = self.means.totals()

    def __call__(self, rewards: Rewards, groups: Sequence[Hashable] | None = None) -> tuple[Any, ...]:
        """Before `freeze`: counts the rewards. Behind it: their baselines, in the shape of ``rewards``."""
        rows, flat = nest(rewards, self.baseline.name)
        found = []
        for row, group in zip(rows, group_keys(groups, len(rows), self.baseline.name), strict=True):
            keys = tuple(self.baseline.keys(row, group))
            if self.totals is None:
                self.means.add(row, keys)
                found.append(row)
            else:
                found.append(self.baseline.look_up(self.totals, row, keys))
        return unnest(tuple(found), flat)
