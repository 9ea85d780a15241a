"""The words and commands that answers are written with: one place for every table the lexer looks up."""

from __future__ import annotations

from typing import Any

Token = tuple[str, Any]


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTIONS = words(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot arcsinh arccosh arctanh asin "
    "acos atan ln log lg exp sqrt abs max min gcd lcm floor ceil det arg Re Im binom factorial"
)
ALIASES = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "lg": "log10"}
GREEK = words(
    "alpha beta gamma delta epsilon varepsilon zeta eta theta vartheta iota kappa lambda mu nu xi rho "
    "sigma tau upsilon phi varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell "
    "hbar odot prime"
)
RELATIONS = {
    "=": "=", "==": "=", "<": "<", ">": ">", "<=": "<=", ">=": ">=", "=<": "<=", "=>": "?", "!=": "!=",
    "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<",
    "gt": ">", "ne": "!=", "neq": "!=", "in": "in", "approx": "~", "simeq": "~",
}  # fmt: skip
#: Commands whose braces hold prose, and commands whose braces hold mathematics in another style.
TEXT_COMMANDS = words("text mbox textbf textrm textit textnormal hbox textsf texttt")
ACCENTS = words("vec overrightarrow overline bar hat tilde dot")
STYLE_COMMANDS = words("mathrm mathbf mathcal mathit mathsf boldsymbol bm operatorname mathbb") | ACCENTS
IGNORED = words(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr quad qquad displaystyle textstyle limits nolimits "
    "thinspace , ; : ! > &"
) | {" ", "\n"}
BARE_WORDS: dict[str, Token] = {
    "and": ("sep", "and"), "or": ("sep", "or"), "pi": ("const", "pi"), "infinity": ("const", "inf"),
    "inf": ("const", "inf"), "infty": ("const", "inf"), "Infinity": ("const", "inf"),
    "oo": ("const", "inf"), "percent": ("op", "%"), "percentage": ("op", "%"), "pct": ("op", "%"),
    "degrees": ("op", "deg"), "degree": ("op", "deg"), "deg": ("op", "deg"), "union": ("op", "cup"),
    "in": ("rel", "in"),
}  # fmt: skip
COMMANDS: dict[str, Token] = {
    "cdot": ("op", "*"), "times": ("op", "*"), "ast": ("op", "*"), "div": ("op", "/"), "pm": ("op", "pm"),
    "mp": ("op", "mp"), "cup": ("op", "cup"), "cap": ("op", "cap"), "setminus": ("op", "setminus"),
    "backslash": ("op", "setminus"), "infty": ("const", "inf"), "pi": ("const", "pi"), "i": ("const", "i"),
    "emptyset": ("const", "empty"), "varnothing": ("const", "empty"), "circ": ("op", "deg"),
    "degree": ("op", "deg"), "%": ("op", "%"), "$": ("op", "money"), "colon": ("op", ":"), "|": ("op", "|"),
    "vert": ("op", "|"), "lvert": ("op", "|"), "rvert": ("op", "|"), "mid": ("op", "|"),
    "\\": ("op", "newline"), "{": ("open", "{"), "}": ("close", "}"), "lbrace": ("open", "{"),
    "rbrace": ("close", "}"), "lbrack": ("open", "["), "rbrack": ("close", "]"), "langle": ("open", "("),
    "rangle": ("close", ")"), "lfloor": ("open", "floor"), "rfloor": ("close", "floor"),
    "lceil": ("open", "ceil"), "rceil": ("close", "ceil"), "lor": ("sep", "or"), "vee": ("sep", "or"),
    "land": ("sep", "and"), "frac": ("cmd", "frac"), "dfrac": ("cmd", "frac"), "tfrac": ("cmd", "frac"),
    "cfrac": ("cmd", "frac"), "sqrt": ("cmd", "sqrt"), "binom": ("cmd", "binom"),
    "dbinom": ("cmd", "binom"), "tbinom": ("cmd", "binom"),
}  # fmt: skip
OPERATORS: dict[str, Token] = {
    "**": ("op", "^"), "(": ("open", "("), ")": ("close", ")"), "[": ("open", "["), "]": ("close", "]"),
    "{": ("open", "brace"), "}": ("close", "brace"), ",": ("sep", ","), ";": ("sep", ";"),
}  # fmt: skip
#: Words of two or three letters that are prose or units rather than products of variables.
SHORT_WORDS = words(
    "no yes not the is to of for are but cm mm km kg ft mg ml hr hrs sec mph usd per cup day way lbs lb oz cal mol rad"
)
#: Words that can never be part of a unit: they negate, hedge, compare or calculate.
HEDGES = words(
    "or not wrong maybe is no if when where mod times plus minus to power than but correct incorrect "
    "perhaps either any all none undefined infinite true false with without more less most least greater "
    "above below between million billion trillion thousand hundred half"
)
#: Words behind a number that multiply it.
SCALES = {
    "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12, "dozen": 12,
}  # fmt: skip
