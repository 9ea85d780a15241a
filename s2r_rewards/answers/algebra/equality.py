"""Tier ``expression``: two expressions are equal when they are identical as functions of their variables.

Decided by exact arithmetic for constants, in a prime field for rational functions, and otherwise to 50 digits and more
at points that nobody knows beforehand (see :mod:`.identity`). Caveat: what is defined at too few points, or differs only
beyond 400 digits, stays undecided (None).
"""

from decimal import Decimal
from fractions import Fraction

from ..numbers.arithmetic import Undefined, same_rational
from ..numbers.estimates import ERROR, estimate
from ..numbers.exact import Exact, as_number, exact_value
from ..numbers.floats import number
from ..policy import CheckPolicy
from ..read import tree
from ..read.lexer import Rounded
from ..read.tree import Node, functions, rebuild, variables
from ..result import Outcome, judged
from .calls import with_named_calls
from .identity import same_constant, same_function, within

_PLAIN_FACTORS = frozenset((tree.Num, tree.Sym, tree.Const))
_DOUBLE = 17  # significant digits of a double
_SIGNIFICANT = 5  # 2.88e-19 has many places, but nobody's machine rounded to it


def decimal_places(node: Node) -> int:
    """Decimal places that a literal was written with; 0 for others."""
    literal = node.inner if isinstance(node, tree.Neg) else node
    if not isinstance(literal, tree.Num):
        return 0
    return literal.value.places if type(literal.value) is Rounded else _places(literal.value) or 0


def _places(value: Fraction) -> int | None:
    """The decimal places of a number, None when they never end."""
    places, below = 0, value.denominator
    if below == 1:
        return 0
    for factor in (10, 2, 5):
        while below % factor == 0:
            places += 1
            below //= factor
    return places if below == 1 else None


_DIFFERENT = Outcome(False, "number", "different exact values")
_ROUNDED_BY = 0.21  # more than what two decimals may be off, whatever their places


def clearly_apart(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome | None:
    """The outcome for two simple constants that no rule of the policy could take for the same; else None."""
    if (first := estimate(answer)) is None or (second := estimate(gold)) is None or policy.relative_tolerance:
        return None
    distance, error = abs(first[0] - second[0]), ERROR * (first[1] + second[1])
    if distance > error + _ROUNDED_BY or (distance > error and distance > error + _last(gold) + _last(answer)):
        return _DIFFERENT
    return None


def _last(node: Node) -> float:
    """What the last digit of a decimal counts, which is more than it was rounded by; 0 for others."""
    places = decimal_places(node)
    return 10.0**-places if places else 0.0


def equal(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    """Whether two expressions are equal; ``gold`` may be a rounded decimal (see ``rounded_places``)."""
    if gold == answer:
        return Outcome(True, "expression", "same expression")
    fixed, names = variables(gold), variables(answer)
    try:
        if not fixed and not names:
            return _constants(gold, answer, policy)
        if not fixed and _plainly_variable(answer) and as_number(gold) is not None:
            return Outcome(False, "expression", "the answer still contains a variable")
        return _functions(gold, answer, fixed | names)
    except Undefined as error:
        return Outcome(False, "expression", f"the answer is undefined: {error}")


def _plainly_variable(node: Node) -> bool:
    if type(node) is tree.Product:
        return _PLAIN_FACTORS.issuperset(map(type, node.parts))
    return type(node) is tree.Sym or type(node) is tree.Call


def _constants(gold: Node, answer: Node, policy: CheckPolicy) -> Outcome:
    left, right = exact_value(gold), exact_value(answer)
    if left is not None and right is not None:
        if left == right:
            return Outcome(True, "number", "same exact value")
        rounded = _may_round(gold, answer, policy)
        if rounded and _rounds_to(gold, answer, left, _as_float(left), _as_float(right), policy):
            return Outcome(True, "number", "equal after rounding")
        return Outcome(False, "number", "different exact values")
    if (same := same_constant(gold, answer)) is not None and same:
        return Outcome(True, "expression", "same value to 50 digits")
    if _may_round(gold, answer, policy) and _rounds_to(
        gold, answer, left, number(gold, {}), number(answer, {}), policy
    ):
        return Outcome(True, "number", "equal after rounding")
    tens = _with_tens(gold), _with_tens(answer)
    if tens != (gold, answer):
        powers = exact_value(tens[0]), exact_value(tens[1])
        if powers[0] is not None and powers[0] == powers[1]:
            return Outcome(True, "number", "same exact value, log to the base of ten")
    return Outcome(False, "expression", "different values" if same is False else "too close or too large to tell apart")


def _with_tens(node: Node) -> Node:
    """``log`` without a base as the logarithm to the base of ten."""
    match node:
        case tree.Function("log", (inner, tree.Const("e"))):
            return tree.Function("log", (inner, tree.Num(Fraction(10))))
    return rebuild(node, _with_tens) if "log" in functions(node) else node


def _may_round(gold: Node, answer: Node, policy: CheckPolicy) -> bool:
    """Whether a side is a decimal, or any number may be off."""
    return bool(policy.relative_tolerance or decimal_places(gold) or decimal_places(answer))


def _rounds_to(gold: Node, answer: Node, exact: Exact | None, x: complex, y: complex, policy: CheckPolicy) -> bool:
    """Whether one of two constants with the values x (``exact``, where it is known) and y is the other, rounded."""
    if policy.relative_tolerance and abs(x - y) <= policy.relative_tolerance * abs(x):
        return True
    places, theirs = decimal_places(gold), decimal_places(answer)
    enough = min(_SIGNIFICANT, policy.rounded_places)
    if policy.rounded_places and places >= policy.rounded_places and _digits(gold, places) >= enough:
        if _digits(gold, places) > _DOUBLE:  # more than a double holds: the last digit counts
            return not 0 < theirs <= places and within(gold, answer, Decimal(5).scaleb(-places - 1))
        slack = 0.5 * 10.0**-places + 2.3e-16 * max(abs(x), abs(y))
        return not 0 < theirs <= places and abs(x - y) <= slack * 1.000001
    if policy.machine_digits and theirs and not places and _digits(answer, theirs) >= policy.machine_digits:
        whole = None if exact is None else exact.rational
        if whole is None or _places(whole) is None:
            return abs(x - y) <= 4e-16 * max(abs(x), abs(y), 1e-300) + 10.0**-theirs
    return False


def _digits(node: Node, places: int) -> int:
    """Significant digits that a decimal literal was written with."""
    literal = node.inner if isinstance(node, tree.Neg) else node
    assert isinstance(literal, tree.Num)
    return len(str(literal.value.numerator * 10**places // literal.value.denominator))


def _as_float(value: Exact) -> complex:
    total: complex = 0
    for (radicand, power, imaginary), part in value.items():
        try:
            size = part.numerator / part.denominator * radicand**0.5 * 3.141592653589793**power
        except OverflowError:
            raise Undefined("out of range") from None
        total += size * 1j if imaginary else size
    return total


def _functions(gold: Node, answer: Node, names: frozenset[str]) -> Outcome:
    gold, answer = with_named_calls(gold, answer)
    if (same := same_rational(gold, answer)) is not None:
        return judged(same, "expression", "identical rational functions", "different functions")
    names = variables(gold) | variables(answer)
    same = same_function(gold, answer, names)
    if same is None:
        return Outcome(None, "expression", "could not be compared at enough points")
    return judged(same, "expression", "equal at all sample points", "different at a sample point")
