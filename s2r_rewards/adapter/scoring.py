"""A response → its record, whatever comes: what cannot be scored earns the failing reward, counted and logged once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from s2r_rewards.adapter.batch import failures
from s2r_rewards.adapter.golds import gold_of, level_of
from s2r_rewards.adapter.options import Options, checker_version, resolve_checker, resolve_method
from s2r_rewards.alarms import Signs, count_signs
from s2r_rewards.answers.result import CheckResult
from s2r_rewards.judging import JudgedTrajectory, judge_many
from s2r_rewards.parsing import parse
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets
from s2r_rewards.trajectory import Action, Span, Trajectory

FAILING_REWARD = -1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to be scored."""

    response: str | Sequence[int] | None
    """Text, or the T generated token ids without padding; None: it could not be told from its prompt."""
    gold: Any
    """A golden answer, or a data set's label of any shape that :func:`s2r_rewards.adapter.golds.gold_of` reads."""
    finished: bool | None = None
    """True: generation emitted the end token; False: cut off; None: the text decides."""
    level: Any = None
    """The difficulty level of its problem; default: the label's."""
    prompt: str | None = None
    """Its prompt, "" for an unknown one, where the record has to know what it adds to the alarms."""


def score_response(
    response: str | Sequence[int] | None,
    gold: Any,
    options: Options | None = None,
    *,
    tokenizer: Any = None,
    finished: bool | None = None,
    level: Any = None,
    prompt: str | None = None,
) -> ScoredRollout:
    """Scores one response. Never raises: what cannot be scored earns the failing reward, is counted and logged once.

    Args:
        response: the decoded text, or the token ids that were generated; then spans in tokens are recorded too.
        gold: the golden answer, several accepted ones, or a label with ``gold``.
        tokenizer: needed for token ids.
        prompt: given, the record counts the signs of reward hacking (:func:`s2r_rewards.alarms.count_signs`).
    """
    return score_responses([Sample(response, gold, finished, level, prompt)], options, tokenizer=tokenizer)[0]


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
    version = checker_version(options)
    return [
        replace(
            method.score(item, version, _spans(offsets, item)),
            level=_level(sample),
            signs=_signs(item, sample.prompt, options),
            left_out=options.timeouts == "left_out" and any(check.verdict == "timeout" for check in item.checks),
        )
        for (_, offsets), sample, item in zip(read, samples, judged, strict=True)
    ]


def _read(response: str | Sequence[int] | None, tokenizer: Any, max_chars: int) -> tuple[str, Any]:
    """(text, offsets of its tokens or None)"""
    if response is None:
        raise ValueError("no response: none was given, or the prompt was not found in the query")
    text, offsets = (response, None) if isinstance(response, str) else decode_with_offsets(response, tokenizer)
    if len(text) > max_chars:
        raise ValueError(f"the response has {len(text)} characters; max_chars is {max_chars}")
    return text, offsets


def _spans(offsets: Any, judged: JudgedTrajectory) -> tuple[Span, ...] | None:
    actions = judged.trajectory.actions
    return None if offsets is None else spans_from_offsets(offsets, [(a.start, a.end) for a in actions])


def _signs(judged: JudgedTrajectory, prompt: str | None, options: Options) -> Signs | None:
    """None where they are not wanted, or cannot be counted: an alarm must not cost a reward."""
    if prompt is None or not options.alarms:
        return None
    try:
        return count_signs(judged, prompt)
    except Exception as error:
        failures.note(error, "alarms", "this response adds nothing to them")
        return None


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
    return replace(scored, failure=cause, level=_level(sample))


def _level(sample: Sample) -> str | None:
    level = level_of(sample.gold) if sample.level is None else str(sample.level)
    return level if level and level.strip() else None
