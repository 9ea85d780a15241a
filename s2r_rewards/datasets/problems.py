"""Problems in one schema, whatever data set they come from.

A source says which of a record's fields hold the problem, the golden answer and the level. Sources are data
(``sources.json``); `to_problem` is the only code that reads records by them.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any, TypeVar

from s2r_rewards.answers import extract_answer
from s2r_rewards.answers.gold import KINDS, Gold, gold_of_fields, gold_text, split_gold
from s2r_rewards.answers.policy import AnswerKind
from s2r_rewards.turns.chat import is_messages, prompt_text

Record = Mapping[str, Any]
SourceT = TypeVar("SourceT", bound="Source")


class ProblemError(ValueError):
    """A record lacks a field or holds an unusable value; ``field`` names it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"field {field!r}: {message}")
        self.field, self.message = field, message


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem with its golden answer.

    Attributes:
        answer: the golden answer as text; several accepted ones as `s2r_rewards.answers.gold.gold_text` writes them
        solution: the data set's own worked solution, if any
        kind: what the answer is, if not mathematics: "choice", "word" or "literal"; its check asks that tier alone
    """

    id: str
    problem: str
    answer: str
    level: str | None = None
    source: str = ""
    solution: str | None = None
    kind: AnswerKind = "math"

    @property
    def gold(self) -> Gold:
        """The golden answer with its kind, as checkers take it."""
        return gold_of_fields(self.answer, self.kind)

    @classmethod
    def of(cls, id: str, problem: str, gold: Gold, level: Any = None, source: str = "") -> "Problem":
        """A problem whose golden answer is known as checkers take it."""
        answers, kind = split_gold(gold)
        return cls(id, problem, gold_text(answers), None if level is None else str(level), source, None, kind)

    def to_record(self) -> dict[str, Any]:
        """The JSON object; mathematics needs no ``kind``."""
        record = asdict(self)
        return {name: value for name, value in record.items() if (name, value) != ("kind", "math")}

    @classmethod
    def from_record(cls, record: Record) -> "Problem":
        """Read a record that `to_record` wrote. Raises ProblemError naming the field."""
        values: dict[str, Any] = {one.name: record.get(one.name) for one in fields(cls)}
        problem = values["problem"]
        values["problem"] = prompt_text(problem) if is_messages(problem) else problem
        if isinstance(values["answer"], (int, float)) and not isinstance(values["answer"], bool):
            values["answer"] = str(values["answer"])
        for name in ("id", "problem", "answer"):
            if not isinstance(values[name], str) or not values[name]:
                raise ProblemError(name, f"expected a non-empty string, found {values[name]!r}")
        values["source"] = values["source"] or ""
        values["kind"] = values["kind"] if values["kind"] in KINDS else "math"  # else it is something of the file's own
        values["level"] = None if values["level"] is None else str(values["level"])
        return cls(**values)


@dataclass(frozen=True)
class Source:
    """Where a data set is published, and where a record of it keeps its parts.

    ``problem`` and ``answer`` are read by one of `READERS`: its name, then its arguments.
    """

    name: str
    hub: str
    problem: Sequence[Any]
    answer: Sequence[Any]
    level: str | None = None
    solution: str | None = None
    id: str | None = None
    configs: Sequence[str] = ()
    kind: AnswerKind = "math"
    """What its answers are: math, choice, word or literal."""
    split: str = "train"
    """Its split on the hub."""
    file: str | None = None
    """The one file of its repository on the hub that holds it."""
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Fields whose value must be one of these for a record to belong to it."""


def load_sources(path: Path, kind: type[SourceT]) -> dict[str, SourceT]:
    """A JSON file of sources: name -> the other fields of ``kind``."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return {name: kind(name, **settings) for name, settings in table.items()}


SOURCES = load_sources(Path(__file__).with_name("sources.json"), Source)


#: A longer golden answer is taken for a worked solution.
LONGEST_GOLD = 1000


def text(record: Record, *names: str) -> str:
    """The first of these fields that a record has, stripped; numbers become text."""
    field = next((name for name in names if name in record), names[0])
    value = record.get(field)
    if is_messages(value):
        value = prompt_text(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        found = "nothing" if field not in record else type(value).__name__
        raise ProblemError(field, f"expected text, found {found}; fields here: {', '.join(map(str, record))}")
    if not str(value).strip():
        raise ProblemError(field, "is empty")
    return str(value).strip()


def golden(record: Record, *names: str) -> str:
    """`text` that is an answer; a worked solution would make every response wrong."""
    answer = text(record, *names).removeprefix("####").strip()
    field = next(name for name in names if name in record)
    for sign, source in (("####", "gsm8k"), ("\\boxed", "math")):
        if sign in answer and not answer.startswith(sign):
            raise ProblemError(
                field, f"holds a whole solution with its answer behind {sign}; read it with --source {source}"
            )
    if len(answer) > LONGEST_GOLD or answer.count("\n") >= 2:
        raise ProblemError(
            field,
            f"{len(answer)} characters on {answer.count(chr(10)) + 1} lines are a solution, not an answer; "
            "name the field with the final answer alone",
        )
    return answer


def boxed(record: Record, name: str, plain: str = "") -> str:
    """The last boxed answer of a worked solution (MATH), unless the answer stands in the field ``plain``."""
    if plain in record:
        return text(record, plain)
    found = extract_answer(text(record, name))
    if found.answer is None or not found.boxes:
        raise ProblemError(name, "no \\boxed{…} answer in the solution")
    return found.answer


def stated(record: Record, plain: str, solution: str) -> str:
    """The field ``plain``, or, where it holds nothing, what the worked solution boxes or writes behind ####."""
    if str(record.get(plain) if record.get(plain) is not None else "").strip():
        return golden(record, plain)
    found = extract_answer(text(record, solution))
    if found.answer is None or found.how not in ("boxed", "hashes"):
        raise ProblemError(plain, f"is empty, and {solution} holds neither \\boxed{{…}} nor ####")
    return found.answer


