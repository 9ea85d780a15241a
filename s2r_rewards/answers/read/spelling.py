r"""Other spellings of the same notation, rewritten before anything is read: ``{n \choose k}``, ``]a, b[``, ``8°30'``, "five".

Each rewriting is looked at only where a sign of its own occurs in the text, so most answers pay a few substring tests.
"""

import re
from fractions import Fraction
from string import ascii_lowercase

from .clauses import TEXT, even_or_odd, piecewise, quantified
from .vocabulary import HEDGES, NUMBER_WORDS, PARTS, SCALES, WORDS

_SPECIAL = re.compile(r"(?:\s*(?:<\|[a-z_]{2,20}\|>|</?s>|<eos>)(?:user|assistant)?)+\s*$")
_CHOOSE = re.compile(r"\{([^{}]*)\\choose(?![A-Za-z])([^{}]*)\}")
_BEFORE_C = re.compile(r"(?:\{\s*\})?\s*[\^_]\s*\{?\s*(\w+)\s*\}?\s*C\s*_\s*\{?\s*(\w+)\s*\}?")
_COUNTED = re.compile(r"^(\d+) ?C ?(\d+)$")
_C_N_K = re.compile(r"(?<![A-Za-z\\])C\s*_\s*(\{[^{}]*\}|\w)\s*\^\s*(\{[^{}]*\}|\w)")
_SCRIPTS = re.compile(r"([A-Za-z])\s*\^\s*(\{[^{}]*\}|\w)\s*_\s*(\{[^{}]*\}|\w)")
_BASE_WORD = re.compile(r"(?<=\d)_\s*\{?\s*(?:\\(?:text|mathrm)\s*\{)?\s*([a-z]+)\s*\}{0,2}")
_REVERSED = re.compile(r"([\[\]])([^\[\]()]*[,;][^\[\]()]*)([\[\]])")
_ANGLE = re.compile(
    r"(\d+(?:\.\d+)?)\s*\^\s*\{?\s*\\circ\s*\}?\s*(\d+(?:\.\d+)?)\s*(?:'|\^\s*\{?\s*\\prime\s*\}?)(?!')"
    r"(?:\s*(\d+(?:\.\d+)?)\s*(?:''|\"|\^\s*\{?\s*\\prime\s*\\prime\s*\}?))?"
)
_UNIT_VECTOR = re.compile(
    r"\\(?:mathbf|boldsymbol|bm|vec|hat|overrightarrow|mathrm)\s*\{?\s*(?:\\(?:hat|mathbf|vec)\s*\{?\s*)?\\?([ijk])(?:math)?\s*\}{0,2}"
)
_DERIVATIVE = re.compile(r"\\frac\s*\{\s*d\s*([a-z])\s*\}\s*\{\s*d\s*[a-z]\s*\}|(?<![a-z])d([a-z])/d[a-z](?![a-z])")
_SECOND = re.compile(r"\\frac\s*\{\s*d\s*\^\s*\{?2\}?\s*([a-z])\s*\}\s*\{\s*d\s*[a-z]\s*\^\s*\{?2\}?\s*\}")
_OF_PART = re.compile(r"\\text\s*\{\s*(?:for|in|of)\s+part\s*\(?[a-z]\)?\s*,?\s*(and|)\s*\}")
_THOUSANDS = {word: size for word, size in SCALES.items() if size >= 1_000}
_LISTS = re.compile(r"(?<![A-Za-z])(?:min|max|gcd|lcm)\s*\}?\s*(?:\\[Bb]igg?l?|\\left)?\s*\\?[(\[{]")
_ONE = r"(\d|[A-Za-z]|\\[A-Za-z]+(?![A-Za-z{\s]*\{))"
_BARE = (
    (re.compile(r"\\([dt]?frac|binom) *(?:(?<! )(?=\d|\\)|(?<= ))" + _ONE + r" *(?=[\dA-Za-z\\{])"), r"\\\1{\2}"),
    (re.compile(r"(\\(?:[dt]?frac|binom)\{[^{}]*\}) *" + _ONE), r"\1{\2}"),
    (re.compile(r"\\sqrt *(?:(?<! )(?=\d|\\)|(?<= ))" + _ONE), r"\\sqrt{\1}"),
)
_QUANTITY = re.compile(
    r"\s*(?:\\(?:text|mathrm|textbf|operatorname)\s*\{\s*[A-Za-z][A-Za-z ]*\}(?:\s*\(\w+\))?|P\s*\([^()]*=[^()]*\)|[A-Za-z][a-z]{2,}(?: [A-Za-z]+){0,3}|\\(?:det|dim|arg|nabla)"
    r"(?: *[A-Za-z](?:\([a-z, ]*\))?)?|[A-Z]\s*\^\s*\{?(?:-1|T|\\top|\*)\}?"
    r"|\\frac\s*\{\s*\\partial[^{}]*\}\s*\{\s*\\partial[^{}]*\}|\\lim\s*_\s*\{[^{}]*\}\s*[a-zA-Z](?:_\{?\w\}?|\([a-z]\)))\s*[=:]\s*(?=\S)"
)
_SYSTEM = re.compile(r"\\left\s*\\\{\s*\\begin\{array\}\s*\{[lcr| ]*\}(.*?)\\end\{array\}\s*\\right\s*\.?", re.S)
_NUMBERS = re.compile(
    r"(?:\\mathbb\s*\{?\s*|(?<=\\in)(?: +| *\\math(?:bf|rm)\s*\{?\s*))([ZNQR])(?![A-Za-z])\s*\}?"
    r"(?:\s*[\^_]\s*\{?\s*(?:([+*]|>\s*0)|(\\geq?\s*0|(?<=[{_])0))\s*\}?)?"
)
_ASIDE = re.compile(r"(?:\s|\\[ ,;:!])*\(\s*([a-z]\s*\\in\s*\\mathbb\{[ZN][+0]?\})\s*\)\s*$")
_LONGEST_CLAUSE = 150  # signs that a clause at the end of a text has at most
_INTEGERS = re.compile(
    r"\s*[,;]?\s*(?:\\text\s*\{\s*,?\s*)?(?:where|for|with|and|if)?\s*\}?\s*(?:"
    r"(?:any|all|some|every|each|an)?\s*(?:integers?|whole numbers?)(?![A-Za-z])\s*\}?\s*\$?([a-z])\$?"
    r"|\$?(?<![A-Za-z])([a-z])\$?\s*(?:\\text\s*\{)?\s*(?:is|are|be|any|an|\s)+\s*(?:integers?|whole numbers?)"
    r")\s*\}?\s*\.?\s*$"
)
_INCHES = re.compile(r"\d\s?(?:'|\^\s*\{?\s*\\prime\s*\}?)\s?\d[\d.]*\s?\"$")
_CROSSED = re.compile(
    r"(\\(?:vec|overrightarrow|mathbf|boldsymbol|bm)\s*(?:\{[^{}]*\}|\w|\\[a-z]+)\s*)\\times(?![A-Za-z])"
)
_DOTS = re.compile(r"\\[lc]?dots(?![A-Za-z])\s*")
_ANGSTROM = re.compile(r"(?:\\(?:text|mathrm)\s*\{)?\s*(?:\\AA(?![A-Za-z])|[Å\u212b])(?:\s*\})?$")
_TIMES_TEN = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s*(?:\^|\*\*))")
_VARIANT = re.compile(r"\\var(epsilon|phi|theta|rho|sigma|kappa)(?![A-Za-z])")
_INDEX = re.compile(r"\\(?:sum|prod)\s*(?:\\limits\s*)?_\s*\{\s*([a-z])\s*=")
_SEGMENT = re.compile(r"\\overline\s*\{\s*([A-Z]{2})\s*\}")
_ANNOUNCING = frozenset(("final", "answer", "ans", "result", "solution", "text", "textbf", "the"))
_SHORT = frozenset(("gcd", "lcm", "hcf", "lhs", "rhs"))
_DOUBTED = HEDGES | set(WORDS["never a name"].split())
_SPOKEN = re.compile(
    r"[hmnqtoirHMNQTOIR](?<!\w.)(?i:inus|egative|alf|uarter|hird|ut of|n|o|emainder)\b"  # the first letter alone is found fast
)
#: What numbers in words begin with.
NUMBER_STARTS = frozenset(word[:3] for word in NUMBER_WORDS)
_HALVES = {"half": 2, "third": 3, "quarter": 4}
_PART = re.compile(r"(?:(.+) and )?(?:an?|one) (half|third|quarter)|(half)")
_SHARE = re.compile(r"(\w+(?: \w+)?) (?:out of|in) (\w+(?: \w+)?)")
_RATIO = re.compile(r"\d+(?: to \d+)+")
_REMAINDER = re.compile(r"(\d+),? (?:with )?(?:a )?remainder(?: of)? (\d+)")


