"""Matrices with numbers before, below and above them: multiples, transposes and determinants as what they are worth."""

from fractions import Fraction

from . import tree
from .tree import Node, contains, rebuild

_LARGEST = 4
Rows = tuple[tuple[Node, ...], ...]


def worked_out(node: Node) -> Node:
    """The tree with multiples and transposes of matrices, and determinants, in place of their signs."""
    if not contains(node, tree.Matrix):
        return node
    return _work_out(node)


def _work_out(node: Node) -> Node:
    if not isinstance(node, tree.Matrix):
        node = rebuild(node, _work_out)
    match node:
        case tree.Neg(tree.Matrix(rows)):
            return _each(rows, tree.Num(Fraction(-1)))
        case tree.Quotient(tree.Matrix(rows), below) if not isinstance(below, tree.Matrix):
            return _each(rows, tree.Quotient(tree.Num(Fraction(1)), below))
        case tree.Product(factors):
            matrices = [factor for factor in factors if isinstance(factor, tree.Matrix)]
            rest = tuple(factor for factor in factors if not isinstance(factor, tree.Matrix))
            if len(matrices) == 1 and rest:
                return _each(matrices[0].rows, tree.Product(rest) if len(rest) > 1 else rest[0])
        case tree.Power(tree.Matrix(rows), tree.Sym("T") | tree.Sym("top")):
            return tree.Matrix(tuple(zip(*rows, strict=True)))
        case tree.Function("det" | "abs", (tree.Matrix(rows),)) if len(rows) == len(rows[0]) <= _LARGEST:
            return _determinant(rows)
    return node


def _each(rows: Rows, factor: Node) -> Node:
    return tree.Matrix(tuple(tuple(tree.Product((factor, cell)) for cell in row) for row in rows))


def _determinant(rows: Rows) -> Node:
    """By the first row."""
    if len(rows) == 1:
        return rows[0][0]
    terms: list[Node] = []
    for column, cell in enumerate(rows[0]):
        minor = _determinant(tuple(row[:column] + row[column + 1 :] for row in rows[1:]))
        term = tree.Product((cell, minor))
        terms.append(tree.Neg(term) if column % 2 else term)
    return tree.Sum(tuple(terms))
