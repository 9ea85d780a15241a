"""pytest plugin, loaded through the `pytest11` entry point once s2r-rewards is installed.

Fixtures: `s2r_solve` (builder), `s2r_shelf` (cases), `s2r_oracle` (hand-computed batch) and
`s2r_case` (parametrised: the test runs once for every case of the shelf).
Imports stay inside the fixtures, so that an installed plugin costs nothing to a test suite that uses none.
"""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture(scope="session")
def s2r_solve() -> Any:
    """The builder: `s2r_solve("4").verify("incorrect").solve("5").verify("correct").text()`."""
    from s2r_rewards.testing.builders import solve

    return solve


@pytest.fixture(scope="session")
def s2r_shelf() -> Any:
    """Trajectories with gold answers, hand-computed rewards and named deviations."""
    from s2r_rewards.testing.shelf import SHELF

    return SHELF


@pytest.fixture(scope="session")
def s2r_oracle() -> Any:
    """Five trajectories with every baseline, advantage and metric computed by hand."""
    from s2r_rewards.testing.shelf import ORACLE

    return ORACLE


def pytest_generate_tests(metafunc: Any) -> None:
    """Run a test that asks for `s2r_case` once per case of the shelf."""
    if "s2r_case" in metafunc.fixturenames:
        from s2r_rewards.testing.shelf import SHELF

        metafunc.parametrize("s2r_case", SHELF, ids=[case.name.replace(" ", "-") for case in SHELF])
