"""Assertions that, when they fail, show the actions next to what was expected of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from textwrap import indent
from typing import Any

from s2r_rewards.testing.shelf import ORACLE, SHELF, Case, Oracle

TOLERANCE = 1e-6


def assert_actions(
    got: Sequence[float],
    expected: Sequence[float],
    case: Case | None = None,
    what: str = "rewards",
    tolerance: float = TOLERANCE,
) -> None:
    """Compare one value per action; the failure is a table of the actions with the wrong rows marked.

    `case` (optional) adds each action's kind and words to the table. Raises AssertionError.
    """
    __tracebackhide__ = True
    values = list(got)
    if len(values) == len(expected) and all(_close(*pair, tolerance) for pair in zip(values, expected, strict=True)):
        return
    steps = case.script.steps if case else ()
    rows = []
    for i in range(max(len(values), len(expected))):
        want = f"{expected[i]:+.4g}" if i < len(expected) else "—"
        have = _number(values[i]) if i < len(values) else "—"
        wrong = i >= min(len(values), len(expected)) or not _close(values[i], expected[i], tolerance)
        kind, words = (steps[i].kind, _shorten(steps[i].body())) if i < len(steps) else ("", "")
        rows.append(f"{'>' if wrong else ' '} {i:>2}  {kind:<6}  {want:>9}  {have:>9}  {words}")
    title = f" of “{case.name}” (gold {case.gold!r})" if case else ""
    count = f"{len(values)} values for {len(expected)} actions; " if len(values) != len(expected) else ""
    head = "   #  kind     expected        got  text\n"
    raise AssertionError(f"{what}{title}: {count}wrong rows are marked >\n{head}" + "\n".join(rows))


def assert_reward_function(
    function: Callable[[str, str], Any], cases: Sequence[Case] = SHELF, tolerance: float = TOLERANCE
) -> None:
    """Run `function(response, gold)` over the shelf and compare with the hand-computed rewards.

    It may return one number (compared with the outcome reward) or one per action. All cases are run; the
    failure lists each one that differs, with its text. Raises AssertionError.
    """
    __tracebackhide__ = True
    failures = []
    for case in cases:
        text = indent(case.text, "    | ", lambda line: True)
        try:
            got = function(case.text, case.gold)
        except Exception as error:
            failures.append(f"“{case.name}” raised {type(error).__name__}: {error}\n{text}")
            continue
        if isinstance(got, Sequence) and not isinstance(got, str):
            try:
                assert_actions(got, case.rewards, case, tolerance=tolerance)
            except AssertionError as error:
                failures.append(str(error))
        elif not _close(got, case.outcome, tolerance):
            expected = f"expected {case.outcome:+g}, got {_number(got)}"
            failures.append(f"outcome of “{case.name}” (gold {case.gold!r}): {expected}\n{text}")
    if failures:
        raise AssertionError(f"{len(failures)} of {len(cases)} cases differ\n\n" + "\n\n".join(failures))


def assert_advantage_function(
    function: Callable[[Sequence[Sequence[float]]], Sequence[Sequence[float]]],
    baseline: str = "context",
    oracle: Oracle = ORACLE,
    tolerance: float = TOLERANCE,
) -> None:
    """Run `function(action_rewards)` on the oracle batch and compare its advantages, [B] tuples of actions.

    `baseline`: "context" (eq. 4 and 5 of arXiv:2502.12853) or "position". Raises AssertionError.
    """
    __tracebackhide__ = True
    tables = {"context": oracle.context_advantages, "position": oracle.position_advantages}
    if baseline not in tables:
        raise ValueError(f"baseline {baseline!r}: expected one of {', '.join(map(repr, tables))}")
    got = list(function(oracle.rewards))
    if len(got) != len(oracle.cases):
        raise AssertionError(f"advantages for {len(got)} trajectories, expected {len(oracle.cases)}")
    for case, values, expected in zip(oracle.cases, got, tables[baseline], strict=True):
        assert_actions(list(values), expected, case, f"{baseline} advantages", tolerance)


def _close(got: Any, expected: float, tolerance: float) -> bool:
    try:
        return math.isclose(float(got), expected, rel_tol=tolerance, abs_tol=tolerance)
    except (TypeError, ValueError):
        return False


def _number(value: Any) -> str:
    try:
        return f"{float(value):+.4g}"
    except (TypeError, ValueError):
        return repr(value)


def _shorten(text: str, width: int = 60) -> str:
    line = " ".join(text.split())
    return line if len(line) <= width else "… " + line[2 - width :]
