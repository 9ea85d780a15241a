"""What counts as equal: every choice a checker has to make, as one frozen set of parameters.

The defaults are strict, because a false positive is what reinforcement learning exploits.
"""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

AnswerKind = Literal["math", "choice", "word", "literal"]


@dataclass(frozen=True, slots=True)
class CheckPolicy:
    """The parameters of a check. Hashable, so that it can key a cache.

    Attributes:
        kind: what the answers are: mathematics, and what stands in its place; "choice": a letter; "word": yes, no, true,
            false, uncertain, or a text; "literal": Python
        order: sets and lists of several answers are unordered, tuples are ordered; "strict": everything is ordered;
            "free": tuples are unordered too
        rounded_places: a decimal *gold* with at least this many places (and five significant digits) also accepts any
            answer that rounds to it; 0 turns this off
        relative_tolerance: accept numbers this close to the gold, relative to it (0: exact)
        machine_digits: an *answer* with this many digits or more may stand for a gold answer that no decimal can write
            out; 0 turns this off
        percent: a percent sign on one side only. "both": the bare number decides, never both ways: below one it is a
            proportion, whose value counts (``1/2`` = ``50 %``), else the sign was left out (``12`` = ``12 %``, ``1`` is no
            ``100 %``); "sign": only a left-out sign; "value": only the value (``1`` = ``100 %``); "strict": neither
        units: "if_given": a unit may be missing on one side, and two units have to agree (``5 km`` = ``5000 m``);
            "ignore": units never matter; "strict": both sides need one, or neither
        letter_case: whether text answers must match in case
        symbolic: integrals, sums, products and limits go to the symbolic worker when it is installed; "never" decides
            without it
        time_limit: seconds of CPU time that a worker process may spend on one check; waiting for a worker, its start and
            a busy machine do not count
        max_length: longer answers are ``malformed`` (in characters)
        max_depth: deeper nesting is not read
        max_items: longer containers are not read
    """

    kind: AnswerKind = "math"
    order: Literal["notation", "strict", "free"] = "notation"
    rounded_places: int = 6
    relative_tolerance: float = 0.0
    machine_digits: int = 15
    percent: Literal["both", "sign", "value", "strict"] = "both"
    units: Literal["if_given", "ignore", "strict"] = "if_given"
    letter_case: bool = False
    symbolic: Literal["auto", "never"] = "auto"
    time_limit: float = 0.8
    max_length: int = 10_000
    max_depth: int = 60
    max_items: int = 2_000

    def __post_init__(self) -> None:
        for field in fields(self):
            value, known = getattr(self, field.name), get_args(field.type)
            if known and value not in known:
                raise ValueError(f"{field.name}={value!r}: expected one of {', '.join(known)}")
        if self.time_limit <= 0:
            raise ValueError(f"time_limit={self.time_limit!r}: expected a positive number of seconds")


DEFAULT_POLICY = CheckPolicy()
_TYPES: dict[str, Any] = {field.name: type(field.default) for field in fields(CheckPolicy)}


def get_policy(policy: CheckPolicy | str | None = None) -> CheckPolicy:
    """The policy that is meant: itself, the default, one of your own, or the default with other parameters.

    Args:
        policy: a policy; None; ``"package.module:OBJECT"``; or ``"order=strict,rounded_places=4"``.

    Raises:
        ValueError: an unknown parameter, a value that it cannot have, or a reference to something else.
    """
    if policy is None or isinstance(policy, CheckPolicy):
        return policy or DEFAULT_POLICY
    if not isinstance(policy, str):
        raise ValueError(f"policy {policy!r}: expected a CheckPolicy or text, found {type(policy).__name__}")
    if ":" in policy and "=" not in policy:
        from s2r_rewards.resolve import load_object

        found = load_object(policy, "policy")
        if not isinstance(found, CheckPolicy):
            raise ValueError(f"policy {policy!r}: expected a CheckPolicy, found {type(found).__name__}")
        return found
    parts = filter(None, (part.strip() for part in policy.split(",")))
    return CheckPolicy(**dict(map(_parameter, parts)))


def _parameter(text: str) -> tuple[str, Any]:
    """``rounded_places=4`` as a name and a value of that parameter's type."""
    name, equals, value = (piece.strip() for piece in text.partition("="))
    if name not in _TYPES or not equals:
        raise ValueError(
            f"unknown policy parameter {text!r}; expected name=value with one of {', '.join(_TYPES)}, "
            "or package.module:object"
        )
    try:
        if _TYPES[name] is bool:
            return name, {"true": True, "false": False}[value.lower()]
        return name, _TYPES[name](value)
    except (KeyError, ValueError):
        raise ValueError(f"policy parameter {name}={value!r}: expected {_TYPES[name].__name__}") from None
