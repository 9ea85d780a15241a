"""The eleven benchmarks of the paper, as data: where they are published, and how one record reads.

Seven in-domain (mathematics) and four cross-domain sets. Field names are those of the named hub data sets;
other copies of a set with the same fields read as well. Prompts are ours: the paper prints none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from s2r_rewards.datasets.problems import ProblemError, after_hashes, boxed, level_of, problem_id, text_of

Record = Mapping[str, Any]
Text = Callable[[Record], str]

#: MMLU-Pro's categories that count as STEM; [open] in the paper.
STEM = ("biology", "chemistry", "computer science", "engineering", "math", "physics")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One evaluation set. ``kind`` names the grader of its answers: math, choice, word or literal."""

    name: str
    title: str
    hub: str
    question: Text
    answer: Text
    kind: str = "math"
    level: str | None = None
    id: str | None = None
    config: str | None = None
    split: str = "test"
    wanted: Callable[[Record], bool] = lambda record: True


def field(*names: str) -> Text:
    """The first of these fields that a record has, as text."""

    def read(record: Record) -> str:
        return text_of(record, next((n for n in names if n in record), names[0]))

    return read


def first_of_list(name: str) -> Text:
    """A field that is text, or a list of answers that all belong to the solution."""

    def read(record: Record) -> str:
        value = record.get(name)
        if isinstance(value, str):
            return text_of(record, name)
        if not isinstance(value, (list, tuple)) or not value or not all(isinstance(v, str) for v in value):
            raise ProblemError(name, f"expected text or a list of texts, found {value!r}")
        return ", ".join(v.strip() for v in value)

    return read


def one_of(name: str, meanings: Mapping[Any, str]) -> Text:
    """A field with a few possible values, each with its golden word."""

    def read(record: Record) -> str:
        value = record.get(name)
        key = value.strip().lower() if isinstance(value, str) else value
        if key not in meanings:
            raise ProblemError(name, f"expected one of {list(meanings)}, found {value!r}")
        return meanings[key]

    return read


def answer_or_boxed(record: Record) -> str:
    """MATH-500 has both an answer and a solution; copies of MATH only the solution."""
    return text_of(record, "answer") if "answer" in record else boxed("solution")(record)


def folio_question(record: Record) -> str:
    premises = record.get("premises")
    text = "\n".join(premises) if isinstance(premises, (list, tuple)) else text_of(record, "premises")
    return (
        f"Premises:\n{text}\n\nConclusion:\n{text_of(record, 'conclusion')}\n\n"
        "Given the premises, is the conclusion True, False or Uncertain? Answer with one of these words."
    )


def cruxeval_question(record: Record) -> str:
    return (
        f"```python\n{text_of(record, 'code')}\n```\n\nWhat does f({text_of(record, 'input')}) return? "
        "Answer with the value as a Python literal."
    )


def strategyqa_question(record: Record) -> str:
    return f"{text_of(record, 'question')} Answer with Yes or No."


def mmlu_pro_question(record: Record) -> str:
    options = record.get("options")
    if not isinstance(options, (list, tuple)) or not 2 <= len(options) <= len(LETTERS):
        raise ProblemError("options", f"expected a list of 2 to {len(LETTERS)} options, found {options!r}")
    lines = [f"({letter}) {option}" for letter, option in zip(LETTERS, options, strict=False)]
    return "\n".join([text_of(record, "question"), *lines, "Answer with the letter of the right option."])


_MATHEMATICS = (
    Benchmark(
        "math500",
        "MATH500",
        "HuggingFaceH4/MATH-500",
        field("problem"),
        answer_or_boxed,
        level="level",
        id="unique_id",
    ),
    Benchmark(
        "aime2024",
        "AIME 2024",
        "HuggingFaceH4/aime_2024",
        field("problem", "Problem"),
        field("answer", "Answer"),
        id="id",
        split="train",
    ),
    Benchmark("amc2023", "AMC 2023", "math-ai/amc23", field("question", "problem"), field("answer"), id="id"),
    Benchmark(
        "college-math",
        "College Math",
        "di-zhang-fdu/College_Math_Test",
        field("question"),
        field("answer"),
        level="data_topic",
    ),
    Benchmark(
        "olympiadbench",
        "OlympiadBench",
        "Hothan/OlympiadBench",
        field("question"),
        first_of_list("final_answer"),
        level="subfield",
        id="id",
        config="OE_TO_maths_en_COMP",
        split="train",
    ),
    Benchmark("gsm8k", "GSM8K", "openai/gsm8k", field("question"), after_hashes("answer"), config="main"),
    Benchmark(
        "gaokao2023en",
        "GaokaoEn 2023",
        "MARIO-Math-Reasoning/Gaokao2023-Math-En",
        field("question", "problem"),
        field("answer"),
        split="train",
    ),
)
_OTHER_DOMAINS = (
    Benchmark(
        "folio",
        "FOLIO",
        "yale-nlp/FOLIO",
        folio_question,
        one_of("label", {"true": "True", "false": "False", "uncertain": "Uncertain", "unknown": "Uncertain"}),
        kind="word",
        id="example_id",
        split="validation",
    ),
    Benchmark(
        "cruxeval",
        "CRUXEval",
        "cruxeval-org/cruxeval",
        cruxeval_question,
        field("output"),
        kind="literal",
        id="id",
    ),
    Benchmark(
        "strategyqa",
        "StrategyQA",
        "ChilleD/StrategyQA",
        strategyqa_question,
        one_of("answer", {True: "Yes", False: "No", "yes": "Yes", "no": "No", "true": "Yes", "false": "No"}),
        kind="word",
        id="qid",
    ),
    Benchmark(
        "mmlu-pro-stem",
        "MMLU-Pro STEM",
        "TIGER-Lab/MMLU-Pro",
        mmlu_pro_question,
        field("answer"),
        kind="choice",
        level="category",
        id="question_id",
        wanted=lambda record: record.get("category") in STEM,
    ),
)
IN_DOMAIN = tuple(b.name for b in _MATHEMATICS)
CROSS_DOMAIN = tuple(b.name for b in _OTHER_DOMAINS)
BENCHMARKS = {b.name: b for b in (*_MATHEMATICS, *_OTHER_DOMAINS)}


def benchmark_of(name: str) -> Benchmark:
    """The named benchmark; an unknown name is a mathematical set of the user's in the schema of `Problem`."""
    return BENCHMARKS.get(name) or Benchmark(
        name, name, "", field("problem", "question"), field("answer"), level="level", id="id"
    )


def read_item(benchmark: Benchmark, record: Record) -> tuple[str, str, str, str | None]:
    """(id, question, golden answer, level) of one record. Raises ProblemError naming the field."""
    question = benchmark.question(record)
    own_id = record.get(benchmark.id) if benchmark.id else None
    name = problem_id(benchmark.name, question) if own_id in (None, "") else f"{benchmark.name}-{own_id}"
    level = level_of(record.get(benchmark.level)) if benchmark.level else None
    return name, question, benchmark.answer(record), level