def respell(text: str) -> str:
    """The usual spelling of an answer."""
    if text[-1:] in '>"\\ ' or "<|" in text:
        text = _SPECIAL.sub("", text).rstrip().rstrip("\\").rstrip()
        if text.count('"') % 2 and text.endswith('"') and not _INCHES.search(text):
            text = text[:-1].rstrip()
    commands = "\\" in text
    if commands and "\\boxed" in text:
        text = _OF_PART.sub(r" \1 ", unbox(text))
    if text[:3].lower() in NUMBER_STARTS or text[:5] == "\\text":
        text = _number_words(text)
    if "C" in text and ("^" in text or "_" in text or text[:1].isdigit()):
        text = _BEFORE_C.sub(r"\\binom{\1}{\2}", text)
        text = _COUNTED.sub(r"\\binom{\1}{\2}", text)
    if commands and "\\choose" in text:
        text = _CHOOSE.sub(r"\\binom{\1}{\2}", text)
    if "^" in text:
        if "_" in text:
            text = _SCRIPTS.sub(r"\1_\3^\2", text)
        if "circ" in text:
            text = _ANGLE.sub(_degrees, text)
    if "_" in text:
        text = _BASE_WORD.sub(lambda m: f"_{{{NUMBER_WORDS[m[1]]}}}" if m[1] in NUMBER_WORDS else m[0], text)
    if commands and ("\\math" in text or "\\in " in text):
        text = _ASIDE.sub(r", \1", _NUMBERS.sub(_numbers, text))
    if "=" in text and ("for " in text or "\\forall" in text or " is a" in text):
        text = quantified(text)
    if "&" in text and ("even" in text or "odd" in text):
        text = even_or_odd(text)
    if "&" not in text and ("if" in text or "when" in text or "for " in text):
        text = piecewise(text)
    if "integer" in text or "whole number" in text:
        text = text[:-_LONGEST_CLAUSE] + _INTEGERS.sub(
            lambda m: rf", {m[1] or m[2]} \in \mathbb{{Z}}", text[-_LONGEST_CLAUSE:]
        )
    if "10" in text and ("x" in text or "X" in text):
        text = _TIMES_TEN.sub(r" \\times ", text)
    if (commands and "\\AA" in text) or "Å" in text:
        text = _ANGSTROM.sub(r"\\text{Å}", text)
    if commands and "\\times" in text:
        text = _CROSSED.sub(r"\1\\cross", text)
    if commands and "dots" in text:
        text = _DOTS.sub("...", text)
    if commands and "array" in text:
        text = _SYSTEM.sub(r"\\begin{cases}\1\\end{cases}", text)
    if commands and "\\frac " in text:
        text = with_braces(text)
    if text[:1] == "]" or text[-1:] == "[":
        text = _REVERSED.sub(_interval, text)
    if "," in text and ("m" in text or "gcd" in text):
        text = _arguments(text)
    if "j" in text or (commands and "\\hat" in text):
        text = _unit_vectors(text)
    return text


