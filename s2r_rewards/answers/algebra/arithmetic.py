"""The one walk that gives an expression a value, for every kind of number that it can be worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Generic, TypeVar

from ..read.nodes import (
    Based,
    Call,
    Const,
    Degree,
    Function,
    Group,
    List,
    Marked,
    Matrix,
    Neg,
    Node,
    Num,
    Percent,
    PlusMinus,
    Power,
    Product,
    Quotient,
    Ratio,
    Relation,
    Set,
    SetOperation,
    Sum,
    Sym,
    Unit,
    unreachable,
)

V = TypeVar("V")
HUNDRED = Fraction(100)


class Undefined(Exception):
    """The expression has no finite value (a division by zero, the logarithm of zero)."""


class Arithmetic(ABC, Generic[V]):
    """Values of one kind and what can be done to them; every method may raise :class:`Undefined`."""

    def value(self, node: Node) -> V:
        """The value of an expression."""
        match node:
            case Num(number):
                return self.number(number)
            case Sym(name):
                return self.variable(name)
            case Product(factors):
                return self.multiply([self.value(factor) for factor in factors])
            case Sum(terms):
                return self.add([self.value(term) for term in terms])
            case Neg(inner):
                return self.negate(self.value(inner))
            case Quotient(top, below):
                return self.divide(self.value(top), self.value(below))
            case Power(base, exponent):
                return self.power(self.value(base), exponent)
            case Function(name, arguments):
                return self.function(name, [self.value(argument) for argument in arguments])
            case Const(name):
                return self.constant(name)
            case Call(name, argument):
                return self.multiply([self.variable(name), self.value(argument)])
            case Percent() | Degree() | Unit():
                return self.marked(node)
            case SetOperation():
                raise Undefined("a union has no value")
            case Based() | PlusMinus() | Relation() | Ratio() | Group() | Set() | List() | Matrix():
                raise Undefined(f"a {type(node).__name__.lower()} has no value")
            case _:
                unreachable(node)

    def marked(self, node: Marked) -> V:
        """A hundredth of what has a percent sign; units and degree signs are passed over."""
        inner = self.value(node.inner)
        return self.divide(inner, self.number(HUNDRED)) if isinstance(node, Percent) else inner

    @abstractmethod
    def number(self, value: Fraction) -> V: ...

    @abstractmethod
    def constant(self, name: str) -> V: ...

    @abstractmethod
    def variable(self, name: str) -> V: ...

    @abstractmethod
    def add(self, values: list[V]) -> V: ...

    @abstractmethod
    def multiply(self, values: list[V]) -> V: ...

    @abstractmethod
    def negate(self, value: V) -> V: ...

    @abstractmethod
    def divide(self, top: V, below: V) -> V: ...

    @abstractmethod
    def power(self, base: V, exponent: Node) -> V: ...

    @abstractmethod
    def function(self, name: str, values: list[V]) -> V: ...
