"""Expected gradients of every method, exactly, where the policy itself decides when to stop.

The toy: an attempt is right with probability p = σ(a), a verdict is true with probability q = σ(f); the response ends
after the verdict "correct", or after K attempts. N responses answer one prompt. Every batch is enumerated, its
advantages come from the library, and the expectation of 1/N Σ A_t ∇ log π(a_t) over (a, f) is set beside the gradient of
what the method claims to maximise. Fractions where the advantages are fractions.

    python benchmarks/bias.py                          # p = q = 3/4, K = 2, N = 3 (docs/bias.md), and longer ones
    python benchmarks/bias.py --p 9/10 --attempts 3 --responses 2 --picture bias.svg
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from bias_toy import Gradient, Number, Toy, exactly, expected, judged
from kit import arguments, publish, table

from s2r_rewards import Method, get_method
from s2r_rewards.baselines import Deviation, accuracy_baseline, none, position, prompt_mean, reward_context
from s2r_rewards.baselines.base import Values
from s2r_rewards.baselines.position import position_keys
from s2r_rewards.baselines.reward_context import context_keys
from s2r_rewards.methods import METHODS
from s2r_rewards.methods.later.return_to_go import to_go
from s2r_rewards.methods.outcome.gdpo import components
from s2r_rewards.rewards import unit_rewards
from s2r_rewards.scored import ScoredRollout


def gradient_of(method: Method, toy: Toy = Toy(), responses: int = 3) -> Gradient:
    """The expected gradient of a method on N responses of one prompt."""
    return expected(toy, method.advantages, method.score, responses, ordered=method.running)


Claim = Callable[[ScoredRollout], Sequence[float]]
"""What a method credits every action of a response with, before any baseline"""


def own(item: ScoredRollout) -> Sequence[float]:
    """own reward: M of docs/bias.md."""
    return item.rewards


def total(item: ScoredRollout) -> Sequence[float]:
    """Σ R: ∇J of docs/bias.md."""
    return (sum(item.rewards),) * len(item.rewards)


def outcome(item: ScoredRollout) -> Sequence[float]:
    """outcome: of the response."""
    return (item.outcome,) * len(item.rewards)


def best(item: ScoredRollout) -> Sequence[float]:
    """Whether any attempt is right."""
    return (max(item.rewards[::2]),) * len(item.rewards)


def first_and_last(item: ScoredRollout) -> Sequence[float]:
    """The first attempt's reward and the outcome."""
    return (item.rewards[0] + item.outcome,) * len(item.rewards)


def both_components(item: ScoredRollout) -> Sequence[float]:
    """The last attempt, and the share of true verdicts."""
    return (sum(components(item)),) * len(item.rewards)


def episode_and_step(item: ScoredRollout) -> Sequence[float]:
    """The sum of the response's rewards, and what an action and its successors earn, discounted."""
    return tuple(sum(item.rewards) + g for g in to_go(item.rewards, 0.95))


CLAIMS: dict[str, tuple[str, Claim]] = {
    **dict.fromkeys(("s2r-prl", "released-prl", "pag", "score", "rise", "self-verify", "rae"), ("own reward", own)),
    **dict.fromkeys(
        ("s2r-orl", "released-orl", "self-rewarding", "deepseek-v2", "critique-grpo", "dr-grpo", "maxrl"),
        ("outcome", outcome),
    ),
    "gdpo": ("last answer + share of true verdicts", both_components),
    "return-to-go": ("Σ R", total),
    "cal": ("any attempt right", best),
    "gigpo": ("Σ R, and its discounted rest", episode_and_step),
    "mt-grpo": ("first attempt + outcome", first_and_last),
}
"""What each online method claims to maximise. Offline methods: :func:`offline`."""


def claimed(method: Method, claim: Claim, toy: Toy = Toy()) -> Gradient:
    """The gradient of what a method claims to maximise."""
    return expected(toy, lambda batch: tuple(tuple(claim(item)) for item in batch), method.score, 1)


# The table of the page: estimators that are no method of the library.


def _others_or_nothing(batch: Sequence[ScoredRollout], prompts: Sequence[object]) -> Values:
    """Context leave-one-out, where an action with nobody to compare with has *advantage* 0."""
    rewards = [item.rewards for item in batch]
    counts = Counter(key for row in rewards for key in context_keys(row, None))
    baselines = reward_context(rewards, leave_one_out=True)
    return tuple(
        tuple(r - b if counts[key] > 1 else 0.0 for r, b, key in zip(row, base, context_keys(row, None), strict=True))
        for row, base in zip(rewards, baselines, strict=True)
    )


