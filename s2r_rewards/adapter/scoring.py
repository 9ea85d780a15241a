"""A response → its record, whatever comes: what cannot be scored earns the failing reward, counted and logged once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np

from s2r_rewards.adapter.batch import failures
from s2r_rewards.adapter.options import Options, checker_version, kind_of, resolve_checker, resolve_method
from s2r_rewards.adapter.turns import ReadTurns, TokenTurn, read_turns
from s2r_rewards.alarms import Signs, count_signs
from s2r_rewards.answers.gold import Gold
from s2r_rewards.answers.labels import gold_of, level_of
from s2r_rewards.answers.policy import AnswerKind
from s2r_rewards.answers.result import CheckResult
from s2r_rewards.fresh import changer
from s2r_rewards.grammar import Grammar
from s2r_rewards.judging import JudgedTrajectory, judge_many
from s2r_rewards.methods import Method
from s2r_rewards.parsing import parse, parse_turns
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets
from s2r_rewards.trajectory import Action, Span, Trajectory

FAILING_REWARD = -1.0
T = TypeVar("T")
_changed = changer(ScoredRollout)


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to be scored."""

    response: str | Sequence[int] | None
    """Text, or the T generated token ids without padding; None: it could not be told from its prompt."""
    gold: Any
    """A golden answer, or a data set's label of any shape that :func:`s2r_rewards.answers.labels.gold_of` reads."""
    finished: bool | None = None
    """True: generation emitted the end token; False: cut off; None: the text decides."""
    level: Any = None
    """The difficulty level of its problem; default: the label's."""
    prompt: str | None = None
    """Its prompt, "" for an unknown one, where the record has to know what it adds to the alarms."""
    turns: Sequence[TokenTurn] | None = None
    """Where the model's turns stand in the token ids; None: it is one turn. The user's tokens between them earn nothing."""
    given: str | None = None
    """An attempt of the prompt that the response verifies: its action has no token, and the outcome is the verdict's."""


def score_response(
    response: str | Sequence[int] | None,
    gold: Any,
    options: Options | None = None,
    *,
    tokenizer: Any = None,
    finished: bool | None = None,
    level: Any = None,
    prompt: str | None = None,
    turns: Sequence[TokenTurn] | None = None,
    given: str | None = None,
) -> ScoredRollout:
    """Scores one response. Never raises: what cannot be scored earns the failing reward, is counted and logged once.

    Args:
        response: the decoded text, or the token ids that were generated; then spans in tokens are recorded too.
        gold: the golden answer, several accepted ones, or a label with ``gold``.
        tokenizer: needed for token ids.
        prompt: given, the record counts the signs of reward hacking (:func:`s2r_rewards.alarms.count_signs`).
        turns, given: of a conversation, see :class:`Sample`.
    """
    sample = Sample(response, gold, finished, level, prompt, turns, given)
    return score_responses([sample], options, tokenizer=tokenizer)[0]


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
    method, kind, version = resolve_method(options), kind_of(options), checker_version(options)
    read = [_tried(_read, sample, tokenizer, options.max_chars, kind, method.grammar) for sample in samples]
    good = [found for found in read if isinstance(found, _Read)]
    checker = resolve_checker(options)
    judged = iter(judge_many([found.trajectory for found in good], [found.gold for found in good], checker))
    records = [
        _tried(_record, found, next(judged), sample, method, version, options) if isinstance(found, _Read) else found
        for found, sample in zip(read, samples, strict=True)
    ]
    return [
        record if isinstance(record, ScoredRollout) else failed_sample(sample, record, options)
        for record, sample in zip(records, samples, strict=True)
    ]


def _tried(function: Callable[..., T], *given: Any) -> T | Exception:
    """What the function gives or raises, so that one bad sample spoils no other."""
    try:
        return function(*given)
    except Exception as error:
        return error


class _Read(NamedTuple):
    """A sample that could be read."""

    gold: Gold
    trajectory: Trajectory
    tokens: ReadTurns | np.ndarray | None
    """Where its tokens begin in the text; None for a text."""


def _read(sample: Sample, tokenizer: Any, max_chars: int, kind: AnswerKind, grammar: str | Grammar) -> _Read:
    gold, response = gold_of(sample.gold, kind), sample.response
    if response is None:
        raise ValueError("no response: none was given, or the prompt was not found in the query")
    if sample.turns is not None or sample.given is not None:
        if isinstance(response, str):
            raise ValueError("a response in turns is a text; expected its token ids, which the turns count")
        turns = sample.turns if sample.turns is not None else [TokenTurn(0, len(response), "verify")]
        found = read_turns(response, turns, tokenizer, sample.given)
        _require_length(sum(len(text) for text, _ in found.turns), max_chars)
        return _Read(gold, parse_turns(found.turns, grammar, sample.finished), found)
    text, offsets = (response, None) if isinstance(response, str) else decode_with_offsets(response, tokenizer)
    _require_length(len(text), max_chars)
    return _Read(gold, parse(text, grammar, sample.finished), offsets)


def _require_length(length: int, max_chars: int) -> None:
    if length > max_chars:
        raise ValueError(f"the response has {length} characters; max_chars is {max_chars}")


def _record(
    found: _Read, judged: JudgedTrajectory, sample: Sample, method: Method, version: str, options: Options
) -> ScoredRollout:
    scored = _of_given(method.score(judged, version, _spans(found)), sample)
    level, signs = _level(sample), _signs(judged, sample.prompt, options)
    left_out = options.timeouts == "left_out" and any(check.verdict == "timeout" for check in judged.checks)
    if level is None and signs is None and not left_out:  # as a record begins
        return scored
    return _changed(scored, level=level, signs=signs, left_out=left_out)


def _spans(found: _Read) -> tuple[Span, ...] | None:
    if found.tokens is None:
        return None
    places = [(a.start, a.end) for a in found.trajectory.actions]
    if isinstance(found.tokens, ReadTurns):
        return found.tokens.in_response(spans_from_offsets(found.tokens.offsets, places))
    return spans_from_offsets(found.tokens, places)


def _of_given(scored: ScoredRollout, sample: Sample) -> ScoredRollout:
    """A response that verifies a given attempt is judged by its verification, not by the attempt."""
    if sample.given is None:
        return scored
    verdicts = [action.reward for action in scored.actions if action.kind == "verify"]
    return replace(scored, outcome=float(verdicts[0]) if verdicts and verdicts[0] is not None else FAILING_REWARD)


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
