"""Stage 0, the "base language model": plain solutions and division drills, no verdict, no retry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..data import task
from ..data.tokenizer import END_TEXT, encode
from ..learn.model import new_model
from ..learn.training import Document, train
from .evaluate import finish

if TYPE_CHECKING:
    import numpy as np

    from ..context import Context


def solution(problem: task.Problem) -> Document:
    response = encode((*task.attempt(problem.prime), END_TEXT))
    return Document(encode(problem.prompt), response, [1] * len(response))


def drill(problem: task.Problem, candidates: int, rng: np.random.Generator) -> Document:
    """Several different primes, each with its division; learned are the divisions and what has not been proposed yet.

    Random blank lines keep the skill from depending on absolute positions.
    """
    pieces: list[str] = []
    mask: list[int] = []
    for prime in rng.permutation(task.PRIMES)[:candidates].tolist():
        before, between, after = rng.integers(0, 3, size=3).tolist()
        lead = (*[task.BREAK] * before, *task.attempt(prime), *[task.BREAK] * between, task.DIVISION)
        steps = task.division(problem.number, prime)
        pieces += (*lead, *steps, *[task.BREAK] * after)
        # The first candidate is random and teaches nothing; a later one teaches not to repeat.
        mask += [int(bool(mask) and piece == task.BOXES[prime]) for piece in lead]
        mask += [1] * len(steps) + [0] * after
    return Document(encode(problem.prompt), encode(tuple(pieces)), mask)


def run(context: Context) -> None:
    settings, rng = context.config.base, context.rng
    model = new_model(context.config.model, context.config.seed)

    def batches() -> Iterator[list[list[Document]]]:
        for _ in range(settings.steps):
            drilled = task.sample_problems(settings.batch, rng)
            solved = task.sample_problems(settings.batch, rng)
            # Short documents teach the division, long ones carry it to late positions.
            count = int(rng.integers(2, settings.candidates + 1))
            yield [[drill(p, count, rng) for p in drilled], [solution(p) for p in solved]]

    train(model, batches(), settings.steps, settings.lr, context.log(settings.steps))
    finish(context, model)
