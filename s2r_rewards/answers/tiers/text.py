r"""Tier ``text``: yes and no, true and false, and words.

Words are equal when their letters and digits are, whatever the case, spacing and punctuation. Caveat: a
paraphrase is not the same text.
"""

import re

from ..policy import CheckPolicy
from ..read.vocabulary import SHORT_WORDS, WORDS
from ..result import Outcome, judged

_STYLE = re.compile(r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf|mathcal|mathsf|operatorname|boxed)\s*(?=\{)")
#: A star between two words or brackets multiplies; any other is for bold type.
_NOISE = re.compile(
    r"[{}$\"'`~]|(?<![\w)\]])\*+|\*+(?![\w(\[])|\\[,;:! ]|\\(?:left|right|quad|qquad)(?![A-Za-z])|\\(?=[()\[\]])"
)
_NOT_ALNUM = re.compile(r"[\W_]+")
_BETWEEN_DIGITS = re.compile(r"(?<=\d)\s+(?=\d)")
_BETWEEN_NUMBERS = re.compile(r"(?<=\d)\s*([,;])\s*(?=\d)")
_BLANKS = re.compile(r"\s|[.,;?]+(?=\s|$)|(?<![\w)}])[.,;?](?!\d)")
_SYNONYMS: dict[str, str] = {phrase: word for word, phrases in WORDS["synonyms"].items() for phrase in phrases.split()}
_WORDS = frozenset(_SYNONYMS.values())
_ARTICLE = re.compile(r"\b(?:[Aa]|[Aa]n|[Tt]he)\s+(?=[A-Za-z](?:[A-Za-z]{2}|-[a-z]))(?!and\b|nor\b)")
_DIFFERENT = Outcome(False, "text", "different text")
_digits = re.compile("[0-9]+").findall
_DIGITS = frozenset("0123456789")
#: The only words with digits that stand for one without.
_ORDINAL = re.compile(r"[0-9]\W*(?:[sS]\W*[tT]|[nNrR]\W*[dD]|[tT]\W*[hH])")
_DELIMITERS = frozenset("{}$\"'`*~")
_FORMULA_SIGNS = frozenset("^_\\{}!'")  # that there are in all that is searched for below
_YES_NO = frozenset(("yes", "no", "true", "false", "uncertain", "unknown"))
#: Where only a word of a scale is asked for, one scale stands for the other.
_SCALE = {"true": "yes", "false": "no", "unknown": "uncertain", "undetermined": "uncertain"}
_FIRST_WORD = re.compile(r"\s*([A-Za-z]+)\s*(?:[.,;:!—-]|$)")
_TAIL = re.compile(
    r"(?:the|there|so|thus|hence|therefore|total|sum|number|value|minimum|maximum|[A-Z])\b[^.=]*?\b(?:is|are|be|equals)"
    r"(?:\s+equal\s+to)?\s+(?:exactly\s+)?(\$?[^\s$][^$]{0,60}?\$?)\.?",
    re.I,
)
_ALL = re.compile(r"\s*[Aa]ll\s+(?=(?:\w+\s+)?(?:integers|numbers|primes|reals|multiples|squares|values)\b)")
_CIRCLED = frozenset("①②③④⑤⑥⑦⑧⑨⑩")
_STATEMENTS = re.compile(r"[①-⑩](?:(?:\s|[,;、，；&和与及]|and\b)*[①-⑩])*")
_NEGATION = re.compile(
    r"\b(?:not|n't|no|never|cannot|less|more|greater|than|or|between|either|if|unless|wrong)\b", re.I
)


def plain_text(text: str) -> str:
    """The text without LaTeX styling, quotes and delimiters."""
    if "\\" in text:
        text = _STYLE.sub("", text)
    return _NOISE.sub(" ", text).strip()


def normal_words(text: str) -> str:
    """Letters and digits; where there are digits, also everything that could change a number."""
    plain = (plain_text(text) if "\\" in text or not _DELIMITERS.isdisjoint(text) else text).lower()
    if not plain.isalpha() and any(map(str.isdigit, plain)):
        word = _BLANKS.sub("", _BETWEEN_DIGITS.sub("_", _BETWEEN_NUMBERS.sub(r"\1", plain)))
        return _SYNONYMS.get(word, word)
    word = _NOT_ALNUM.sub("", plain)
    return _SYNONYMS.get(word, word)


def compare_texts(gold: str, answer: str, policy: CheckPolicy) -> Outcome:
    """Two answers in words."""
    first, second = plain_text(gold), plain_text(answer)
    if first[1:3] == "ll" or second[1:3] == "ll":  # at the beginning alone: not all primes
        first, second = (side[found.end() :] if (found := _ALL.match(side)) else side for side in (first, second))
    if policy.letter_case:
        same = "".join(first.split()) == "".join(second.split())
        return judged(same, "text", "same text", "different text")
    word = _FIRST_WORD.match(first)
    if word and word[1].lower() in _YES_NO and not any(c.isdigit() or c in "\\=<>" for c in first):
        wanted, stated = (_yes_or_no(side) for side in (first, second))
        if policy.kind == "word":
            wanted, stated = _SCALE.get(wanted, wanted), _SCALE.get(stated, stated)
        if wanted:
            return judged(stated == wanted, "text", "same yes or no", "different yes or no")
    if "..." in gold and _joined(first) == _joined(second):
        return Outcome(True, "text", "same row")
    if first[:1] in _CIRCLED and _STATEMENTS.fullmatch(first) and _STATEMENTS.fullmatch(second):
        chosen, other = ([sign for sign in side if sign in _CIRCLED] for side in (first, second))
        same = chosen == other if policy.order == "strict" else sorted(chosen) == sorted(other)
        return judged(same, "text", "same statements", "different statements")
    if not any(map(str.isalpha, first)):
        return _DIFFERENT
    if "".join(_digits(first)) != "".join(_digits(second)) and not _ORDINAL.search(f"{first} {second}"):
        return _DIFFERENT
    left, right = normal_words(first), normal_words(second)
    if left == right and left in _WORDS:
        return Outcome(True, "text", "same words")
    if not _FORMULA_SIGNS.isdisjoint(gold + answer):
        formulas = [_UNSTYLED.sub(lambda m: m[1] or " ", side) for side in (gold, answer)]
        if any(map(_FORMULA.search, formulas)):
            same = _squeezed(formulas[0]) == _squeezed(formulas[1])
            return judged(same, "text", "same formula as text", "different text")
    if left and left == right and _same_signs(first, second):
        return Outcome(True, "text", "same words")
    if (" " in first or " " in second) and _ARTICLE.search(f"{first} {second}"):
        bare = [_ARTICLE.sub(" ", side) for side in (first, second)]
        left, right = map(normal_words, bare)
        if len(left) > 2 and left == right and _same_signs(*bare):
            return Outcome(True, "text", "same words but for articles")
    if _same_factors(first, second):
        return Outcome(True, "text", "same letters as factors")
    both = first + second
    if policy.order == "strict" or not ("," in both or "and" in both or ";" in both or "&" in both):
        return _DIFFERENT
    if (chosen := _letters(first)) and chosen == _letters(second):
        return Outcome(True, "text", "same letters")
    if (listed := _items(first)) and listed == _items(second):
        return Outcome(True, "text", "same words in a list")
    return _DIFFERENT


def only_letters(text: str) -> bool:
    """Whether a text has no word in it, but letters that may be multiplied: ``x-y``, ``a, b``, ``mgh``."""
    return not any(map(_is_word, _RUN.findall(text)))


def _is_word(run: str) -> bool:
    return len(run) > 3 or run.lower() in SHORT_WORDS or (len(run) == 3 and _VOWEL.search(run) is not None)


def _other_letters(first: str, second: str) -> bool:
    """Whether letters that may be multiplied, or the signs between them, stand in another way in two texts."""
    if any(map(str.isdigit, first)):
        return False
    if not (only_letters(first) or only_letters(second)):
        return _parted(first) != _parted(second)
    return _LETTER_OR_SIGN.findall(first.strip("(). ")) != _LETTER_OR_SIGN.findall(second.strip("(). "))


def _parted(text: str) -> list[str]:
    """Letters with a minus or a comma between them, amid words: ``the x-y``, but neither ``x-axis`` nor ``non-zero``."""
    found = [match.groups() for match in _PARTED.finditer(text.lower())]
    return ["".join(parts) for parts in found if not _is_word(parts[0]) and not _is_word(parts[2])]


def _joined(text: str) -> str:
    return "".join(_BETWEEN_DIGITS.sub("_", text).split())


def _same_factors(first: str, second: str) -> bool:
    """``mgh`` and ``hgm``: letters without a vowel are no word, but a product."""
    return (
        1 < len(first) == len(second) < 5
        and sorted(first) == sorted(second)
        and _CONSONANTS.fullmatch(first) is not None
    )


def _letters(text: str) -> list[str]:
    """The choices of ``ACD`` and of ``A, C and D``, in alphabetical order; small letters are variables."""
    if _CHOICES.fullmatch(text) and sorted(text) == list(text):
        return list(text)
    items = _items(text) if _CAPITALS.search(text) else []
    return [item.upper() for item in items] if all(len(item) == 1 for item in items) else []


def _items(text: str) -> list[str]:
    """The words of ``red, white and blue`` in alphabetical order; empty for what is no list of words."""
    parts = _PARTING.split(text)
    listed = len(parts) > 1 and not _DOUBT.search(text) and not _NEGATED.search(text)
    if not listed or not all(map(_NAMED.fullmatch, parts)) or any(part.lower() in _YES_NO for part in parts):
        return []  # yes and no answer several questions, in their order
    return sorted(map(normal_words, parts))


def _yes_or_no(text: str) -> str:
    """The yes, no, true … that a text begins with; empty when it begins otherwise or says two of them."""
    found = _FIRST_WORD.match(text)
    if found is None:
        return ""
    said = {_SCALE.get(word, word) for word in re.findall(r"[a-z]+", text.lower()) if word in _YES_NO}
    return found[1].lower() if len(said) == 1 and not _DOUBT.search(text) else ""


_RUN, _VOWEL, _CAPITALS = re.compile("[A-Za-z]+"), re.compile("[aeiou]", re.I), re.compile(r"\b[A-H]")
_PARTED = re.compile(r"(?<![a-z])([a-z]{1,3})\s*([-,])\s*(?=([a-z]{1,3})(?![a-z]))")
_LETTER_OR_SIGN = re.compile(r"[A-Za-z]+|[^\sA-Za-z]")
_CONSONANTS = re.compile("[b-df-hj-np-tv-z]+")
_CHOICES = re.compile("[A-H]{2,8}")
_PARTING = re.compile(r"\s*(?:,\s*and\b|,|;|&|\band\b)\s*")
_NAMED = re.compile(r"[^\W\d_](?:[^\W\d_]|[' -]){0,40}")
_NEGATED = re.compile(r"\b(?:not|no|never|nor|neither|then|before|after|but)\b|n't|[不没非无]", re.I)
_DOUBT = re.compile(r"\b(?:maybe|perhaps|possibly|or)\b|/", re.I)
_UNSTYLED = re.compile(
    r"\\(?:text|mbox|textbf|textit|textrm|mathrm|mathbf|mathsf|operatorname|boxed)\s*\{([^{}]*)\}|\$|\\[,;:! ]|\\(?:left|right)(?![A-Za-z])"
)
_FORMULA = re.compile(r"[\^_\\{}]|!!|(?:(?<!['\w])\w+|\))'(?!\w)")
_ONE_BRACED = re.compile(r"\{(\w|\\[a-zA-Z]+)\}")


def _squeezed(text: str) -> str:
    """A formula without spaces and without braces around a single sign; words in small letters."""
    words = re.sub(r"(?<![\\A-Za-z])[A-Za-z]{3,}", lambda m: m[0].lower(), _ONE_BRACED.sub(r"\1", text))
    return "".join(words.split()).strip('.,;"`*')


def _signs(text: str) -> str:
    """Characters that change the meaning of a text with mathematics in it."""
    return re.sub(r"[\w\s.,;'\"()?\\]|(?<=[A-Za-z])-(?=[A-Za-z])", "", text)


def _same_signs(first: str, second: str) -> bool:
    """Whether the same signs stand in both texts of the same words, and in the same places."""
    signs = _signs(first)
    if signs != _signs(second) or _other_letters(first, second):
        return False
    return not signs or _in_place(first) == _in_place(second)


def _in_place(text: str) -> str:
    return re.sub(r"[\s.,;'\"?\\]|(?<=[a-z])-(?=[a-z])", "", _ARTICLE.sub("", text).lower())


def value_in_sentence(answer: str) -> str | None:
    """The value that a whole sentence states: ``The maximum value is 105.`` -> ``105``."""
    if not 8 < len(answer) < 200 or _DIGITS.isdisjoint(answer) or (match := _TAIL.fullmatch(answer.strip())) is None:
        return None
    return match[1] if any(map(str.isdigit, match[1])) and not _NEGATION.search(answer) else None
