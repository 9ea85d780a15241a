"""Units behind a value: one spelling for each known unit, and when two units may stand for each other."""

from __future__ import annotations

import re

_KNOWN = {
    "m": "meter meters metre metres", "cm": "centimeter centimeters centimetre centimetres cms",
    "mm": "millimeter millimeters millimetre millimetres",
    "km": "kilometer kilometers kilometre kilometres kms", "inch": "inches in", "foot": "feet ft",
    "yard": "yards yd yds", "mile": "miles mi", "g": "gram grams gm", "kg": "kilogram kilograms kgs",
    "mg": "milligram milligrams", "pound": "pounds lb lbs", "ounce": "ounces oz",
    "ton": "tons tonne tonnes", "second": "seconds sec secs s", "minute": "minutes min mins",
    "hour": "hours hr hrs h", "day": "days", "week": "weeks", "month": "months", "year": "years yr yrs",
    "liter": "liters litre litres l", "ml": "milliliter milliliters millilitre millilitres",
    "gallon": "gallons gal", "dollar": "dollars usd bucks", "cent": "cents", "euro": "euros",
    "radian": "radians rad", "degree": "degrees deg", "am": "", "pm": "", "unit": "units",
    "square": "squares sq", "joule": "joules j", "newton": "newtons n", "watt": "watts w",
    "volt": "volts v", "ampere": "amperes amps a", "hertz": "hz", "kelvin": "k", "celsius": "c",
    "fahrenheit": "f", "quart": "quarts qt", "pint": "pints", "dozen": "dozens",
}  # fmt: skip
_SPELLING = {alias: name for name, aliases in _KNOWN.items() for alias in [name, *aliases.split()]}
_NEUTRAL = frozenset(("unit", "of", "the", "in", "per", "a", "an", "each", "about", "square", "cubic"))
_WORDS = re.compile(r"[A-Za-z]+")

#: Units that one letter behind a number can mean when the other side is a bare number.
LETTER_UNITS = frozenset("LmgsVWJNhKA")
TEMPERATURES = frozenset("CF")


def normal_unit(text: str) -> tuple[str, ...]:
    """The known units in ``text`` in one spelling (``"square feet"`` -> ``("foot",)``)."""
    words = [word.lower() for word in _WORDS.findall(text.replace(".", "").replace("mph", "mile hour"))]
    return tuple(sorted(_SPELLING[w] for w in words if w in _SPELLING and _SPELLING[w] not in _NEUTRAL))


def compatible(first: str, second: str) -> bool:
    """Whether two written units may name the same thing: two different known units may not."""
    left, right = normal_unit(first), normal_unit(second)
    return not left or not right or left == right
