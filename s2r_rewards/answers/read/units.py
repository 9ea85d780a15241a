"""Units of measure as they are written: ``m/s^2``, ``square feet``, ``J K^-1`` as names with exponents.

Names and their spellings come from ``words.json``; symbols may have a metric prefix. What a unit is worth in others is
:mod:`..tiers.units`' business.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .vocabulary import WORDS

#: Names with exponents, in the order of the names; words that are no unit begin with ``?``.
Unit = tuple[tuple[str, int], ...]

_SPELLINGS: dict[str, str] = {
    alias: name for name, aliases in WORDS["units"].items() for alias in [name, *aliases.split()]
}
_NEUTRAL = frozenset(WORDS["beside units"].split())
_COMPOSED: dict[str, Unit] = {
    "mph": (("hour", -1), ("mile", 1)), "kph": (("hour", -1), ("km", 1)), "kmh": (("hour", -1), ("km", 1)),
    "kmph": (("hour", -1), ("km", 1)), "fps": (("foot", 1), ("second", -1)), "cc": (("cm", 3),),
}  # fmt: skip
_PREFIXED = re.compile(r"(?:da|[fpnµumcdhkMGTP])?(?:mol|Pa|Hz|eV|ohm|Wb|bar|cal|rad|[mgsAKJNWVCFTHSLl])")
_LONG_PREFIXES = {"pico": "p", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "deci": "d", "hecto": "h",
                  "kilo": "k", "mega": "M", "giga": "G", "tera": "T"}  # fmt: skip
_LONG = re.compile(rf"({'|'.join(_LONG_PREFIXES)})([a-z_]+)")
_SYMBOLS = {"second": "s", "liter": "L", "joule": "J", "newton": "N", "watt": "W", "volt": "V", "ampere": "A",
            "hertz": "Hz", "pascal": "Pa", "mole": "mol", "calorie": "cal", "electron_volt": "eV"}  # fmt: skip
_WORD = re.compile(r"[A-Za-zµ]+|\^|-?\d+|[*/()]|\S")
_NO_UNIT = frozenset(("d", "e", "i", "x", "y", "z", "n", "k", "a", "b", "c"))
_AMOUNT = re.compile(r"-?\d[\d,.]*(?:\s*\\(?:times|cdot)\s*10\s*\^\s*(?:\{\s*-?\d+\s*\}|\d)|[eE]-?\d+)?(?=[\s\\~])")
_FIRST = frozenset("-0123456789")
_STYLES = re.compile(r"\\(?:text|mathrm|rm|si|unit)(?![A-Za-z])")
_DECORATION = re.compile(r"\\(?:cdot|times|left|right)(?![A-Za-z])|\\[,;:! ]|[~$\u00b7]")
_FRACTION = re.compile(r"\\[dt]?frac\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_MILLI = re.compile(r"\bms\s*\^\s*-")  # a second to a negative power: metres per second
_AROUND = re.compile(r" ?([\^/()]) ?")
_STRICTLY = re.compile(r"[A-Za-zµ]+(?:\^-?\d+)?|[/*() ]")
_HYPHEN = re.compile(r"(?<=[A-Za-z])-(?=[A-Za-z])")
_BRACES = str.maketrans("{}", "  ")
_POWERS = {"square": 2, "sq": 2, "cubic": 3}
_BEHIND = {"squared": 2, "cubed": 3}


def unit_name(word: str) -> str | None:
    """The one name of a unit that a word spells, None when it spells none."""
    if len(word) == 1 and word in _NO_UNIT:
        return None
    if word in _SPELLINGS:
        return _SPELLINGS[word]
    if _PREFIXED.fullmatch(word):
        return word.replace("µ", "u")
    if len(word) > 6 and (long := _LONG.fullmatch(word.lower())) and long[2] in _SPELLINGS:
        base = _SPELLINGS[long[2]]
        return _LONG_PREFIXES[long[1]] + _SYMBOLS.get(base, base)
    return _SPELLINGS.get(word.lower()) if len(word) > 2 else None


@lru_cache(4096)
def read_unit(text: str) -> Unit:
    """The unit that a text spells; empty when it says nothing of a unit."""
    found: dict[str, int] = {}
    last, power, below, inside = "", 1, False, False
    for word in _WORD.findall(text.replace(".", " ").replace("-", " -")):
        if word == "^" or word == "*":
            continue
        if word in ("/", "per"):
            below = True
        elif word == "(":
            inside = below
        elif word == ")":
            below = inside = False
        elif word[-1].isdecimal():
            if last and not int(word[:4]):  # m^0 is no unit, and no missing one
                found["?" + last] = found.pop(last)
                last = ""
            elif last:
                found[last] = (-1 if found[last] < 0 else 1) * int(word[:4])
        elif word.lower() in _BEHIND and last:
            found[last] *= _BEHIND[word.lower()]
        elif word.lower() in _POWERS:
            power = _POWERS[word.lower()]
        elif word in _COMPOSED:
            for name, exponent in _COMPOSED[word]:
                found[name] = found.get(name, 0) + (-exponent if below else exponent)
            last = ""
        elif word.isalpha():
            spelled = unit_name(word)
            if spelled is None and word.lower() in _NEUTRAL:
                continue
            last = spelled or "?" + word.lower().removesuffix("s")
            found[last] = found.get(last, 0) + (-power if below else power)
            power, below = 1, below and inside
    return tuple(sorted((name, exponent) for name, exponent in found.items() if exponent and name not in _NEUTRAL))


def measured(text: str) -> str | None:
    r"""``9.8 N/kg``, ``9.8\,\frac{\mathrm{m}}{\mathrm{s}^2}``, ``9.8 ms^{-2}`` with the unit in words; None without one.

    A letter directly behind a number is a variable.
    """
    found = _AMOUNT.match(text) if text[:1] in _FIRST and len(text) < 200 else None
    if found is None or not (rest := text[found.end() :]):
        return None
    plain = _FRACTION.sub(r" \1/(\2)", _DECORATION.sub(" ", _STYLES.sub("", rest.replace("\u207b^{", "^{-"))))
    plain = _MILLI.sub("m s^-", _HYPHEN.sub(" ", plain.translate(_BRACES)))
    plain = _AROUND.sub(r"\1", " ".join(plain.split()))
    strictly = "".join(_STRICTLY.findall(plain)) == plain  # nothing is left over: 40 days, 07:10
    return rf"{found[0]} \text{{{plain}}}" if strictly and is_unit(plain) else None


def is_unit(text: str) -> bool:
    """Whether a text spells a unit and nothing else."""
    unit = read_unit(text) if len(text) <= 40 and "\\" not in text else ()
    return bool(unit) and all(name[0] != "?" for name, _ in unit)
