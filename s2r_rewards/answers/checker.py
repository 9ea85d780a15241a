"""The golden-answer checker: tiers in order, the first that can decide decides.

==============  ============================================================================================
tier            decides
==============  ============================================================================================
``string``      the same text, raw or in canonical spelling; empty and oversized input
``number``      plain numbers and constants, in exact arithmetic; percent, degrees, units, bases
``clock``       times of day
``parts``       several labelled answers
``choice``      a gold answer that is one choice letter
``literal``     a gold answer that is a Python value
``structure``   containers, equations, inequalities, ratios
``expression``  everything else that the reader can read: exact, modular or at sample points
``text``        answers in words
``symbolic``    the remainder that only computer algebra can read, in a killable worker, when installed
==============  ============================================================================================

A policy whose ``kind`` is not mathematics asks the one tier for that kind alone.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from .extract import Fallback, extract_answer
from .gold import TypedGold, accepted
from .guard import guarded
from .kept import kept
from .numbers.arithmetic import Undefined
from .policy import DEFAULT_POLICY, CheckPolicy
from .read.canonical import canonical, spaced_number
from .read.lexer import Unreadable, has_groups
from .read.reader import read
from .read.spelling import combinations, indices, letters, primes, spoken, unnamed
from .read.tree import Node
from .read.units import measured
from .result import CheckResult, Outcome, failure, judged
from .tiers.choice import compare_choices, split_choice, stated_choice
from .tiers.clock import compare_clocks, compare_dates
from .tiers.congruence import compare_congruences
from .tiers.literal import compare_literals
from .tiers.number import compare_plain
from .tiers.parts import compare_parts
from .tiers.structure import compare
from .tiers.text import compare_texts, only_letters, plain_text, value_in_sentence
from .tiers.units import in_one_unit
from .workers.backends import Backend, delegate, needs_algebra, require

#: Changes whenever a verdict can change; part of every cache key.
CHECKER_VERSION = "7"

_SAME = Outcome(True, "string", "same text")
#: Of 2,000 nobody could mean 2 and 000.
_NO_LIST = re.compile(r"\d(?:,|\{,\}|,\\!)0\d")
#: An equation whose left side is a letter, a few of geometry, or a word: no formula.
_NAMED = re.compile(
    r"\s*(?:\\?(?:angle|triangle|overline|vec|hat|bar|text|mathrm|mathbf|mathcal|operatorname)?\s*\{?\s*[A-Z]{1,4}\s*\}?"
    r"|(?:\\(?:vec|hat|bar|mathbf|mathcal|overline)\s*\{?\s*)?(?:[A-Za-z]|\\[A-Za-z]+)\s*\}?(?:\s*_\s*(?:\{[^{}=]*\}|\w))?)\s*(?:=|:|\\approx)"
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_CHOICES = re.compile(r"[A-H](?:(?:\s*[,;&]\s*(?:and\s+)?|\s+and\s+)[A-H])+")
_are_words = re.compile(r"[A-Za-z][A-Za-z .,'-]*[A-Za-z.]").fullmatch
#: A letter outside of a command that begins a word, "5 h 30 m" or "B) 25".
_speaks = re.compile(r"""[A-Za-z](?<![A-Za-z\\].)(?:[A-Za-z]|\.?[ \\,]+\d|[\s{}$"'`*~\\,;!]*[).:])""").search


def check(
    gold: str | Sequence[str] | TypedGold,
    answer: str | None,
    policy: CheckPolicy = DEFAULT_POLICY,
    backend: Backend = "s2r",
) -> CheckResult:
    """Is ``answer`` equal in value to ``gold`` under ``policy``? Never raises, whatever the text.

    Args:
        gold: the golden answer, or several that are accepted, any of which is enough; a `TypedGold` brings its kind.
        answer: what was answered; None or blank is ``malformed``.
        policy: what counts as equal.
        backend: another checker behind the same interface (``"math_verify"``, ``"latex2sympy2"``); it runs in a
            worker process that is killed past ``policy.time_limit``.

    Raises:
        ValueError, ImportError: the backend does not exist, or its libraries are missing.
    """
    if backend != "s2r":
        require(backend)
    if isinstance(gold, str):
        return _check(gold, answer, policy, backend)
    if isinstance(gold, TypedGold):
        policy = replace(policy, kind=gold.kind)
    return best([_check(one, answer, policy, backend) for one in accepted(gold)])


@guarded("the checker", lambda error, *_: failure("the checker", error))
def _check(gold: str, answer: str | None, policy: CheckPolicy, backend: Backend) -> CheckResult:
    if gold == answer and not gold.isspace() and gold:
        return _result(True, "string", "same text")
    if not gold.strip():
        return CheckResult("ungradable", "string", "the gold answer is empty")
    if not isinstance(answer, str) or not answer.strip():
        return CheckResult("malformed", "string", "the answer is empty")
    if len(gold) > policy.max_length:
        return CheckResult("ungradable", "string", f"the gold answer is longer than {policy.max_length} characters")
    if len(answer) > policy.max_length:
        return CheckResult("malformed", "string", f"longer than {policy.max_length} characters")
    if backend != "s2r":
        return delegate(gold, answer, policy, backend)
    if policy.kind != "math":
        return _one_tier(gold, answer, policy)
    outcome = compare_plain(gold, answer, policy)
    if outcome is None:
        outcome = _decide(gold, answer, policy)
        if not outcome.equal and needs_algebra(gold, answer, policy):
            return delegate(gold, answer, policy, "symbolic")
    return _result(*outcome)


@lru_cache(1024)
def _result(equal: bool | None, how: str, why: str) -> CheckResult:
    """Most results are one of a few hundred: there is no need for a new one each time."""
    return CheckResult("correct" if equal else "incorrect", how, why)


def check_response(
    gold: str | Sequence[str] | TypedGold, text: str, policy: CheckPolicy = DEFAULT_POLICY, fallback: Fallback = "math"
) -> CheckResult:
    """Extract the final answer from ``text`` (see :func:`extract_answer`), then check it."""
    return check(gold, extract_answer(text, fallback=fallback).answer, policy)


def best(results: Sequence[CheckResult]) -> CheckResult:
    """The result over several accepted answers: a correct one, else the first that could be graded."""
    ranked = [one for one in results if one] + [one for one in results if one.verdict != "ungradable"] + [*results]
    return ranked[0] if ranked else CheckResult("ungradable", "string", "there is no accepted answer")


def needs_worker(gold: str, answer: str | None, policy: CheckPolicy, backend: Backend) -> bool:
    """Whether a check may go to a worker process."""
    if not isinstance(answer, str) or gold == answer:
        return False
    return backend != "s2r" or needs_algebra(gold, answer, policy)


def _one_tier(gold: str, answer: str, policy: CheckPolicy) -> CheckResult:
    """A choice, a word or a literal: whatever else the answer may be is malformed."""
    if policy.kind == "word":
        outcome: Outcome | None = compare_texts(gold, answer, policy)
    else:
        outcome = (compare_choices if policy.kind == "choice" else compare_literals)(gold, answer, only=True)
    if outcome is None:
        return CheckResult("ungradable", policy.kind, f"the gold answer is no {policy.kind}")
    if outcome.equal is None:
        return CheckResult("malformed", outcome.how, outcome.why)
    return CheckResult("correct" if outcome.equal else "incorrect", outcome.how, outcome.why)


def _compare_texts(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    """The tiers of mathematics, the cheapest first."""
    return compare_plain(gold, answer, policy) or _decide(gold, answer, policy)


def _decide(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    """The tiers behind plain numbers."""
    if (literal := compare_literals(gold, answer)) is not None:
        return literal
    left, right = canonical(gold), canonical(answer)
    if left == right:
        return Outcome(True, "string", "same canonical text")
    if (left != gold or right != answer) and (plain := compare_plain(left, right, policy)) is not None:
        return plain
    both = f"{left}\n{right}"
    if ":" in both or "m" in both or "M" in both:
        if (clock := compare_clocks(left, right, policy)) is not None:
            return clock
        if (congruence := compare_congruences(left, right)) is not None:
            return congruence
    if ")" in both or "." in both or ":" in both:
        parts = compare_parts(left, right, lambda a, b: _SAME if a == b else _compare_texts(a, b, policy))
        if parts is not None:
            return parts
    choice = compare_choices(left, right)
    if choice is not None and choice.equal is not None:
        return choice
    if choice is None and (stated := stated_choice(left)):  # "B) 25": letter, text or both
        if (chosen := stated_choice(right)) and (chosen[0] == stated[0] or stated[1]):
            return judged(chosen[0] == stated[0], "choice", "same letter", "different letters")
        if stated[1]:
            return _read_and_compare(stated[1], right, policy)
    outcome = _read_and_compare(left, right, policy)
    if outcome.equal:  # July is no unit of the fourth
        return (compare_dates(left, right) if left[:1].isdigit() and left[-1:].isalpha() else None) or outcome
    if not _may_mean_else(left, right):
        return outcome
    if (again := _respelled(left, right)) is not None and (second := _read_and_compare(*again, policy)).equal:
        return second
    if (chosen := split_choice(right)) and chosen[1]:  # a value, with the letter of its choice
        alone = _read_and_compare(left, chosen[1], policy)
        return alone if alone.equal else outcome
    for gold_again, answer_again, under in _said_otherwise(left, right, policy):
        if (second := _compare_texts(gold_again, answer_again, under)).equal:
            return second
    return compare_dates(left, right) or outcome


def _may_mean_else(gold: str, answer: str) -> bool:
    """Whether there is a sign that any of the readings below needs: so most mathematics is compared only once."""
    both = f"{gold}\n{answer}"
    return (
        ("C" in both and "_" in both) or "'" in both or ("$" in both and (_is_money(gold) or _is_money(answer))) or gold[4:5] == "-"
        or ("\\" in both and ("\\text" in both or "\\mathrm" in both or "\\var" in both or "\\overline" in both))
        or (("=" in both or ":" in both) and (unnamed(gold) is not None or unnamed(answer) is not None))
        or "\\sum" in both or "\\prod" in both or not both.isascii() or _speaks(both) is not None
        or (measured(gold) is not None and measured(answer) is not None)
    )  # fmt: skip


def _is_money(text: str) -> bool:
    """Whether a text begins with a dollar sign that encloses nothing."""
    return text[:1] == "$" and "$" not in text[1:]


def _said_otherwise(gold: str, answer: str, policy: CheckPolicy) -> Iterator[tuple[str, str, CheckPolicy]]:
    """Both texts, where a part of one is put otherwise than in the other, and the policy for them."""
    amounts = in_one_unit(gold), in_one_unit(answer)
    if any(amounts):  # in 5 h 30 min, a number alone says neither hours nor minutes
        yield amounts[0] or gold, amounts[1] or answer, replace(policy, units="strict")
    money = [_is_money(text) for text in (gold, answer)]
    if money[0] != money[1] and policy.units != "strict":
        yield "\\" * money[0] + gold, "\\" * money[1] + answer, policy
    values = unnamed(gold), unnamed(answer)
    if (values[0] is None) != (values[1] is None):
        named, other = (answer, gold) if values[0] is None else (gold, answer)
        word = named[: named.find("=")].strip()
        product = "=" in other and word.isalpha() and set(word) <= set(_COMMAND.sub("", other))  # dst beside d = st
        if not product and ("=" not in other or _NAMED.match(other)):
            yield values[0] or gold, values[1] or answer, policy


def _respelled(gold: str, answer: str) -> tuple[str, str] | None:
    """Both texts with notation read the other way, where there is any."""
    again = combinations(letters(gold)), combinations(letters(answer))
    if ("'" in again[0]) != ("'" in again[1]):
        again = primes(again[0]), primes(again[1])
    if "\\sum" in answer or "\\prod" in answer:
        again = again[0], indices(again[1], again[0])
    again = _chosen(again[0]), _chosen(again[1])
    if (one := measured(again[0])) and (other := measured(again[1])):  # 2ha alone is a product
        again = one, other
    again = spoken(again[0], ":" in again[1]), spoken(again[1], ":" in again[0])
    return again if again != (gold, answer) else None


def _chosen(text: str) -> str:
    r"""Several choices without the style that they are written in: ``\text{B and C}``."""
    plain = " ".join(plain_text(text).split()) if "\\text" in text and len(text) < 80 else ""
    return plain if _CHOICES.fullmatch(plain) else text


def _read_and_compare(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    """Two canonical texts as trees, or as texts where one cannot be read."""
    if _are_words(gold) and _are_words(answer) and "infin" not in gold + answer:
        outcome = compare_texts(gold, answer, policy)
        if outcome.equal or not (only_letters(gold) and only_letters(answer)):
            return outcome
    second = _tree(answer, policy)  # more answers than gold answers cannot be read
    first = None if second is None else _tree(gold, policy)
    if first is None or second is None:
        outcome = compare_texts(gold, answer, policy)
        if outcome.equal or second is not None or (stated := value_in_sentence(answer)) is None:
            return outcome
        first, second = _tree(gold, policy), _tree(canonical(stated), policy)
        if first is None or second is None:
            return outcome
    outcome = _compare(first, second, policy)
    if not outcome.equal and ("," in gold or "," in answer):
        for one, two in ((_tree(gold, policy, False), second), (first, _tree(answer, policy, False))):
            # 2,600 may be 2 and 600, but not 600 and 2
            if one and two and (other := _compare(one, two, replace(policy, order="strict"))).equal:
                return other
    return outcome


def _compare(first: Node, second: Node, policy: CheckPolicy) -> Outcome:
    try:
        return compare(first, second, policy)
    except Undefined as error:
        return Outcome(False, "expression", f"undefined: {error}")
    except RecursionError:
        return Outcome(False, "expression", "nested too deeply")


def _tree(text: str, policy: CheckPolicy, grouped: bool = True) -> Node | None:
    """The tree of a text; None when it cannot be read, or when nothing in it could be grouped.

    ``grouped`` reads ``1,625`` as one number rather than as two.
    """
    if not grouped and "," not in text:
        return None
    try:
        return _read(text, policy.max_depth, policy.max_items, grouped)
    except RecursionError:  # the stack may be shorter the next time
        return None


@kept
def _read(text: str, max_depth: int, max_items: int, grouped: bool) -> Node | None:
    if not grouped and (_NO_LIST.search(text) or (not has_groups(text) and spaced_number(text) == text)):
        return None
    try:
        return read(spaced_number(text) if grouped else text, max_depth, max_items, grouped)
    except (Unreadable, ValueError, ZeroDivisionError):
        return None
