"""Table 1 of arXiv:2502.12853: how many examples of which data sets each model was trained on.

The paper prints the size of a mixture alone. [open]: how many problems are of which source, which ones, and in what order.
Here the first source (MATH) goes in whole, problems drawn at random from the second fill the set up to the paper's size,
and the whole is shuffled: a trainer that reads the first so many rows sees both sources.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from s2r_rewards.datasets.collecting import shuffled

Item = TypeVar("Item")


@dataclass(frozen=True)
class Model:
    """One model's rows of table 1."""

    initialization: int
    """Trajectories of behaviour initialisation."""
    prompts: int
    """Prompts of reinforcement learning."""
    sources: Sequence[str]
    """Where they are of, as `s2r_rewards.datasets.problems.SOURCES` names them."""
    published: str
    """The source that reads the authors' own prompts."""


_ROWS = json.loads(Path(__file__).with_name("table1.json").read_text(encoding="utf-8"))
#: Model, as the recipes name it → its rows.
TABLE_1 = {name: Model(**row) for name, row in _ROWS.items()}


class TooManyError(ValueError):
    """The first source alone has more problems than the whole set is to hold."""


def drawn(items: Iterable[Item], number: int, draw: random.Random) -> list[Item]:
    """``number`` of a stream's items, each with the same chance (reservoir sampling); holds no more than those."""
    kept: list[Item] = []
    for seen, item in enumerate(items, 1):
        if len(kept) < number:
            kept.append(item)
        elif (place := draw.randrange(seen)) < number:
            kept[place] = item
    return kept


def mixture(
    parts: Sequence[Iterable[Item]], number: int, first: int | None = None, seed: int = 0
) -> tuple[list[Item], list[int]]:
    """(the set in random order, how many of it are of each part).

    Args:
        parts: the sources in the order of table 1, each read once, one after the other.
        number: the size of the set; smaller where the sources do not hold as many.
        first: how many are of the first part; None: all of it.

    Raises:
        TooManyError: the first part alone is larger than ``number`` and ``first`` does not say how many to take.
    """
    draw = random.Random(seed)
    chosen: list[Item] = []
    sizes: list[int] = []
    for place, part in enumerate(parts):
        if place == 0 and first is None:
            own = list(part)
            if len(own) > number or (len(own) == number and len(parts) > 1):
                raise TooManyError(f"the first source alone has {len(own)} problems, the set is to hold {number}")
        else:
            room = number - len(chosen)
            own = drawn(part, min(room, first) if place == 0 and first is not None else room, draw)
        chosen += own
        sizes.append(len(own))
    return shuffled(chosen, seed), sizes


def differences(model: Model, found: int, sizes: Sequence[int], published: bool = False) -> Iterator[str]:
    """What sets a mixture apart from the paper's, or the authors' ``published`` prompts from table 1, a sentence each."""
    if found != model.prompts:
        word = "fewer" if found < model.prompts else "more"
        yield f"{abs(found - model.prompts)} prompts {word} than the paper's {model.prompts}"
    if published:
        return
    shares = " and ".join(f"{size} of {name}" for name, size in zip(model.sources, sizes, strict=True))
    yield f"the paper prints neither shares ({shares} here) nor which problems it drew"
