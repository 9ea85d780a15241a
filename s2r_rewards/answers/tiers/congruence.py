r"""Tier ``congruence``: ``x \equiv 3 \pmod 5`` is ``x \equiv 8 \pmod 5`` and ``x = 5k - 2``; ``17 \bmod 5`` is 2."""

import re
from math import lcm
from typing import NamedTuple

from ..result import Outcome, judged

_MODULUS = (
    r"(?:\\(?P<command>pmod|bmod|mod|pod)\s*\{?\s*(?P<modulus>\d{1,400})\s*\}?"
    r"|\(?\s*(?:\\(?:text|mathrm|operatorname)\s*\{\s*mod\s*\}|mod)\s*(?P<written>\d{1,400})\s*\)?)"
)
_NAME = r"(?:(?P<name>[A-Za-z])\s*(?:\\equiv|=)\s*)?"
_CONGRUENCE = re.compile(
    _NAME
    + r"(?P<residues>(?:\\pm\s*)?-?\d{1,400}(?:\s*(?:,|or|and|\\text\s*\{\s*(?:or|and)\s*\})\s*-?\d{1,400}){0,40})"
    r"\s*" + _MODULUS
)
_POWER = re.compile(r"(\d{1,400})\s*\^\s*(?:(\d)|\{\s*(\d{1,9})\s*\})\s*" + _MODULUS)
_WHOLE = r"(?:\s*[,(]?\s*(?P=letter)\s*\\in\s*\\mathbb\s*\{?\s*Z\s*\}?\s*\)?)?"
_PROGRESSIONS = tuple(
    re.compile(_NAME + form + _WHOLE)
    for form in (
        r"(?P<step>\d{1,9})\s*(?P<letter>[j-nq-t])\s*(?P<sign>[+-]|\\pm)\s*(?P<first>\d{1,9})",
        r"(?P<sign>-?)(?P<first>\d{1,9})\s*\+\s*(?P<step>\d{1,9})\s*(?P<letter>[j-nq-t])",
    )
)
_LARGEST = 100_000  # a common modulus to which classes are brought


class _Classes(NamedTuple):
    """Whole numbers by what they leave when they are divided."""

    name: str | None
    modulus: int
    residues: frozenset[int]


def compare_congruences(gold: str, answer: str) -> Outcome | None:
    """Decide when both sides are residues, or one is the remainder that the other states; else None."""
    if "mod" not in gold and "mod" not in answer:
        return None
    gold, answer = gold.strip(), answer.strip()
    first, second = _classes(gold), _classes(answer)
    if first and second:
        if first.name and second.name and first.name != second.name:
            return Outcome(False, "congruence", "different names")
        same = _lifted(first, second) == _lifted(second, first)
        return judged(same, "congruence", "same residue", "different residues")
    for stated, other in ((gold, answer), (answer, gold)):
        if (remainder := _remainder(stated)) is not None and re.fullmatch(r"\d{1,400}", other):
            return judged(remainder == int(other), "congruence", "the remainder", "not the remainder")
    return None


def _classes(text: str) -> _Classes | None:
    if match := _CONGRUENCE.fullmatch(text):
        modulus = int(match["modulus"] or match["written"])
        found = {int(number) for number in re.findall(r"-?\d+", match["residues"])}
        if "pm" in match["residues"]:
            found |= {-number for number in found}
        return _Classes(match["name"], modulus, frozenset(n % modulus for n in found)) if modulus else None
    for form in _PROGRESSIONS:
        if (match := form.fullmatch(text)) and (step := int(match["step"])) and match["name"] != match["letter"]:
            first = int(match["first"])
            starts = {"-": (-first,), "\\pm": (first, -first)}.get(match["sign"], (first,))
            return _Classes(match["name"], step, frozenset(start % step for start in starts))
    return None


def _lifted(classes: _Classes, other: _Classes) -> tuple[int, frozenset[int]]:
    """The classes to a modulus that both have, where that is no large number."""
    common = lcm(classes.modulus, other.modulus)
    if common > _LARGEST:
        return classes.modulus, classes.residues
    steps = range(0, common, classes.modulus)
    return common, frozenset(residue + step for residue in classes.residues for step in steps)


def _remainder(text: str) -> int | None:
    r"""The number that ``17 \bmod 5`` or ``2^{100} \bmod 7`` is, and that ``3 \pmod 7`` stands for."""
    if match := _POWER.fullmatch(text):
        modulus = int(match["modulus"] or match["written"])
        return pow(int(match[1]), int(match[2] or match[3]), modulus) if modulus else None
    match = _CONGRUENCE.fullmatch(text)
    if match is None or not match["residues"].isdigit():
        return None
    modulus, residue = int(match["modulus"] or match["written"]), int(match["residues"])
    if match["name"] or match["command"] in ("pmod", "pod"):  # a class, by its usual name
        return residue if residue < modulus else None
    return residue % modulus if modulus else None
