"""What every framework adapter shares: one set of options, scoring that never raises, and metrics of a batch.

An adapter translates its framework's sample into a call of :func:`score_response`, lets the record travel, and hands
the batch of records to the method that knows their group.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any, TypeVar

from s2r_rewards import answers
from s2r_rewards.answers.result import CheckResult
from s2r_rewards.baselines import Baseline, get_baseline
from s2r_rewards.golds import gold_of
from s2r_rewards.grammar import get_grammar
from s2r_rewards.judging import BatchChecker, JudgedTrajectory, judge_many
from s2r_rewards.methods import Method, get_method
from s2r_rewards.methods.base import GROUPS
from s2r_rewards.metrics import level_name, total_counts
from s2r_rewards.parsing import parse
from s2r_rewards.resolve import load_object
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets
from s2r_rewards.trajectory import Action, Span, Trajectory

logger = logging.getLogger(__name__)
T = TypeVar("T", bound="Options")

#: Share of the samples of a batch that could not be scored (a bad label, an unreadable response, …).
FAILED_METRIC = "s2r/alarm/scoring_failed"
FAILING_REWARD = -1.0
#: Options that only a trainer which hands its whole batch over can use.
TRAINING_OPTIONS = (
    "baseline", "groups", "running", "leave_one_out", "min_count", "ratio", "beta", "alarms", "rollouts",
)  # fmt: skip


class ConfigError(ValueError):
    """A configuration that cannot work, with the key, what was found, what was expected and the way out."""


@dataclass(frozen=True)
class Options:
    """Every choice that a trainer, a command or a server offers, under the same name everywhere.

    ``None`` leaves a choice to the method. Names may be ``package.module:object``.
    """

    method: str = "s2r-prl"
    """Rewards, baseline, ratio and clip, by name."""
    rewards: str | None = None
    """JudgedTrajectory → one number per attempt and verification."""
    baseline: str | None = None
    """(rewards, groups) → baselines of the same shape."""
    groups: str | None = None
    """What the baseline tells apart: ``batch`` (nothing), ``prompt`` or ``accuracy``."""
    running: bool | None = None
    """Whether baselines are means over earlier batches."""
    leave_one_out: bool | None = None
    """Leave an action out of its own baseline."""
    min_count: int | None = None
    """Baselines over fewer rewards are 0."""
    grammar: str | None = None
    """How responses are parsed."""
    checker: str | None = None
    """(gold, answer) → CheckResult; default: the library's."""
    policy: str | None = None
    """What counts as equal: a CheckPolicy, or ``order=strict,units=ignore``."""
    workers: int = 2
    """Processes for the answers that need computer algebra."""
    ratio: str | None = None
    """Ratio of the clipped objective."""
    beta: float = 0.0
    """β of Eq. 3 and 5: the KL term inside the advantage. Needs a reference model."""
    alarms: bool = True
    """Look for signs of reward hacking in every training step (``s2r/alarm/*``)."""
    max_chars: int = 10_000_000
    """Longer responses are not read: they earn the failing reward and are counted."""
    rollouts: str | None = None
    """Append every rollout of training to this JSONL file."""

    def __post_init__(self) -> None:
        for name, low in (("workers", 1), ("max_chars", 1), ("beta", 0), ("min_count", 0)):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or value < low):
                raise ConfigError(f"{name} is {value!r}; expected a number >= {low}")
        if self.groups is not None and self.groups not in GROUPS:
            raise ConfigError(f"groups is {self.groups!r}; expected one of {', '.join(GROUPS)}")

    @classmethod
    def from_mapping(cls: type[T], given: Mapping[str, Any], where: str = "s2r") -> T:
        """Options out of a configuration block; every name in it is looked up.

        Args:
            where: the block's name, for messages, e.g. ``algorithm.s2r``.

        Raises:
            ConfigError: an unknown key, or a value that cannot be used; names key, what was found and expected.
        """
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise ConfigError(f"{where} has unknown keys {unknown}; expected some of {known}")
        try:
            options = cls(**given)
            options.check()
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{where}: {error}") from None
        return options

    def given(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if getattr(self, field.name) != field.default
        }

    def refuse(self, names: Iterable[str], why: str) -> None:
        """ConfigError for the first of these options that is given where it could only be ignored."""
        for name in names:
            if name in self.given():
                raise ConfigError(f"{name} is {getattr(self, name)!r}; {why}")

    def check(self) -> None:
        """Looks every name up. ConfigError (or ValueError) naming the first that cannot be used."""
        resolve_method(self)
        resolve_checker(self)


