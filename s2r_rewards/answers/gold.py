"""Golden answers, and what kind of answer each is, so that one batch may hold problems of several kinds."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from .policy import AnswerKind
from .result import CheckResult

#: All kinds; mathematics, which is what a golden answer is that says nothing of its kind, comes first.
KINDS: tuple[str, ...] = get_args(AnswerKind)


@dataclass(frozen=True, slots=True)
class TypedGold:
    """A golden answer that is no mathematics: the tier of its kind alone checks against it, whatever the policy's kind.

    ``answers``: one, or several that are all accepted. ValueError where there is none, or the kind does not exist.
    """

    answers: tuple[str, ...]
    kind: AnswerKind

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"kind {self.kind!r}: expected one of {', '.join(KINDS)}")
        if not self.answers or not all(isinstance(answer, str) for answer in self.answers):
            raise ValueError(f"answers {self.answers!r}: expected one text or more")

    def __str__(self) -> str:
        return " or ".join(self.answers)


Gold = str | tuple[str, ...] | TypedGold
"""The golden answer, or all the answers that are accepted; with its kind where that is not mathematics."""

BatchChecker = Callable[[Sequence[tuple[Gold, str]]], Sequence[CheckResult]]
"""Checks (golden answer, answer) pairs, results in their order, as :func:`s2r_rewards.answers.check_many` does."""


def gold_of_kind(gold: str | Sequence[str], kind: str = "math") -> Gold:
    """A golden answer, or several accepted ones, of a kind; mathematics needs no type. ValueError: no such kind."""
    if kind == "math":
        return gold if isinstance(gold, str) else tuple(gold)
    return TypedGold((gold,) if isinstance(gold, str) else tuple(gold), kind)  # type: ignore[arg-type]


def split_gold(gold: Gold) -> tuple[str | tuple[str, ...], AnswerKind]:
    """(the golden answer, or all accepted ones; its kind); what :func:`gold_of_kind` puts together."""
    if not isinstance(gold, TypedGold):
        return gold, "math"
    return gold.answers[0] if len(gold.answers) == 1 else gold.answers, gold.kind


def accepted(gold: object) -> tuple[str, ...]:
    """The accepted answers in a gold answer, as one hashable tuple; what is no text counts as an empty one."""
    if isinstance(gold, str):
        return (gold,)
    if isinstance(gold, TypedGold):
        return gold.answers
    return tuple(one if isinstance(one, str) else "" for one in (gold if isinstance(gold, Sequence) else [gold]))


def gold_label(gold: Gold) -> dict[str, Any]:
    """A golden answer as the object that labels hold: ``gold``, and ``kind`` where it is not mathematics."""
    answers, kind = split_gold(gold)
    return {"gold": answers, **({} if kind == "math" else {"kind": kind})}


def gold_text(gold: Gold) -> str:
    """A golden answer as one text: itself, or the JSON text of its label where it is several or of another kind."""
    return gold if isinstance(gold, str) else json.dumps(gold_label(gold), ensure_ascii=False)


def gold_of_text(text: str) -> Gold:
    """What :func:`gold_text` made a text of; any other text is itself."""
    if not text.startswith('{"gold":'):
        return text
    try:
        label = json.loads(text)
    except (ValueError, RecursionError):
        return text
    gold, kind = label["gold"], label.get("kind", "math")
    several = gold if isinstance(gold, list) else [gold]
    fits = bool(several) and all(isinstance(one, str) for one in several) and kind in KINDS
    return gold_of_kind(gold, kind) if fits else text


def gold_of_fields(gold: str | tuple[str, ...], kind: Any) -> Gold:
    """The golden answer of a record with the fields ``gold`` (as text or texts) and ``kind``, if that names one of ours."""
    found = gold_of_text(gold) if isinstance(gold, str) else gold
    return gold_of_kind(found, kind) if kind in KINDS[1:] and not isinstance(found, TypedGold) else found
