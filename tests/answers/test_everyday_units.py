"""Everyday units are converted as pint converts them, but without loading it."""

from __future__ import annotations

import subprocess
import sys
from fractions import Fraction
from itertools import product

import pytest

from s2r_rewards.answers.tiers import units


def test_pint_says_the_same(monkeypatch):
    pytest.importorskip("pint")
    names = list(units._EVERYDAY)
    asked = [(((one, power),), ((other, of_other),)) for one, other in product(names, names)
             for power, of_other in ((1, 1), (2, 2), (-1, -1), (3, 1))]  # fmt: skip
    asked += [((("km", 1), ("hour", -1)), (("m", 1), ("second", -1))), ((("g", 1), ("ml", -1)), (("kg", 1), ("m", -3)))]
    ours = [units.conversion.__wrapped__(*pair) for pair in asked]
    assert Fraction(5, 18) in ours
    assert ours[-1] == 1000
    monkeypatch.setattr(units, "_EVERYDAY", {})
    assert ours == [units.conversion.__wrapped__(*pair) for pair in asked]


def test_pint_is_not_loaded_for_them():
    code = """
import sys
from s2r_rewards.answers import check
assert check("5 km", "5000 m") and check("204 min", "3 h 24 min") and not check("90 km/h", "25.1 m/s")
assert "pint" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