@lru_cache(maxsize=64)
def resolve_method(options: Options) -> Method:
    """The method with everything that the options change in it.

    Raises:
        ValueError: an unknown name, or a setting that the baseline does not have.
    """
    method = get_method(options.method)
    baseline = get_baseline(options.baseline) if options.baseline else method.baseline
    settings = {
        name: value
        for name, value in (("leave_one_out", options.leave_one_out), ("min_count", options.min_count))
        if value is not None
    }
    if settings and not isinstance(baseline, Baseline):
        raise ConfigError(f"{', '.join(settings)}: the baseline {baseline!r} has no such setting")
    if isinstance(baseline, Baseline):
        baseline = baseline.with_settings(**settings)
    changes: dict[str, Any] = {
        "rewards": options.rewards and _function(options.rewards, "rewards"),
        "grammar": options.grammar and get_grammar(options.grammar),
        "groups": options.groups,
        "running": options.running,
        "ratio": options.ratio,
        "baseline": None if baseline is method.baseline else baseline,
    }
    changes = {name: value for name, value in changes.items() if value is not None}
    if not changes:
        return method
    told = {name: value for name, value in options.given().items() if name in (*changes, *settings)}
    name = f"{method.name}[{','.join(f'{k}={v}' for k, v in told.items())}]"
    changed = replace(method, name=name, **changes)
    changed.new_state()  # refuses what a running baseline cannot be
    return changed


@lru_cache(maxsize=64)
def resolve_checker(options: Options) -> BatchChecker:
    """The batch checker that the options name. ValueError for an unknown name or policy."""
    return answers.batch_checker(options.checker, options.policy, options.workers)


def _function(reference: str, what: str) -> Callable[..., Any]:
    found = load_object(reference, what)
    if not callable(found):
        raise ConfigError(f"{what} {reference!r} is {type(found).__name__}; expected a function")
    return found


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to be scored."""

    response: str | Sequence[int] | None
    """Text, or the T generated token ids without padding; None: it could not be told from its prompt."""
    gold: Any
    """A golden answer, or a data set's label of any shape that :func:`s2r_rewards.golds.gold_of` reads."""
    finished: bool | None = None
    """True: generation emitted the end token; False: cut off; None: the text decides."""
    level: Any = None
    """The difficulty level of its problem."""


def score_response(
    response: str | Sequence[int] | None,
    gold: Any,
    options: Options | None = None,
    *,
    tokenizer: Any = None,
    finished: bool | None = None,
    level: Any = None,
) -> ScoredRollout:
    """Scores one response. Never raises: what cannot be scored earns the failing reward, is counted and logged once.

    Args:
        response: the decoded text, or the token ids that were generated; then spans in tokens are recorded too.
        gold: the golden answer, several accepted ones, or a label with ``gold``.
        tokenizer: needed for token ids.
    """
    return score_responses([Sample(response, gold, finished, level)], options, tokenizer=tokenizer)[0]


def score_responses(
    samples: Sequence[Sample], options: Options | None = None, *, tokenizer: Any = None
) -> list[ScoredRollout]:
    """As :func:`score_response` for many, in one call of the checker; one bad sample spoils no other."""
    options = options or Options()
    try:
        return _score(samples, options, tokenizer)
    except Exception as error:
        if len(samples) != 1:
            return [score_responses([sample], options, tokenizer=tokenizer)[0] for sample in samples]
        return [failed_sample(samples[0], error, options)]