def _aggregated(
    batch: Sequence[ScoredRollout], prompts: Sequence[object], absent: bool = False, grpo: bool = False
) -> Values:
    """Σ_{k≥t} (R_k − μ_k) over a response's own turns, μ_k of the others that reached turn k (verl#7244).

    ``absent``: turns that a response does not have count as 0, and every response is compared at every turn.
    ``grpo``: μ and σ (population) of all that reached the turn.
    """
    rewards: list[tuple[float, ...]] = [item.rewards for item in batch]
    lengths = [len(row) for row in rewards]
    if absent:
        rewards = [(*row, *(0.0,) * (max(lengths) - len(row))) for row in rewards]
    centred = PER_TURN.advantages(batch) if grpo else _centred(rewards)
    return tuple(to_go(row)[:length] for row, length in zip(centred, lengths, strict=True))


def _centred(rewards: Sequence[Sequence[float]]) -> Values:
    found = position(rewards, leave_one_out=True)
    return tuple(tuple(r - b for r, b in zip(*rows, strict=True)) for rows in zip(rewards, found, strict=True))


_PRL, _ORL = get_method("s2r-prl"), get_method("s2r-orl")
_LOO = reward_context.with_settings(leave_one_out=True)
PER_TURN = replace(_PRL, baseline=position, scale=Deviation("turn", position_keys, population=True))
_GO = get_method("return-to-go")

ESTIMATORS: dict[str, tuple[Method, Claim]] = {
    "own reward, no baseline": (replace(_PRL, baseline=none), own),
    "own reward, context leave-one-out": (replace(_PRL, baseline=_LOO), own),
    "own reward, position leave-one-out": (replace(_PRL, baseline=position.with_settings(leave_one_out=True)), own),
    "Eq. 4: context mean, itself included": (_PRL, own),
    "context leave-one-out, alone: advantage 0": (replace(_PRL, estimator=_others_or_nothing), own),
    "position mean, itself included": (replace(_PRL, baseline=position), own),
    "GRPO by turn": (PER_TURN, own),
    "GRPO by turn, aggregated": (replace(_PRL, estimator=partial(_aggregated, grpo=True)), total),
    "return-to-go, context leave-one-out": (_GO, total),
    "return-to-go, position leave-one-out": (replace(_GO, baseline=position.with_settings(leave_one_out=True)), total),
    "centred by turn, aggregated (verl#7244)": (replace(_PRL, estimator=_aggregated), total),
    "the same, absent turns 0, compared at every turn": (
        replace(_PRL, estimator=partial(_aggregated, absent=True)),
        total,
    ),
    "return-to-go, rewards 0 and 1": (replace(_GO, rewards=unit_rewards), total),
    "outcome ±1, leave-one-out": (_ORL, outcome),
    "outcome ±1, mean with itself": (replace(_ORL, baseline=prompt_mean), outcome),
}


def by_length(method: Method, toy: Toy, responses: int, constant: float | None = None) -> Gradient:
    """As :func:`gradient_of` with Eq. 6's 1/|y|_a in front of a response; ``constant``: every advantage is that."""

    def advantages(batch: list[ScoredRollout]) -> Values:
        rows = method.advantages(batch) if constant is None else [(constant,) * len(item.rewards) for item in batch]
        return tuple(tuple(a / len(row) for a in row) for row in rows)

    return expected(toy, advantages, method.score, responses)


def offline(toy: Toy, samples: int, by: str = "position", others: bool = False) -> Gradient:
    """Accuracy-group baselines over infinitely many such prompts of ``samples`` responses each.

    ``others``: the accuracy is that of the prompt's other responses.
    """
    keys = accuracy_baseline(by).keys
    known = [(_PRL.score(judged(pairs)), weight, toy.scores(pairs)) for pairs, weight in toy.responses()]
    sums: dict[object, list[Fraction]] = defaultdict(lambda: [Fraction(0), Fraction(0)])
    terms = []
    for batch in itertools.product(known, repeat=samples):
        weight = math.prod((w for _, w, _ in batch), start=Fraction(1))
        right = [item.outcome > 0 for item, _, _ in batch]
        for (item, _, scores), mine in zip(batch, right, strict=True):
            accuracy = (sum(right) - mine) / (samples - 1) if others else sum(right) / samples
            for reward, key, score in zip(item.rewards, keys(item.rewards, accuracy), scores, strict=True):
                sums[key][0] += weight * exactly(reward)
                sums[key][1] += weight
                terms.append((weight / samples, exactly(reward), key, score))
    mean = {key: value / count for key, (value, count) in sums.items()}
    return (
        sum((w * (r - mean[key]) * score[0] for w, r, key, score in terms), Fraction(0)),
        sum((w * (r - mean[key]) * score[1] for w, r, key, score in terms), Fraction(0)),
    )


