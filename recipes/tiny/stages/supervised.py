"""Next-token training: the base model (stage 0), behaviour initialisation (stage 2), and its control, plain SFT."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from s2r_rewards import parse
from s2r_rewards.losses import sft_mask
from s2r_rewards.tokens import token_spans

from ..context import Context
from ..data import task
from ..learn.model import Document, train


def solution(problem: task.Problem) -> Document:
    response = task.encode((*task.attempt(problem.prime), task.END_TEXT))
    return Document(task.encode(problem.prompt), response, [1] * len(response))


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
    return Document(task.encode(problem.prompt), task.encode(pieces), mask)


def base(context: Context) -> None:
    """The "base language model": plain solutions and division drills, no verdict, no retry."""
    task.held_out_problems(context.config.evaluation.problems)  # too many: better now than after the training
    settings, rng = context.config.base, context.rng
    model = context.new_model()
    problems = task.Problems(rng)

    def batches() -> Iterator[list[list[Document]]]:
        for _ in range(settings.steps):
            drilled = problems.draw(settings.batch)
            solved = problems.draw(settings.batch)
            # Short documents teach the division, long ones carry it to late positions.
            count = int(rng.integers(2, settings.candidates + 1))
            yield [[drill(p, count, rng) for p in drilled], [solution(p) for p in solved]]

    train(model, batches(), settings.steps, settings.lr, context.log(settings.steps))
    context.finish(model)


def sft(context: Context) -> None:
    """On data/bi.jsonl with the loss mask of eq. 1, or on data/plain.jsonl."""
    settings = context.config.sft
    lines = context.folder.documents(context.stage).read_text().splitlines()
    documents = [document(json.loads(line)) for line in lines]
    order = np.concatenate([context.rng.permutation(len(documents)) for _ in range(settings.epochs)])
    starts = range(0, len(order) - settings.batch + 1, settings.batch)  # a last incomplete batch is left out
    batches = [[[documents[i] for i in order[start : start + settings.batch]]] for start in starts]
    model = context.load("base")
    reference = context.load("base").eval() if settings.kl else None
    train(model, batches, len(batches), settings.lr, context.log(len(batches)), reference, settings.kl)
    context.finish(model)


def document(row: dict[str, Any]) -> Document:
    """Tokens of one training trajectory; earlier (wrong) attempts are context, everything else is learned."""
    text = "".join(segment["text"] for segment in row["segments"]) + task.END_TEXT
    trajectory = parse(text)
    ids = task.tokenizer().encode(text)
    spans = token_spans(ids, task.tokenizer(), [(a.start, a.end) for a in trajectory.actions])
    mask = sft_mask(trajectory, spans, len(ids)).int().tolist()
    return Document(task.tokenizer().encode(row["prompt"]), ids, mask)
