"""The eleven benchmarks of the paper, as data: where they are published, and how one record reads.

Seven in-domain (mathematics) and four cross-domain sets. Field names are those of the named hub data sets;
other copies of a set with the same fields read as well. Prompts are ours: the paper prints none.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from s2r_rewards.answers.policy import AnswerKind
from s2r_rewards.datasets.problems import (
    Problem,
    ProblemError,
    Source,
    Text,
    after_hashes,
    boxed,
    field,
    text_of,
    to_problem,
)

Record = Mapping[str, Any]

#: MMLU-Pro's categories that count as STEM; [open] in the paper.
STEM = ("biology", "chemistry", "computer science", "engineering", "math", "physics")
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Benchmark(Source):
    """One evaluation set. ``kind`` names the grader of its answers: math, choice, word or literal."""

    title: str = ""
    kind: AnswerKind = "math"
    split: str = "test"
    wanted: Callable[[Record], bool] = lambda record: True


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


PROBLEM, QUESTION, ANSWER = field("problem"), field("question", "problem"), field("answer")
_MATHEMATICS = (
    Benchmark("math500", "HuggingFaceH4/MATH-500", PROBLEM, answer_or_boxed, "level", id="unique_id", title="MATH500"),
    Benchmark(
        "aime2024",
        "HuggingFaceH4/aime_2024",
        field("problem", "Problem"),
        field("answer", "Answer"),
        id="id",
        title="AIME 2024",
        split="train",
    ),
    Benchmark("amc2023", "math-ai/amc23", QUESTION, ANSWER, id="id", title="AMC 2023"),
    Benchmark("college-math", "di-zhang-fdu/College_Math_Test", QUESTION, ANSWER, "data_topic", title="College Math"),
    Benchmark(
        "olympiadbench",
        "Hothan/OlympiadBench",
        QUESTION,
        first_of_list("final_answer"),
        "subfield",
        id="id",
        configs=("OE_TO_maths_en_COMP",),
        title="OlympiadBench",
        split="train",
    ),
    Benchmark("gsm8k", "openai/gsm8k", QUESTION, after_hashes("answer"), configs=("main",), title="GSM8K"),
    Benchmark(
        "gaokao2023en",
        "MARIO-Math-Reasoning/Gaokao2023-Math-En",
        QUESTION,
        ANSWER,
        title="GaokaoEn 2023",
        split="train",
    ),
)
_OTHER_DOMAINS = (
    Benchmark(
        "folio",
        "yale-nlp/FOLIO",
        folio_question,
        one_of("label", {"true": "True", "false": "False", "uncertain": "Uncertain", "unknown": "Uncertain"}),
        id="example_id",
        title="FOLIO",
        kind="word",
        split="validation",
    ),
    Benchmark(
        "cruxeval",
        "cruxeval-org/cruxeval",
        cruxeval_question,
        field("output"),
        id="id",
        title="CRUXEval",
        kind="literal",
    ),
    Benchmark(
        "strategyqa",
        "ChilleD/StrategyQA",
        strategyqa_question,
        one_of("answer", {True: "Yes", False: "No", "yes": "Yes", "no": "No", "true": "Yes", "false": "No"}),
        id="qid",
        title="StrategyQA",
        kind="word",
    ),
    Benchmark(
        "mmlu-pro-stem",
        "TIGER-Lab/MMLU-Pro",
        mmlu_pro_question,
        ANSWER,
        "category",
        id="question_id",
        title="MMLU-Pro STEM",
        kind="choice",
        wanted=lambda record: record.get("category") in STEM,
    ),
)
IN_DOMAIN = tuple(b.name for b in _MATHEMATICS)
CROSS_DOMAIN = tuple(b.name for b in _OTHER_DOMAINS)
BENCHMARKS = {b.name: b for b in (*_MATHEMATICS, *_OTHER_DOMAINS)}


def benchmark_of(name: str) -> Benchmark:
    """The named benchmark; an unknown name is a mathematical set of the user's in the schema of `Problem`."""
    own = Benchmark(name, "", field("problem", "question"), ANSWER, "level", id="id", title=name)
    return BENCHMARKS.get(name, own)


def read_item(benchmark: Benchmark, record: Record) -> Problem:
    """One record; its id begins with the benchmark's name. Raises ProblemError naming the field."""
    problem = to_problem(record, benchmark, benchmark.name)
    own_id = record.get(benchmark.id) if benchmark.id else None
    return problem if own_id in (None, "") else replace(problem, id=f"{benchmark.name}-{own_id}")
