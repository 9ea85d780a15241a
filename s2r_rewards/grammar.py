"""How actions begin and how a verdict sounds. A grammar is data; ``parsing`` is the only code that reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from s2r_rewards.resolve import named
from s2r_rewards.trajectory import Verdict

#: End-of-turn tokens of the chat templates in use (Qwen, Llama 3, sentencepiece models).
END_MARKERS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>", "</s>")


DEFAULT_VERDICTS = ("none", "incorrect", "released")


@dataclass(frozen=True)
class VerdictRule:
    """A pattern whose matches speak a verdict; ``verdict`` None means "cannot be verified"."""

    pattern: str
    verdict: Verdict | None


@dataclass(frozen=True)
class VerdictTier:
    """Rules that are tried together: of all their matches, the last one decides."""

    rules: tuple[VerdictRule, ...]
    lead: str = ""
    """A pattern that stands before every rule's. Alternatives that begin with a plain letter
    (``Therefore|therefore``) let the regex engine skip through the text, which makes parsing several times
    faster than ``(?i:…)``."""
    passed_over: str = ""
    """A pattern behind the lead, tried last, whose matches decide nothing; what they cover is not searched again."""
    anchors: tuple[str, ...] = ()
    """Literals of which every match holds one, beginning at most ``reach`` characters behind the match's start. With
    them, a text is searched for these literals, and the pattern is only tried around them: ten times as fast."""
    reach: int = 0
    longest: int = 0
    """No match is longer; needed where ``reach`` is not 0."""

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        return re.compile(self.pattern)

    @property
    def pattern(self) -> str:
        rules = "|".join(f"(?P<r{i}>{rule.pattern})" for i, rule in enumerate(self.rules))
        if self.passed_over:
            rules += f"|{self.passed_over}"
        return f"(?:{self.lead})(?:{rules})" if self.lead else rules


@dataclass(frozen=True)
class Grammar:
    """Markers are literal strings. Verdict tiers are tried in order; the first that matches at all decides.
    Patterns must match in linear time (bounded repetitions only), since they run on model output.

    ``default_verdict`` says what a verification without a readable verdict means: ``"none"`` (no verdict; the
    verification earns −1), ``"incorrect"``, or ``"released"`` (the authors' online code: correct in the last segment,
    else incorrect).
    """

    name: str
    verify_markers: tuple[str, ...]
    retry_markers: tuple[str, ...]
    verdict_tiers: tuple[VerdictTier, ...]
    end_markers: tuple[str, ...] = END_MARKERS
    default_verdict: str = "none"
    max_actions: int = 20
    """Appendix F rejects trajectories of more than 20 actions; longer ones are named, not cut."""

    def __post_init__(self) -> None:
        if self.default_verdict not in DEFAULT_VERDICTS:
            raise ValueError(
                f"grammar {self.name!r}: default_verdict is {self.default_verdict!r}; "
                f"expected one of {', '.join(DEFAULT_VERDICTS)}"
            )
        for field in ("verify_markers", "retry_markers"):
            markers = getattr(self, field)
            if isinstance(markers, str) or not markers or not all(markers):
                raise ValueError(
                    f"grammar {self.name!r}: {field} is {markers!r}; expected a tuple of non-empty strings"
                )
        for tier in self.verdict_tiers:
            try:
                re.compile(tier.pattern)
            except re.error as error:
                raise ValueError(f"grammar {self.name!r}: verdict pattern {tier.pattern!r}: {error}") from error


_SENTENCES = VerdictTier(
    anchors=("answer", "solution"),
    reach=len("Therefore,  this  "),
    longest=len("Therefore,  this  solution  cannot be verified"),
    lead=(
        r"(?:Therefore|therefore|Thus|thus|Hence|hence|(?:So|so)(?<![A-Za-z][Ss]o)),?[ \n]{1,2}"
        r"(?:the|my|this)[ \n]{1,2}(?:answer|solution)[ \n]{1,2}"
    ),
    rules=(
        VerdictRule(r"is[ \n]{1,2}correct\b", Verdict.CORRECT),
        VerdictRule(r"is[ \n]{1,2}(?:incorrect|not correct|wrong)\b", Verdict.INCORRECT),
        VerdictRule(r"(?:cannot|can not|can't) be verified\b", None),
    ),
)

PAPER = Grammar(
    name="paper",
    verify_markers=("Wait, let me recheck my solution.",),
    retry_markers=("Let me try again.",),
    verdict_tiers=(_SENTENCES,),
)

#: The authors' released parser (NineAbyss/S2R, the online trainer): loose markers, the last sentence that says nothing
#: but "correct" or "incorrect" up to its full stop, then substrings, then a default. Each sentence is read from its
#: beginning to the next full stop on its line, so one that says something else hides what begins inside of it.
RELEASED = Grammar(
    name="released",
    verify_markers=("Wait,",),
    retry_markers=("Let me try again.",),
    verdict_tiers=(
        VerdictTier(
            lead="Therefore, the answer is ",
            anchors=("Therefore, the answer is ",),
            rules=(VerdictRule(r"correct\.", Verdict.CORRECT), VerdictRule(r"incorrect\.", Verdict.INCORRECT)),
            passed_over=r"[^\n][^\n.]*\.?",
        ),
        VerdictTier(
            (VerdictRule("is incorrect|cannot verify", Verdict.INCORRECT),), anchors=("is incorrect", "cannot verify")
        ),
        VerdictTier(
            (VerdictRule("is correct|is indeed|verified to be correct|verified as correct", Verdict.CORRECT),),
            anchors=("is correct", "is indeed", "verified to be correct", "verified as correct"),
        ),
    ),
    default_verdict="released",
)

#: Their offline code reads otherwise: substrings only, "verified" among them, and "incorrect" where there is none
#: (its test for the last segment never holds).
RELEASED_OFFLINE = Grammar(
    name="released-offline",
    verify_markers=("Wait,", "Let me recheck my solution."),
    retry_markers=("Let me try again.",),
    verdict_tiers=(
        VerdictTier(
            (VerdictRule("is incorrect|cannot verify", Verdict.INCORRECT),), anchors=("is incorrect", "cannot verify")
        ),
        VerdictTier(
            (VerdictRule("is correct|verified|is indeed", Verdict.CORRECT),),
            anchors=("is correct", "verified", "is indeed"),
        ),
    ),
    default_verdict="incorrect",
)

#: Markup for models trained on tags: ``<solve>…</solve><verify>…<verdict>correct</verdict></verify>``.
TAGS = Grammar(
    name="tags",
    verify_markers=("<verify>",),
    retry_markers=("<solve>",),
    verdict_tiers=(
        VerdictTier(
            lead=r"<verdict>\s{0,4}",
            anchors=("<verdict>",),
            rules=(
                VerdictRule(r"(?i:correct)\s{0,4}</verdict>", Verdict.CORRECT),
                VerdictRule(r"(?i:incorrect|wrong)\s{0,4}</verdict>", Verdict.INCORRECT),
            ),
        ),
        _SENTENCES,
    ),
)


@dataclass(frozen=True)
class NaturalGrammar(Grammar):
    """How models verify that were trained on no markers: read by ``s2r_rewards.natural``, from ``cues.json``.

    Markers and verdict sentences of this grammar are only what data tools write; responses are read by wordings in
    English and Chinese. Every guess is among ``Trajectory.uncertainties``.
    """

    written_up_answer: bool = True
    """The answer in a closing write-up (behind ``</think>``, in ``<Output>``, under "Final answer") counts as that of
    the last attempt, unless it is another one: then it is a new attempt. False: only what the attempt itself states."""
    weak_openings: bool = True
    """A turn of phrase right behind the answer ("Alternatively, …", "Wait, …") opens a verification as well as an
    announcement does ("Let me double-check"). False: announcements and plain rejections only."""
    outcome_verdicts: bool = True
    """A check without a verdict in words that ends in the same answer again says "correct", and one that ends in
    another answer "incorrect". False: it says nothing."""


NATURAL = NaturalGrammar(
    name="natural",
    verify_markers=PAPER.verify_markers,
    retry_markers=PAPER.retry_markers,
    verdict_tiers=PAPER.verdict_tiers,
)

GRAMMARS: dict[str, Grammar] = {g.name: g for g in (PAPER, RELEASED, RELEASED_OFFLINE, TAGS, NATURAL)}


def get_grammar(grammar: str | Grammar) -> Grammar:
    """A grammar by name or ``package.module:OBJECT``, or the grammar itself. ValueError for anything else."""
    found = named(grammar, GRAMMARS, "grammar") if isinstance(grammar, str) else grammar
    if not isinstance(found, Grammar):
        raise ValueError(f"grammar {grammar!r} is {type(found).__name__}; expected a Grammar")
    return found
