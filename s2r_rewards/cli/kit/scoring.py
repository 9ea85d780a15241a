"""--method, --rewards, --baseline, --grammar, --policy, --checker, --workers: by name, or anybody's own by reference."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any

import click

from s2r_rewards.adapter import Options, resolve_checker, resolve_method
from s2r_rewards.answers import CHECKER_VERSION, CheckResult
from s2r_rewards.baselines import BASELINES
from s2r_rewards.cli.kit.commands import Function, bundle
from s2r_rewards.cli.kit.options import WORKERS
from s2r_rewards.cli.kit.show import Progress
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.judging import BatchChecker
from s2r_rewards.methods import METHODS, Method
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.trajectory import Span

CHECKS_AT_ONCE = 4_000
OWN = "or your own as package.module:object"
Spans = Callable[[Sequence[Rollout]], Sequence[Sequence[Span]]]


@dataclass(frozen=True)
class Scoring:
    """How a command scores: the options, and which of them were asked for."""

    options: Options
    asked: frozenset[str]

    @property
    def method(self) -> Method:
        return resolve_method(self.options)

    @property
    def checker_many(self) -> BatchChecker:
        return resolve_checker(self.options)

    @property
    def checker(self) -> str:
        """What records name as their checker."""
        return self.options.checker or CHECKER_VERSION

    def settings(self) -> dict[str, Any]:
        """What scores depend on, for runs that go on where an earlier one stopped."""
        names = ("method", "rewards", "baseline", "grammar", "policy")
        return {**{name: getattr(self.options, name) for name in names}, "checker": self.checker}

    def batches(self, parts: Sequence[Sequence[Rollout]], spans: Spans | None = None) -> Iterator[list[Rollout]]:
        """Scores one batch after the other, showing how many rollouts are done.

        Args:
            spans: rollouts → the token span of each of their actions, to be stored along.
        """
        with Progress("scoring", sum(map(len, parts))) as bar:
            for part in parts:
                check = partial(self._check, advance=bar.advance, size=len(part))
                yield score_rollouts(part, self.method, check, spans(part) if spans else None, self.checker)

    def all(self, rollouts: Sequence[Rollout]) -> list[Rollout]:
        """The rollouts scored by step; as they are where all are scored and nothing else is asked for."""
        if not self.asked and all(rollout.s2r for rollout in rollouts):
            return list(rollouts)
        return [one for part in self.batches(cut(without_score(rollouts), "step")) for one in part]

    def _check(self, pairs: Sequence[Any], advance: Callable[[float], None], size: int) -> list[CheckResult]:
        """The batch checker in pieces, each different pair once, so that a long batch shows how far it is."""
        different = list(dict.fromkeys(pairs))
        results: dict[Any, CheckResult] = {}
        for i in range(0, len(different), CHECKS_AT_ONCE):
            piece = different[i : i + CHECKS_AT_ONCE]
            results.update(zip(piece, self.checker_many(piece), strict=True))
            advance(size * len(piece) / len(different))
        if not different:
            advance(size)
        return [results[pair] for pair in pairs]


def scoring_options(method: str = "s2r-prl") -> Callable[[Function], Function]:
    """The options, as the command's argument ``scoring``; ``method`` is the default one.

    Every name is looked up before the command starts. Modules in the working directory can be named.
    """

    def make(workers: int, **given: str | None) -> Scoring:
        if os.getcwd() not in sys.path:
            sys.path.append(os.getcwd())
        asked = {name: value for name, value in given.items() if value is not None}
        options = Options(**{"method": method, **asked}, workers=workers)  # type: ignore[arg-type]
        options.check()
        return Scoring(options, frozenset(asked))

    names: dict[str, Iterable[str]] = {"--grammar": GRAMMARS, "--baseline": BASELINES, "--method": METHODS}
    helps = {
        "--method": f"Rewards, baseline and grammar: {{}}, {OWN}. [default: {method}]",
        "--rewards": "Rewards of the actions: package.module:function. [default: the method's]",
        "--baseline": f"What rewards are compared with: {{}}, {OWN}. [default: the method's]",
        "--grammar": f"How responses are parsed: {{}}, {OWN}. [default: the method's]",
        "--policy": "What counts as equal: order=strict,units=ignore …, or package.module:object.",
        "--checker": "Another checker: package.module:function, (gold, answer) → CheckResult.",
    }
    options = [
        click.Option([flag], metavar="NAME", help=text.format(", ".join(names.get(flag, ()))))
        for flag, text in helps.items()
    ]
    return bundle("scoring", make, *options, WORKERS)


def cut(rollouts: Sequence[Rollout], size: str) -> list[list[Rollout]]:
    """Cut into the batches over which baselines are taken: by `step`, `all` at once, or so many at a time."""
    if size == "all":
        return [list(rollouts)]
    if size == "step":
        return [list(group) for _, group in groupby(rollouts, key=lambda rollout: rollout.step)]
    if not re.fullmatch(r"[1-9]\d*", size):
        raise click.BadParameter(f"{size!r}: expected 'step', 'all' or a number", param_hint="--batch")
    n = int(size)
    return [list(rollouts[i : i + n]) for i in range(0, len(rollouts), n)]


def without_score(rollouts: Sequence[Rollout]) -> list[Rollout]:
    """The rollouts as they were before scoring."""
    return [replace(rollout, s2r=None) for rollout in rollouts]