def _numbers(match: re.Match[str]) -> str:
    r"""``\mathbb Z``, ``\in Z``, ``\mathbf{Z}^+`` in one spelling; the positive whole numbers have the same whatever they are from."""
    letter, positive, from_zero = match.groups()
    if (positive or from_zero) and (letter in "QR" or letter + str(positive) == "Z*"):
        return match[0]
    return rf"\mathbb{{{'N+' if positive else 'N0' if from_zero else letter}}}"


def combinations(text: str) -> str:
    r"""``C_n^k`` as a binomial: one of two readings, the other being a power of :math:`C_n`."""
    return _C_N_K.sub(r"\\binom{\1}{\2}", text) if "C" in text else text


def letters(text: str) -> str:
    r"""``\varepsilon`` as ``\epsilon`` where only one of them is written, and a segment by its ends."""
    if "\\var" in text and not any(f"\\{name}" in text for name in _VARIANT.findall(text)):
        text = _VARIANT.sub(r"\\\1", text)
    return _SEGMENT.sub(r"\1", text) if "overline" in text else text


def indices(text: str, other: str) -> str:
    r"""``\sum_{k=1}^n k`` with the index that another sum has, where that names nothing here."""
    ours, theirs = (set(_INDEX.findall(side)) for side in (text, other))
    if len(ours) != 1 or len(theirs) != 1 or ours == theirs:
        return text
    (index,), (wanted,) = ours, theirs
    name = r"(?<![A-Za-z\\]){}(?![A-Za-z])".format
    before = text[: _INDEX.search(text).start()]  # type: ignore[union-attr]
    taken = re.search(name(wanted), text) or re.search(name(index), before)
    return text if taken else re.sub(name(index), wanted, text)


