"""The syntax tree of an answer: one frozen class for each kind of node, and how to walk it.

Whoever takes a tree apart matches on these classes and ends with ``case _: unreachable(node)``, so that mypy names
every place that a new kind of node would have to be handled in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from operator import attrgetter, is_
from typing import Any, ClassVar, NamedTuple, NoReturn


class _Node:
    """What all nodes have in common: room for what is asked of a whole tree again and again (see :func:`facts`)."""

    __slots__ = ("_facts",)
    below: ClassVar[tuple[Any, ...]] = ()
    bit: ClassVar[int] = 0  # the class in the kinds of Facts
    over: ClassVar[Callable[..., Any]]


@dataclass(frozen=True, slots=True, init=False)
class Num(_Node):
    value: Fraction

    def __init__(self, value: Fraction) -> None:
        _set_value(self, value)


@dataclass(frozen=True, slots=True, init=False)
class _Named(_Node):
    name: str

    def __init__(self, name: str) -> None:
        _set_name(self, name)


class Sym(_Named):
    __slots__ = ()


class Const(_Named):
    """``pi``, ``e``, ``i``, ``inf``, ``reals`` or ``empty``."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, init=False)
class _Several(_Node):
    parts: tuple[Node, ...]

    def __init__(self, parts: tuple[Node, ...]) -> None:
        _set_parts(self, parts)


class Sum(_Several):
    __slots__ = ()


class Product(_Several):
    __slots__ = ()


class Ratio(_Several):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Around(_Node):
    inner: Node


class Neg(_Around):
    __slots__ = ()


class Percent(_Around):
    __slots__ = ()


class Degree(_Around):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unit(_Around):
    text: str


@dataclass(frozen=True, slots=True, init=False)
class _Pair(_Node):
    left: Node
    right: Node

    def __init__(self, left: Node, right: Node) -> None:
        _set_left(self, left)
        _set_right(self, right)


class Quotient(_Pair):
    __slots__ = ()


class Power(_Pair):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class PlusMinus(_Pair):
    """``left ± right``, or ``left ∓ right`` where ``upper`` is false."""

    upper: bool


@dataclass(frozen=True, slots=True)
class SetOperation(_Node):
    """``cup``, ``cap`` or ``setminus`` of two sets."""

    name: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True, init=False)
class Function(_Node):
    """A known function, absolute values, roots and binomials included."""

    name: str
    arguments: tuple[Node, ...]

    def __init__(self, name: str, arguments: tuple[Node, ...]) -> None:
        _set_function(self, name)
        _set_arguments(self, arguments)


@dataclass(frozen=True, slots=True)
class Call(_Node):
    """``f(x)``: the value of an unknown function."""

    name: str
    argument: Node


@dataclass(frozen=True, slots=True)
class Based(_Node):
    """``101_2``: the digits as a decimal number, and the base."""

    digits: Fraction
    base: str


@dataclass(frozen=True, slots=True)
class Relation(_Node):
    """A chain ``sides[0] ops[0] sides[1] ops[1] …`` of ``=``, ``~`` (nearly), ``<``, ``in`` and their like."""

    sides: tuple[Node, ...]
    ops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Items(_Node):
    items: tuple[Node, ...]


class Set(_Items):
    __slots__ = ()


@dataclass(frozen=True, slots=True)
class List(_Items):
    """Several answers without brackets, joined by ``,``, ``and`` or ``or``."""

    joined: str = ","


@dataclass(frozen=True, slots=True)
class Group(_Node):
    """A tuple, an interval or a bracketed value, with its brackets."""

    left: str
    right: str
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Matrix(_Node):
    rows: tuple[tuple[Node, ...], ...]


#: How the most frequent nodes fill their slots; through the dataclass's own way it takes nearly twice as long.
_set_value = Num.__dict__["value"].__set__
_set_name = _Named.__dict__["name"].__set__
_set_parts = _Several.__dict__["parts"].__set__
_set_left, _set_right = (_Pair.__dict__[name].__set__ for name in ("left", "right"))
_set_function, _set_arguments = (Function.__dict__[name].__set__ for name in ("name", "arguments"))

Expression = Num | Sym | Const | Sum | Product | Neg | Quotient | Power | Function | Call
Marked = Percent | Degree | Unit
Container = Relation | Ratio | SetOperation | Group | Set | List | Matrix
Node = Expression | Marked | Based | PlusMinus | Container
LEAVES = frozenset((Num, Sym, Const, Based))


def unreachable(node: NoReturn) -> NoReturn:
    """The end of an exhaustive match."""
    raise AssertionError(f"no case for {node!r}")


