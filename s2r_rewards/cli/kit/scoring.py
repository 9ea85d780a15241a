"""--method, --rewards, --baseline, --grammar, --policy, --checker, --judge, --workers: by name, or anybody's own by reference."""

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import click

from s2r_rewards.adapter import Options, resolve_checker, resolve_method
from s2r_rewards.adapter.options import checker_version
from s2r_rewards.answers import CheckResult
from s2r_rewards.baselines import BASELINES
from s2r_rewards.cli.kit.commands import Function, bundle
from s2r_rewards.cli.kit.options import WORKERS
from s2r_rewards.cli.kit.show import Progress
from s2r_rewards.grammar import GRAMMARS, Grammar
from s2r_rewards.judging import BatchChecker
from s2r_rewards.methods import METHODS, Method
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts, trajectory_of
from s2r_rewards.tokens import token_spans
from s2r_rewards.trajectory import Span

CHECKS_AT_ONCE = 4_000
PIECE, PIECE_CHARS = 4_096, 2**25
"""What is held of a stream: rollouts, and their characters."""
OWN = "or your own as package.module:object"


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
        return checker_version(self.options)

    def settings(self) -> dict[str, Any]:
        """What scores depend on, for runs that go on where an earlier one stopped."""
        names = ("method", "rewards", "baseline", "grammar", "policy", "judge")
        return {**{name: getattr(self.options, name) for name in names}, "checker": self.checker}

    def batches(self, parts: Sequence[Sequence[Rollout]], tokenizer: Any = None) -> Iterator[list[Rollout]]:
        """Scores one batch after the other, showing how many rollouts are done.

        Args:
            tokenizer: makes that the token span of each action is stored along.
        """
        with Progress("scoring", sum(map(len, parts))) as bar:
            for part in parts:
                check = partial(self._check, advance=bar.advance, size=len(part))
                spans = spans_of(part, self.method.grammar, tokenizer) if tokenizer else None
                yield score_rollouts(part, self.method, check, spans, self.checker)

    def stream(self, rollouts: Iterable[Rollout]) -> Iterator[Rollout]:
        """The rollouts scored, one after the other; scored ones as they are where nothing else is asked for.

        A piece of them is held at a time; what is taken over a batch (baselines, advantages) is over such a piece.
        """
        for piece in pieces(rollouts):
            wanted = [rollout for rollout in piece if self.asked or rollout.s2r is None]
            scored = iter(score_rollouts(wanted, self.method, self.checker_many, None, self.checker) if wanted else ())
            yield from (next(scored) if self.asked or rollout.s2r is None else rollout for rollout in piece)

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

    helps = {
        "--method": f"Rewards, baseline and grammar: {', '.join(METHODS)}, {OWN}. [default: {method}]",
        "--rewards": "Rewards of the actions: package.module:function. [default: the method's]",
        "--baseline": f"What rewards are compared with: {', '.join(BASELINES)}, {OWN}. [default: the method's]",
        "--grammar": f"How responses are parsed: {', '.join(GRAMMARS)}, {OWN}. [default: the method's]",
        "--policy": "What counts as equal: order=strict,units=ignore …, or package.module:object.",
        "--checker": "Another checker: package.module:function, (gold, answer) → CheckResult.",
        "--judge": "A language model for what rules leave open: url=http://…/v1,model=NAME,budget=1000,cache=FILE …",
    }
    options = [click.Option([flag], metavar="NAME", help=text) for flag, text in helps.items()]
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


def pieces(rollouts: Iterable[Rollout]) -> Iterator[list[Rollout]]:
    """Cut so that a piece has at most PIECE rollouts, and no more than one beyond PIECE_CHARS characters."""
    piece: list[Rollout] = []
    length = 0
    for rollout in rollouts:
        piece.append(rollout)
        length += len(rollout.response) + len(rollout.prompt)
        if len(piece) >= PIECE or length > PIECE_CHARS:
            yield piece
            piece, length = [], 0
    if piece:
        yield piece


def load_tokenizer(name: str) -> Any:
    """A tokenizer by path or name, through transformers."""
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        raise ImportError("--tokenizer needs transformers: pip install transformers") from error
    return AutoTokenizer.from_pretrained(name)


def spans_of(rollouts: Sequence[Rollout], grammar: str | Grammar, tokenizer: Any) -> list[tuple[Span, ...]]:
    """Per rollout the token span of each action; nothing where it has no token ids.

    Raises ValueError where ids and text disagree: then it is not the tokenizer of these rollouts.
    """
    spans: list[tuple[Span, ...]] = []
    for number, rollout in enumerate(rollouts, 1):
        if rollout.token_ids is None:
            spans.append(())
            continue
        ids = list(rollout.token_ids)
        fits = (s for s in (False, True) if tokenizer.decode(ids, skip_special_tokens=s) == rollout.response)
        skip = next(fits, None)
        if skip is None:
            raise ValueError(
                f"rollout {number} of the batch (problem {rollout.problem_id!r}): its token ids decode to another text "
                "than its response; give the tokenizer that it was sampled with, or leave --tokenizer away"
            )
        actions = [(a.start, a.end) for a in trajectory_of(rollout, grammar).actions]
        spans.append(token_spans(ids, tokenizer, actions, skip_special_tokens=skip))
    return spans
