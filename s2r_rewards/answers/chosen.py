"""The batch checker that a configuration names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from s2r_rewards.resolve import load_object

from .batch import check_many
from .policy import DEFAULT_POLICY, CheckPolicy
from .result import CheckResult


def get_policy(policy: str | CheckPolicy | None = None) -> CheckPolicy:
    if policy is None:
        return DEFAULT_POLICY
    found = load_object(policy, "policy") if isinstance(policy, str) else policy
    if not isinstance(found, CheckPolicy):
        raise ValueError(f"policy {policy!r} is {type(found).__name__}; expected a CheckPolicy")
    return found


def batch_checker(
    checker: Any = None, policy: Any = None, workers: int = 2
) -> Callable[..., list[CheckResult]]:
    if checker is None:
        return partial(check_many, workers=workers, policy=get_policy(policy))
    found = load_object(checker, "checker") if isinstance(checker, str) else checker
    if not callable(found):
        raise ValueError(f"checker {checker!r} is {type(found).__name__}; expected a function")
    return partial(_each, found)


def _each(check: Any, pairs: Sequence[Any]) -> list[CheckResult]:
    return [check(gold, answer) for gold, answer in pairs]
