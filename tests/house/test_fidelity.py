"""FIDELITY.md: every row of its tables names the tests that prove it, and those tests exist."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "FIDELITY.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows():
    """The rows of every table, without heads and rules, as lists of cells."""
    for table in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE):
        head, rule, *body = table.splitlines()
        assert set(rule) <= set("|-: "), f"no table: {head}"
        for line in body:
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


@cache
def names_in(path):
    tree = ast.parse((ROOT / "tests" / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_every_row_names_its_tests():
    found = list(rows())
    assert len(found) >= 25
    assert not [row[0] for row in found if len(row) != 5 or not NAMED.search(row[-1]) or not all(row)]


def test_the_tests_exist():
    named = {match for row in rows() for match in NAMED.findall(row[-1])}
    assert not [f"{path}::{name}" for path, name in named if not (ROOT / "tests" / path).is_file()]
    assert not [f"{path}::{name}" for path, name in named if name not in names_in(path)]


def test_what_it_mentions_in_the_text_exists():
    for link in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / link).exists(), link
