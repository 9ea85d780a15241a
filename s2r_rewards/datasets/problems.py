"""Problems in one schema, whatever data set they come from.

A source says which of a record's fields hold the problem, the golden answer and the level. Sources are data;
`to_problem` is the only code that reads them.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from s2r_rewards.answers import extract_answer
from s2r_rewards.judging import Gold


class ProblemError(ValueError):
    """A record lacks a field or holds an unusable value; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"field {field!r}: {message}")
        self.field, self.message = field, message


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with its golden answer. ``solution``: the data set's own worked solution, if any."""

    id: str
    problem: str
    answer: str
    level: str | None = None
    source: str = ""
    solution: str | None = None

    def to_record(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "Problem":
        """Read a record that `to_record` wrote. Raises ProblemError naming the field."""
        values: dict[str, Any] = {
            name: record.get(name) for name in ("id", "problem", "answer", "level", "source", "solution")
        }
        for name in ("id", "problem", "answer"):
            if not isinstance(values[name], str) or not values[name]:
                raise ProblemError(name, f"expected a non-empty string, found {values[name]!r}")
        values["source"] = values["source"] or ""
        values["level"] = None if values["level"] is None else str(values["level"])
        return cls(**values)


Text = Callable[[Mapping[str, Any]], str]
"""Reads one text out of a whole record; raises ProblemError."""


@dataclass(frozen=True)
class Source:
    """Where a data set is published, and where a record of it keeps its parts."""

    name: str
    hub: str
    problem: Text
    answer: Text
    level: str | None = None
    solution: str | None = None
    id: str | None = None
    configs: tuple[str, ...] = ()


def field(*names: str) -> Text:
    """The first of these fields that a record has, as text; numbers become text."""
    return lambda record: text_of(record, next((name for name in names if name in record), names[0]))


def boxed(name: str) -> Text:
    """The last boxed answer of a worked solution (MATH)."""

    def read(record: Mapping[str, Any]) -> str:
        found = extract_answer(text_of(record, name))
        if found.answer is None or not found.boxes:
            raise ProblemError(name, "no \\boxed{…} answer in the solution")
        return found.answer

    return read


def after_hashes(name: str) -> Text:
    """What follows the last #### (GSM8K), without thousands separators."""

    def read(record: Mapping[str, Any]) -> str:
        text = text_of(record, name)
        if "####" not in text:
            raise ProblemError(name, "no '#### answer' line")
        return text.rsplit("####", 1)[1].strip().replace(",", "")

    return read


_MATH_PARTS = (
    "algebra", "counting_and_probability", "geometry", "intermediate_algebra", "number_theory", "prealgebra",
    "precalculus",
)  # fmt: skip
_PROBLEM, _SOLUTION = field("problem"), "solution"
SOURCES = {
    source.name: source
    for source in (
        Source("math", "EleutherAI/hendrycks_math", _PROBLEM, boxed(_SOLUTION), "level", _SOLUTION, None, _MATH_PARTS),
        Source("gsm8k", "openai/gsm8k", field("question"), after_hashes("answer"), None, "answer", None, ("main",)),
        Source(
            "openmathinstruct-2",
            "nvidia/OpenMathInstruct-2",
            _PROBLEM,
            field("expected_answer"),
            solution="generated_solution",
        ),
        Source("plain", "", _PROBLEM, field("answer"), "level", _SOLUTION, "id"),
    )
}


def text_of(record: Mapping[str, Any], field: str) -> str:
    """A field as stripped text. Raises ProblemError where it is missing, empty or not text or a number."""
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        found = "nothing" if field not in record else type(value).__name__
        raise ProblemError(field, f"expected text, found {found}; fields here: {', '.join(map(str, record))}")
    text = str(value).strip()
    if not text:
        raise ProblemError(field, "is empty")
    return text


def level_of(value: Any) -> str | None:
    """``"Level 5"`` and ``5`` are level ``"5"``; anything else stays as it is."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    match = re.fullmatch(r"(?i:level)\s*(\d{1,4}|\?)", text)
    return match.group(1) if match else text


def problem_id(source: str, problem: str) -> str:
    """A name that depends on the text alone, so that re-reading a data set gives the same ids."""
    return f"{source}-{hashlib.blake2b(problem.encode('utf-8', 'replace'), digest_size=6).hexdigest()}"


def to_problem(record: Mapping[str, Any], source: Source, name: str | None = None) -> Problem:
    """One record of a data set in the common schema. Raises ProblemError naming the field."""
    text = source.problem(record)
    answer = source.answer(record)
    name = name or (str(record["source"]) if source.name == "plain" and record.get("source") else source.name)
    own_id = record.get(source.id) if source.id else None
    solution = record.get(source.solution) if source.solution else None
    return Problem(
        id=str(own_id) if own_id not in (None, "") else problem_id(name, text),
        problem=text,
        answer=answer,
        level=level_of(record.get(source.level)) if source.level else None,
        source=name,
        solution=solution if isinstance(solution, str) else None,
    )


def source_with(source: Source, problem: str | None, answer: str | None, level: str | None) -> Source:
    """The source with other field names, for data sets of one's own."""
    return replace(
        source,
        problem=field(problem) if problem else source.problem,
        answer=field(answer) if answer else source.answer,
        level=level or source.level,
    )


def gold_text(gold: Gold) -> str:
    """A golden answer as one text; several accepted ones as a label that `s2r_rewards.adapter.golds.gold_of` reads."""
    return gold if isinstance(gold, str) else json.dumps({"gold": gold})


def normal_text(text: str) -> str:
    """Text for comparison of problems: lower case, words and numbers only."""
    return " ".join(re.findall(r"[^\W_]+", text.lower()))


def duplicate_key(problem: Problem) -> str:
    """Two problems with the same key are the same problem; symbols count, white space and case do not."""
    return re.sub(r"\s+", "", problem.problem.lower())