def _score(samples: Sequence[Sample], options: Options, tokenizer: Any) -> list[ScoredRollout]:
    method = resolve_method(options)
    golds = [gold_of(sample.gold) for sample in samples]
    read = [_read(sample.response, tokenizer, options.max_chars) for sample in samples]
    trajectories = [
        parse(text, method.grammar, sample.finished) for (text, _), sample in zip(read, samples, strict=True)
    ]
    judged = judge_many(trajectories, golds, resolve_checker(options))
    version = options.checker or answers.CHECKER_VERSION
    return [
        replace(method.score(item, version, _spans(offsets, item)), level=_shown(sample.level))
        for (_, offsets), sample, item in zip(read, samples, judged, strict=True)
    ]


def _read(response: str | Sequence[int] | None, tokenizer: Any, max_chars: int) -> tuple[str, Any]:
    """(text, offsets of its tokens or None)"""
    if response is None:
        raise ValueError("no response: none was given, or the prompt was not found in the query")
    text, offsets = (
        (response, None) if isinstance(response, str) else decode_with_offsets(response, tokenizer)
    )
    if len(text) > max_chars:
        raise ValueError(f"the response has {len(text)} characters; max_chars is {max_chars}")
    return text, offsets


def _spans(offsets: Any, judged: JudgedTrajectory) -> tuple[Span, ...] | None:
    if offsets is None:
        return None
    return spans_from_offsets(offsets, [(a.start, a.end) for a in judged.trajectory.actions])


def failed_sample(sample: Sample, error: BaseException, options: Options) -> ScoredRollout:
    """One wrong, ungradable attempt over the whole response: the failing reward on every token."""
    cause = failures.note(error, "response")
    text = sample.response if isinstance(sample.response, str) else ""
    length = 0 if sample.response is None or text else len(sample.response)
    actions = (Action("solve", 0, len(text)),) if text or length else ()
    check = CheckResult("ungradable", "reward", cause)
    judged = JudgedTrajectory(Trajectory(text, actions, (), None), "", (check,) * len(actions))
    tokens = ((0, length),) if length else None
    try:
        scored = resolve_method(options).score(judged, tokens=tokens)
    except Exception:  # the method itself is what fails; noted above
        scored = ScoredRollout.of(judged, (FAILING_REWARD,) * len(actions), FAILING_REWARD, tokens=tokens)
    return replace(scored, failure=cause, level=_shown(sample.level))


def _shown(level: Any) -> str | None:
    return None if level is None or not str(level).strip() else str(level)


class Failures:
    """Counts what went wrong in this process and logs the first of each kind with its cause."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}
        self._lock = threading.Lock()

    def note(self, error: BaseException, where: str, then: str = "it earns the failing reward") -> str:
        """Counts a failure; returns its cause in one line."""
        cause = f"{type(error).__name__}: {error}"[:500]
        kind = f"{where}: {type(error).__name__}"
        with self._lock:
            count = self._seen[kind] = self._seen.get(kind, 0) + 1
        if count == 1:
            logger.error(
                "S2R scoring failed (%s); %s and training goes on. Further failures of this kind are counted, "
                "not logged. %s",
                where,
                then,
                cause,
                exc_info=error,
            )
        return cause

    @property
    def total(self) -> int:
        """Failures so far."""
        return sum(self._seen.values())


failures = Failures()


def batch_metrics(scored: Iterable[ScoredRollout]) -> dict[str, float]:
    """Every declared ``s2r/*`` metric over the responses of a batch, then by level, then the failures.

    Counts are added before they are divided, so the numbers equal ``behaviour_metrics`` on the same responses.
    """
    scored = list(scored)
    metrics = total_counts(scored).metrics()
    for level in sorted({item.level for item in scored if item.level}):
        of_level = total_counts(item for item in scored if item.level == level).metrics()
        metrics.update({level_name(name, level): value for name, value in of_level.items()})
    failed = sum(item.failure is not None for item in scored)
    metrics[FAILED_METRIC] = failed / len(scored) if scored else float("nan")
    return metrics