#: How to get the nodes directly below, in the order of the text (leaves have none), and the same node over others. Walks
#: are what most time is spent on: these become attributes of the classes, as anything else takes several times as long.
_BELOW: dict[type, tuple[Any, Callable[[Any, tuple[Node, ...]], Any]]] = {
    **dict.fromkeys((Sum, Product, Ratio), (vars(_Several)["parts"], lambda node, new: type(node)(new))),
    **dict.fromkeys((Quotient, Power), (property(attrgetter("left", "right")), lambda node, new: type(node)(*new))),
    **dict.fromkeys((Neg, Percent, Degree), (property(lambda node: (node.inner,)), lambda node, new: type(node)(*new))),
    PlusMinus: (property(attrgetter("left", "right")), lambda node, new: PlusMinus(new[0], new[1], node.upper)),
    SetOperation: (property(attrgetter("left", "right")), lambda node, new: SetOperation(node.name, *new)),
    Unit: (property(lambda node: (node.inner,)), lambda node, new: Unit(new[0], node.text)),
    Set: (vars(Set).get("items", vars(_Items)["items"]), lambda _, new: Set(new)),  # 3.10 has a slot in each
    List: (vars(List).get("items", vars(_Items)["items"]), lambda node, new: List(new, node.joined)),
    Function: (vars(Function)["arguments"], lambda node, new: Function(node.name, new)),
    Group: (vars(Group)["items"], lambda node, new: Group(node.left, node.right, new)),
    Relation: (vars(Relation)["sides"], lambda node, new: Relation(new, node.ops)),
    Call: (property(lambda node: (node.argument,)), lambda node, new: Call(node.name, *new)),
    Matrix: (property(lambda node: tuple(chain(*node.rows))), lambda node, new: _matrix(node, new)),
}
for _kind, (_below, _over) in _BELOW.items():
    setattr(_kind, "below", _below)  # noqa: B010
    setattr(_kind, "over", _over)  # noqa: B010


def _matrix(node: Matrix, cells: tuple[Node, ...]) -> Matrix:
    rest = iter(cells)
    return Matrix(tuple([tuple([next(rest) for _ in row]) for row in node.rows]))


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order of the text."""
    return node.below


def descendants(node: Node, without: tuple[type, ...] = ()) -> list[Node]:
    """The node and everything below it, except below nodes of the classes ``without``."""
    found = [node]
    if without:
        for current in found:
            if type(current) not in without:
                found += current.below
    else:
        for current in found:
            found += current.below
    return found


class Facts(NamedTuple):
    """What occurs in a tree: classes of nodes (one bit each), and the names of variables, functions and constants."""

    kinds: int
    variables: frozenset[str]
    functions: frozenset[str]
    constants: frozenset[str]


def facts(node: Node) -> Facts:
    """What occurs in a tree; found in one walk, and kept with the node."""
    try:
        found: Facts = _kept(node)
    except AttributeError:
        found = keep_facts(node)
    return found


def keep_facts(node: Node) -> Facts:
    """The :func:`facts` of a new tree, for which they need not be looked for first."""
    kinds = 0
    parts: list[Any] = [node]
    variables: list[str] = []
    for part in parts:
        bit = part.bit
        kinds |= bit
        if bit <= _CONST:
            if bit == _SYM:
                variables.append(part.name)
        elif bit <= _LAST_PAIR:
            parts += (part.left, part.right)
        else:
            parts += part.below
    if kinds & _CALL:
        variables += _names(parts, _CALL)
    functions = _names(parts, _FUNCTION) if kinds & _FUNCTION else _NONE
    constants = _names(parts, _CONST) if kinds & _CONST else _NONE
    found = _make(Facts, (kinds, frozenset(variables) if variables else _NONE, functions, constants))
    _keep(node, found)
    return found


def _names(parts: list[Any], bit: int) -> frozenset[str]:
    return frozenset([part.name for part in parts if part.bit == bit])


_NONE: frozenset[str] = frozenset()
_kept, _keep = _Node.__dict__["_facts"].__get__, _Node.__dict__["_facts"].__set__
_make: Callable[[type[Facts], tuple[Any, ...]], Facts] = tuple.__new__  # takes a third of what Facts(...) does
#: Leaves have the lowest bits, and then come nodes above a left and a right one.
for _place, _kind in enumerate(dict.fromkeys((Num, Based, Sym, Const, Quotient, Power, PlusMinus, *_BELOW))):
    setattr(_kind, "bit", 1 << _place)  # noqa: B010
_SYM, _CONST, _CALL, _FUNCTION, _LAST_PAIR = Sym.bit, Const.bit, Call.bit, Function.bit, PlusMinus.bit


def contains(node: Node, kind: type[_Node]) -> bool:
    """Whether a node of a class stands anywhere in a tree."""
    return facts(node).kinds & kind.bit != 0


def kinds_of(*kinds: type[_Node]) -> int:
    """Classes of nodes as :class:`Facts` has them."""
    return sum(kind.bit for kind in kinds)


def rebuild(node: Node, change: Callable[[Node], Node]) -> Node:
    """The same node over changed children; the node itself where none changes."""
    below = node.below
    new = tuple([change(child) for child in below])
    return node if all(map(is_, below, new)) else node.over(new)


def variables(node: Node) -> frozenset[str]:
    """Names of the free variables and of the unknown functions."""
    return facts(node).variables


def functions(node: Node) -> frozenset[str]:
    """Names of the known functions."""
    return facts(node).functions


def constants(node: Node) -> frozenset[str]:
    """Names of the constants."""
    return facts(node).constants


def replaced(node: Node, name: str, by: Node) -> Node:
    """The tree with something else for a variable."""
    if name not in variables(node):
        return node
    return by if type(node) is Sym else rebuild(node, lambda child: replaced(child, name, by))