def shown(value: Number) -> str:
    """A fraction where it can be read, else six digits."""
    if isinstance(value, Fraction) and value.denominator < 10**7:
        return str(value)
    return f"{float(value):.6f}"


def verdict(found: Gradient, target: Gradient) -> str:
    """How the expected gradient relates to the claimed one."""
    (a, f), (x, y) = found, target
    if abs(a - x) + abs(f - y) < 1e-12:
        return "exact"
    if not (x or y):
        return "biased"
    angle = math.degrees(math.atan2(float(f), float(a)) - math.atan2(float(y), float(x)))
    if abs(angle) < 1e-9:
        return f"× {float(a / x):.3f}" if x else "parallel"
    return f"× {math.hypot(a, f) / math.hypot(x, y):.3f}, turned by {angle:+.1f}°"


def rows(toy: Toy, responses: int) -> Iterator[tuple[str, str, Gradient, Gradient]]:
    """(name, claim, expected gradient, claimed gradient) of the page's estimators and of every online method."""
    for name, (method, claim) in ESTIMATORS.items():
        yield (
            name,
            (claim.__doc__ or "").split(":")[0],
            gradient_of(method, toy, responses),
            claimed(method, claim, toy),
        )
    for name, (told, claim) in CLAIMS.items():
        yield f"`{name}`", told, gradient_of(METHODS[name], toy, responses), claimed(METHODS[name], claim, toy)
    m = claimed(_PRL, own, toy)
    for samples in (2, 3):
        yield f"`s2r-offline-prl`, {samples} a prompt", "own reward", offline(toy, samples), m
        yield (
            f"the same, accuracy of the others, {samples} a prompt",
            "own reward",
            offline(toy, samples, others=True),
            m,
        )
    nothing: Gradient = (Fraction(0), Fraction(0))
    yield "a constant reward of 1, no baseline, 1/&#124;y&#124;_a", "nothing", by_length(_PRL, toy, 1, 1.0), nothing
    loo = replace(_PRL, baseline=_LOO)
    yield "own reward, context leave-one-out, 1/&#124;y&#124;_a", "own reward", by_length(loo, toy, responses), m


def picture(found: Sequence[tuple[str, str, Gradient, Gradient]], path: Path, title: str) -> None:
    """Every method's expected gradient as a share of the claimed one: 1 is exact."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "bias"
    shares = [(name.replace("`", ""), a / x, f / y) for name, _, (a, f), (x, y) in found if x and y][::-1]
    figure, axes = plt.subplots(figsize=(8, 0.27 * len(shares) + 1.2), layout="constrained")
    for column, label, colour, mark in ((1, "attempts, ∂a", "#3366aa", "o"), (2, "verdicts, ∂f", "#cc6633", "x")):
        axes.plot(
            [float(row[column]) for row in shares], range(len(shares)), mark, color=colour, label=label, alpha=0.8
        )
    axes.axvline(1, color="black", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=0.4, linestyle=":")
    axes.set_yticks(range(len(shares)), [row[0].replace("&#124;", "|") for row in shares], fontsize=8)
    axes.set_xlabel("expected gradient ÷ gradient of what it claims to maximise")
    axes.set_title(title, fontsize=10)
    axes.legend(fontsize=8)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def section(toy: Toy, responses: int) -> tuple[str, list[tuple[str, str, Gradient, Gradient]], list[str]]:
    """(title, rows, lines) of one toy."""
    found = list(rows(toy, responses))
    title = f"p = {toy.p}, q = {toy.q}, at most {toy.attempts} attempts, {responses} responses of one prompt"
    cells = [(name, *map(shown, a), told, *map(shown, b), verdict(a, b)) for name, told, a, b in found]
    head = ["", "E ∂a", "E ∂f", "claims", "∂a", "∂f", "so it is"]
    return title, found, [f"## {title}", "", *table(head, cells), ""]


def main() -> None:
    parser = arguments(__doc__, responses=3)
    parser.add_argument("--attempts", type=int, help="at most; default: every toy of the page")
    parser.add_argument("--p", type=Fraction, default=Fraction(3, 4), help="an attempt is right")
    parser.add_argument("--q", type=Fraction, default=Fraction(3, 4), help="a verdict is true")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    toys = [(Toy(given.p, given.q, given.attempts or 2), given.responses)]
    if given.attempts is None:
        nine_tenths = Fraction(9, 10)
        toys += [(Toy(nine_tenths, nine_tenths), 2), (Toy(attempts=3), 3), (Toy(Fraction(1, 2), nine_tenths, 3), 2)]
    sections = [section(*toy) for toy in toys]
    publish(["# Expected gradients", "", *(line for _, _, lines in sections for line in lines)], given.output)
    if given.picture:
        picture(sections[0][1], given.picture, sections[0][0])


if __name__ == "__main__":
    main()