def after_hashes(record: Record, name: str) -> str:
    """What follows the last #### (GSM8K), without thousands separators."""
    _, hashes, answer = text(record, name).rpartition("####")
    if not hashes:
        raise ProblemError(name, "no '#### answer' line")
    return answer.strip().replace(",", "")


def joined(record: Record, name: str) -> str:
    """A field that is text, or a list of answers that all belong to the solution."""
    value = record.get(name)
    if isinstance(value, str):
        return text(record, name)
    if not isinstance(value, (list, tuple)) or not value or not all(isinstance(v, str) for v in value):
        raise ProblemError(name, f"expected text or a list of texts, found {value!r}")
    return ", ".join(v.strip() for v in value)


def one_of(record: Record, name: str, words: Sequence[tuple[Any, str]]) -> str:
    """A field with a few possible values, each with its golden word."""
    value = record.get(name)
    meanings: dict[Any, str] = dict(words)
    key = value.strip().lower() if isinstance(value, str) else value
    if key not in meanings:
        raise ProblemError(name, f"expected one of {list(meanings)}, found {value!r}")
    return meanings[key]


def template(record: Record, form: str) -> str:
    """Text around fields: ``{name}``, ``{name:lines}`` (or a list of lines), ``{name:lettered}`` (a list of options)."""

    def fill(place: re.Match[str]) -> str:
        field, kind = place.groups()
        value = record.get(field)
        if kind == "lettered":
            if not isinstance(value, (list, tuple)) or not 2 <= len(value) <= len(ascii_uppercase):
                raise ProblemError(field, f"expected a list of 2 to {len(ascii_uppercase)} options, found {value!r}")
            return "\n".join(f"({letter}) {option}" for letter, option in zip(ascii_uppercase, value, strict=False))
        listed = kind == "lines" and isinstance(value, (list, tuple))
        return "\n".join(record[field]) if listed else text(record, field)

    return re.sub(r"\{(\w+)(?::(\w+))?\}", fill, form)


READERS: dict[str, Callable[..., str]] = {
    reader.__name__: reader for reader in (text, golden, boxed, stated, after_hashes, joined, one_of, template)
}


def to_problem(record: Record, source: Source, name: str | None = None) -> Problem:
    """One record of a data set in the common schema. Raises ProblemError naming the field."""
    # Sets of one's own say it row by row; published ones have fields of that name with other meanings.
    kind = record["kind"] if not source.hub and record.get("kind") in KINDS else source.kind
    # Only mathematics can be a whole solution by mistake: a literal may hold #### or several lines.
    reader = ("text", *source.answer[1:]) if kind != "math" and source.answer[0] == "golden" else source.answer
    problem, answer = (READERS[how[0]](record, *how[1:]) for how in (source.problem, reader))
    name = name or (str(record["source"]) if source.name == "plain" and record.get("source") else source.name)
    own_id = record.get(source.id) if source.id else None
    # Without one, the text alone makes the name, so that re-reading a data set gives the same ids.
    digest = hashlib.blake2b(problem.encode("utf-8", "replace"), digest_size=6).hexdigest()
    solution = record.get(source.solution) if source.solution else None
    return Problem(
        id=str(own_id) if own_id not in (None, "") else f"{name}-{digest}",
        problem=problem,
        answer=answer,
        level=level_of(record.get(source.level)) if source.level else None,
        source=name,
        solution=solution if isinstance(solution, str) else None,
        kind=kind,
    )


def level_of(value: Any) -> str | None:
    """``"Level 5"`` and ``5`` are level ``"5"``; anything else stays as it is."""
    if value is None or value == "":
        return None
    level = str(value).strip()
    match = re.fullmatch(r"(?i:level)\s*(\d{1,4}|\?)", level)
    return match.group(1) if match else level


def source_with(source: Source, problem: str | None, answer: str | None, level: str | None) -> Source:
    """The source with other field names, for data sets of one's own."""
    return replace(
        source,
        problem=("text", problem) if problem else source.problem,
        answer=("golden", answer) if answer else source.answer,
        level=level or source.level,
    )
