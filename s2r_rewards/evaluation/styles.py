"""How many verifications are confirmative (table 6 of the paper, arXiv:2502.12853), by a rule and by a judge, and how
often each of them agrees with labels."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from s2r_rewards.datasets.verification import STYLES
from s2r_rewards.evaluation.statistics import Interval, wilson
from s2r_rewards.llm.judge import judge_for
from s2r_rewards.llm.settings import JudgeSettings
from s2r_rewards.llm.styles import judged_styles
from s2r_rewards.natural.style import Style, verification_style
from s2r_rewards.rollouts.records import OnError, RecordError, raise_error, read_records

AT_ONCE = 64
"""Questions to a judge between two steps of the progress bar."""


@dataclass(frozen=True, slots=True)
class Verification:
    """One verification: its text, what it is about, and a style: the one that was asked for, or its label."""

    text: str
    style: str
    problem: str = ""


Classifier = Callable[[Sequence[Verification]], Sequence[Style | None]]


def by_rule(verifications: Sequence[Verification]) -> list[Style | None]:
    """The offline rule, from the wording alone; always has an opinion."""
    return [verification_style(one.text) for one in verifications]


def by_judge(settings: JudgeSettings) -> Classifier:
    """A language model behind an OpenAI-compatible server; None where it is silent or cannot tell.

    Raises:
        ImportError: httpx is missing.
    """
    return partial(_ask, settings)


def _ask(settings: JudgeSettings, verifications: Sequence[Verification]) -> list[Style | None]:
    return judged_styles(judge_for(settings), [(one.text, one.problem) for one in verifications])


@dataclass(slots=True)
class StyleTally:
    """What a classifier says of verifications, by their ``style``."""

    found: dict[str, Counter[Style | None]] = field(default_factory=dict)

    def add(self, verifications: Sequence[Verification], styles: Sequence[Style | None]) -> None:
        for one, style in zip(verifications, styles, strict=True):
            self.found.setdefault(one.style, Counter())[style] += 1

    def confirmative(self, asked: str) -> tuple[int, int]:
        """(confirmative ones, those with an opinion) among the verifications of one style."""
        counts = self.found.get(asked, Counter())
        return counts["confirmative"], counts.total() - counts[None]

    @property
    def silent(self) -> int:
        """Verifications without an opinion."""
        return sum(counts[None] for counts in self.found.values())

    @property
    def total(self) -> int:
        return sum(counts.total() for counts in self.found.values())

    @property
    def agreement(self) -> tuple[int, int]:
        """Where ``style`` is a label: (opinions equal to it, opinions)."""
        agree = sum(counts[style] for label, counts in self.found.items() for style in counts if style == label)
        return agree, self.total - self.silent

    @property
    def agreement_interval(self) -> Interval:
        """Wilson's 95 % interval of the share that agrees."""
        return wilson(*self.agreement)


def tally(
    verifications: Sequence[Verification], classify: Classifier, on_done: Callable[[int], None] = lambda count: None
) -> StyleTally:
    """Classify them, some at a time; ``on_done`` hears how many were."""
    found = StyleTally()
    for start in range(0, len(verifications), AT_ONCE):
        part = verifications[start : start + AT_ONCE]
        found.add(part, classify(part))
        on_done(len(part))
    return found


def of_rows(rows: Iterable[Mapping[str, Any]]) -> Iterator[Verification]:
    """The verifications of rows of `s2r data verify`, by the style that was asked for; empty ones are left out."""
    for row in rows:
        if row["verification"].strip():
            yield Verification(row["verification"], row["style"], row["problem"])


def read_labelled(path: str | Path, on_error: OnError = raise_error) -> list[Verification]:
    """Labelled verifications: one object a line with ``text``, ``style`` and, if known, ``prompt``.

    Raises:
        ValueError: a field that is missing or not what it should be, with file and line; or nothing in the file.
    """
    found = []
    for line, record in read_records(path, on_error):
        text, style, prompt = record.get("text"), record.get("style"), record.get("prompt") or ""
        if not isinstance(text, str) or not text.strip():
            on_error(RecordError(str(path), line, "text", f"found {_shown(text)}; expected the verification's text"))
        elif style not in STYLES:
            on_error(
                RecordError(str(path), line, "style", f"found {_shown(style)}; expected one of {', '.join(STYLES)}")
            )
        else:
            found.append(Verification(text, style, prompt if isinstance(prompt, str) else ""))
    if not found:
        raise ValueError(f"{path}: no labelled verification in it; expected objects with the fields text and style")
    return found


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str) and len(value) < 40 else type(value).__name__