def primes(text: str) -> str:
    r"""``\frac{dy}{dx}`` as ``y'``."""
    return _DERIVATIVE.sub(lambda m: f"{m[1] or m[2]}'", _SECOND.sub(r"\1''", text)) if "d" in text else text


def with_braces(text: str) -> str:
    r"""``\frac1{n^2}`` and ``\sqrt\pi`` with the braces that may be left out."""
    for bare, braced in _BARE:
        text = bare.sub(braced, text)
    return text


def unnamed(text: str) -> str | None:
    r"""The value behind a name that is no formula: ``Area = 6``, ``\det = 5``, ``A^{-1} = …``; None without such a name."""
    found = _QUANTITY.match(text) if ("=" in text or ":" in text) and len(text) < 400 else None
    if found is None or "=" in (value := text[found.end() :]):
        return None
    words = {word.lower() for word in re.findall(r"[A-Za-z]+", found[0])}
    if ":" in found[0] and not words <= _ANNOUNCING:
        return None
    if words & _DOUBTED or (len(words) == 1 and _is_product(found[0].rstrip(" =:"))):
        return None
    return value


def _is_product(word: str) -> bool:
    """Whether letters in a row are hardly a word: ``xyz``, ``abc``, ``mgh``."""
    if not word.isalpha() or not word.islower() or word in _SHORT:
        return False
    return word in ascii_lowercase or not set("aeiou") & set(word)


def spoken(text: str, ratio: bool = False) -> str:
    """Notation for what is said in words: ``minus five``, ``3 and a half``, ``5 out of 8``, ``7 remainder 2``.

    ``ratio`` says that the other side is one, so that ``1 to 2`` is no range.
    """
    if len(text) > 60 or not _SPOKEN.search(text):
        return text
    words = " ".join(TEXT.sub(r" \1 ", text).split())
    lower = words.lower()
    if (negative := lower.partition(" "))[0] in ("minus", "negative") and (value := _digits(negative[2])):
        return f"-{value}"
    if part := _PART.fullmatch(lower):
        size = _HALVES[part[2] or part[3]]
        if not part[1]:
            return f"1/{size}"
        return f"{int(whole) * size + 1}/{size}" if (whole := _digits(part[1])) else text
    if share := _SHARE.fullmatch(lower):
        one, other = _digits(share[1]), _digits(share[2])
        return f"{one}/{other}" if one and other else text
    if found := _REMAINDER.fullmatch(lower):
        return f"{found[1]} R {found[2]}"
    return words.replace(" to ", ":") if ratio and _RATIO.fullmatch(lower) else text


