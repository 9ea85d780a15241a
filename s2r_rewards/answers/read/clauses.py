r"""Clauses behind values, in the notation of mathematics: for which numbers a function is what it is, or which of several values.

``f(x) = cx for all real x`` says ``x \in \mathbb{R}``; ``x if x > 0, -x otherwise`` are ``cases``. Both need to be understood
whole; any other word leaves the text as it is.
"""

import re

_QUANTIFIER = re.compile(r"(?:\bfor\s+(?:all|every|any|each|some)|\\forall|\b(?:where|with))(?![A-Za-z])")
_CLAUSE = re.compile(
    r"(?:an?\s+)?(?:arbitrary\s+)?(?:(?P<of>(?:(?:(?:positive|non-?negative)\s+)?integer|(?:real|rational|natural)(?:\s+number)?"
    r"|(?:real\s+)?constant)s?)\s+)?(?P<letter>[a-z])(?:\s*\\in\s*(?P<set>N\+|N0|[RQZN])|(?P<is>\s+is\s+(?:an?|any)\s+"
    r"(?:arbitrary\s+)?(?:real\s+)?(?:constant|number)))?[.\s]*"
)
_NAMED_SETS = {"real": "R", "constant": "R", "positive": "N+", "non": "N0", "integer": "Z", "rational": "Q", "natural": "N"}  # fmt: skip
_OF_ALL = ("all", "every", "any", "each")
_A_FUNCTION = re.compile(r"(?<![A-Za-z\\])[A-Za-z]\s*\(\s*[a-z](?:\s*,\s*[a-z])?\s*\)\s*=")
_UNCLOTHED = re.compile(r"\\(?:text|mathrm|mathbb)(?=\s*\{)|[{}$]")
_EVEN = re.compile(r"(?:\\text\s*\{\s*)?\b(?:is\s+)?(?:an\s+)?(even|odd)\b\s*\}?")
_INSIDE = re.compile(r"\\text\s*\{\s*(?:if|when|for)?\s*\$([^${}]*)\$\s*((?:is\s+)?(?:an\s+)?(?:even|odd))\s*\}")
_IF = re.compile(r"\b(?:if|when|for)\b")
_NEXT = re.compile(r"\s*[,;]\s*(?:(?:and|or)\b)?|\s+(?:and|or)\b")
#: Prose amid mathematics.
TEXT = re.compile(r"\\(?:text|mathrm|textbf)\s*\{([^{}]*)\}")
_OTHERWISE = re.compile(
    r"(?P<if>.*?)[,;](?:\s*and\b)?\s*(?:(?P<value>.*?),?\s*\b(?:otherwise|else)\b[.\s]*|(?:otherwise|else)\b,?(?P<behind>.*))",
    re.S,
)
_SAID = re.compile(r"\b(?:otherwise|even|odd|is)\b")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")


def even_or_odd(text: str) -> str:
    r"""``n is even`` and ``\text{if $n$ is even}`` as ``n\text{ even}``."""
    return _EVEN.sub(r"\\text{ \1}", _INSIDE.sub(r" \1 \2", text))


def piecewise(text: str) -> str:
    r"""``x if x > 0, -x if x \le 0`` as ``cases``; anything else as it is."""
    head, *parts = _IF.split(TEXT.sub(r" \1 ", text).replace("$", " ") if len(text) < 400 else "")
    if not parts:
        return text
    otherwise = _OTHERWISE.fullmatch(parts[-1])
    values, conditions = [head], []
    for part in parts[:-1]:
        cuts = [sep for sep in _NEXT.finditer(part) if _depth(part[: sep.start()]) == 0]
        if not cuts:
            return text
        conditions.append(part[: cuts[-1].start()])
        values.append(part[cuts[-1].end() :])
    conditions += [otherwise["if"], "otherwise"] if otherwise else [parts[-1]]
    values += [otherwise["value"] or otherwise["behind"] or ""] if otherwise else []
    name, equals, values[0] = head.rpartition("=")
    if (
        len(values) < 2
        or not all(map(str.strip, values))
        or "=" in "".join(values)
        or _PROSE.search(_SAID.sub("", " ".join(values + conditions)))
    ):
        return text
    rows = (
        f"{value.strip()} & {even_or_odd(said.strip(' .,;'))}" for value, said in zip(values, conditions, strict=True)
    )
    return f"{name}{equals}\\begin{{cases}} " + r" \\ ".join(rows) + r" \end{cases}"


def _depth(text: str) -> int:
    return sum(text.count(sign) for sign in "([{") - sum(text.count(sign) for sign in ")]}")


def quantified(text: str) -> str:
    r"""``f(x) = cx for all real x`` with its clause as ``x \in \mathbb{R}``; so, too, ``for some constant c``."""
    *_, said = [None, *_QUANTIFIER.finditer(text, max(0, len(text) - 400))]
    if said is None or not _A_FUNCTION.search(head := text[: said.start()]):
        return text
    clause = _CLAUSE.fullmatch(_UNCLOTHED.sub(" ", text[said.end() :]).strip())
    if clause is None or clause["letter"] not in head:
        return text
    argument = re.search(rf"[(,]\s*{clause['letter']}\s*[,)]", head)
    if argument and not said[0].endswith(_OF_ALL):
        return text  # f(x) = x for some x
    head = re.sub(r"\\text\s*\{\s*,?\s*$", "", head.replace("$", "")).rstrip(" ,;")
    if argument and not clause["of"] and not clause["set"]:
        return head
    kind = clause["of"] or "real"
    source = clause["set"] or next((name for word, name in _NAMED_SETS.items() if word in kind), "R")
    return rf"{head}, {clause['letter']} \in \mathbb{{{source}}}"
