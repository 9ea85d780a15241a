r"""Tier ``congruence``: ``x \equiv 3 \pmod 5`` is ``x \equiv 8 \pmod 5``; ``17 \bmod 5`` is 2."""

import re

from ..result import Outcome, judged

_CONGRUENCE = re.compile(
    r"(?:([A-Za-z])\s*(?:\\equiv|=)\s*)?(-?\d{1,400})\s*"
    r"(?:\\(pmod|bmod|mod|pod)\s*\{?\s*(\d{1,400})\s*\}?|\(?\s*(?:\\(?:text|mathrm|operatorname)\s*\{\s*mod\s*\}|mod)\s*(\d{1,400})\s*\)?)"
)


def compare_congruences(gold: str, answer: str) -> Outcome | None:
    """Decide when both sides are residues, or one is the remainder that the other states; else None."""
    if "mod" not in gold and "mod" not in answer:
        return None
    first, second = _CONGRUENCE.fullmatch(gold.strip()), _CONGRUENCE.fullmatch(answer.strip())
    if first and second:
        moduli = [int(match[4] or match[5]) for match in (first, second)]
        if moduli[0] != moduli[1] or not moduli[0]:
            return Outcome(False, "congruence", "different moduli")
        if first[1] and second[1] and first[1] != second[1]:
            return Outcome(False, "congruence", "different names")
        same = (int(first[2]) - int(second[2])) % moduli[0] == 0
        return judged(same, "congruence", "same residue", "different residues")
    match, other = (first, answer) if first else (second, gold)
    if match is None or match[1] or match[3] in ("pmod", "pod") or not re.fullmatch(r"\d{1,400}", other.strip()):
        return None
    modulus = int(match[4] or match[5])
    same = modulus > 0 and int(match[2]) % modulus == int(other)
    return judged(same, "congruence", "the remainder", "not the remainder")