def _digits(words: str) -> str:
    """A whole number in digits, whether it was written so or in words; empty for anything else."""
    found = words if words.isdigit() else _number_words(words)
    return found if found.isascii() and found.isdigit() and len(found) < 40 else ""


def unbox(text: str) -> str:
    r"""The text without its ``\boxed{…}``, whose contents stay."""
    for _ in range(20):
        start = text.find("\\boxed{")
        if start < 0:
            break
        depth, at = 0, start + 6
        while at < len(text):
            depth += (text[at] == "{") - (text[at] == "}")
            if not depth:
                break
            at += 1
        if depth:
            break
        text = f"{text[:start]} {text[start + 7 : at]} {text[at + 1 :]}"
    return text.strip()


def _interval(match: re.Match[str]) -> str:
    left, inside, right = match.groups()
    return ("(" if left == "]" else "[") + inside.replace(";", ",") + (")" if right == "[" else "]")


def _arguments(text: str) -> str:
    r"""``\min(5,100)`` with a space behind the comma, which then parts no thousands."""
    for found in reversed(list(_LISTS.finditer(text))):
        depth, at = 1, found.end()
        while at < len(text) and depth:
            depth += (text[at] in "([{") - (text[at] in ")]}")
            at += 1
        text = text[: found.end()] + re.sub(r",(?=\d)", ", ", text[found.end() : at]) + text[at:]
    return text


def _degrees(match: re.Match[str]) -> str:
    whole, minutes, seconds = (Fraction(part or 0) for part in match.groups())
    value = whole + minutes / 60 + seconds / 3600
    return rf"\frac{{{value.numerator}}}{{{value.denominator}}}^\circ"


def _unit_vectors(text: str) -> str:
    """Bold, hatted and arrowed i, j and k as the one kind, where j is among them."""
    found = {match[1] for match in _UNIT_VECTOR.finditer(text)}
    return _UNIT_VECTOR.sub(r"\\hat{\1}", text) if "j" in found or found == {"i", "k"} else text


def _number_words(text: str) -> str:
    """A text that begins with a number in words, with digits."""
    words = TEXT.sub(lambda m: m[1], text).strip().rstrip(".") if len(text) <= 80 else ""
    pieces = words.lower().replace("-", " ").split()
    if not pieces or pieces[0] not in NUMBER_WORDS:
        return text
    total, current, used, smallest = 0, 0, 0, 10**15
    for word in pieces:
        if (value := NUMBER_WORDS.get(word)) is not None:
            tens = current % 100
            if (tens and (tens < 20 or tens % 10 or not 0 < value < 10)) or (used and not value * (total + current)):
                return text  # five forty, zero five
            current += value
        elif word == "hundred" and current < 100:
            current = max(1, current) * 100
        elif (size := _THOUSANDS.get(word, smallest)) < smallest:
            total, current, smallest = total + max(1, current) * size, 0, size
        elif word in PARTS and used and len(pieces) == used + 1:
            return f"{total + current}/{PARTS[word]}"
        elif not (word == "and" and used and (pieces[used - 1] == "hundred" or pieces[used - 1] in _THOUSANDS)):
            break
        used += 1
    rest = pieces[used:]
    if len(rest) > 2 or not all(word.isalpha() and word not in ("or", "and", "of", "to", "not") for word in rest):
        return text
    return str(total + current) + (rf" \text{{{' '.join(rest)}}}" if rest else "")
