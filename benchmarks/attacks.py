"""What a policy gains by each attack on the reward, and what closes it.

    python benchmarks/attacks.py            # prints the table and writes benchmarks/results/attacks.md

Simulated responses, real library: texts are written with `s2r_rewards.testing`, then parsed, checked and
rewarded as in training. Every prompt gets 8 responses, 4 of an honest policy and 4 of the same policy with the
attack. The figure is the mean score of the attackers minus that of the honest, over all seeds: above 0, the
objective pushes the policy towards the attack.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from s2r_rewards import action_rewards, judge_many, outcome_advantages, outcome_reward, parse
from s2r_rewards.alarms import find_alarms
from s2r_rewards.baselines import position, reward_context
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import Method, get_method
from s2r_rewards.testing import Script, solve

PROMPTS, SAMPLES, SEEDS = 48, 8, 10
GOLD = "15"
REGIMES = {"able": (0.5, 0.85), "weak": (0.2, 0.6)}
"""name → (chance that an attempt is right, chance that an honest verdict is true)"""
ATTEMPTS = 4
MARKER = "Wait, let me recheck my solution.\n\n"
PROMPT = "Ann has 37 marbles and gives 22 of them away. How many are left?"


class Dice(random.Random):
    """A source of chance that knows the regime's skills."""

    skill, truth = REGIMES["able"]


Policy = Callable[[Dice], tuple[Script, bool]]
"""Draws a response and whether it ends by itself."""


def attempt(rng: Dice, script: Script | None, right: bool | None = None) -> tuple[Script, bool]:
    right = rng.random() < rng.skill if right is None else right
    answer = GOLD if right else str(rng.randint(100, 999))
    return (script.solve(answer) if script else solve(answer)), right


def verdict(rng: Dice, right: bool) -> str:
    return "correct" if right == (rng.random() < rng.truth) else "incorrect"


def honest(rng: Dice, script: Script | None = None) -> tuple[Script, bool]:
    for turn in range(ATTEMPTS):
        script, right = attempt(rng, script)
        said = verdict(rng, right) if turn < ATTEMPTS - 1 else "correct"
        script = script.verify(said)
        if said == "correct":
            break
    assert script is not None
    return script, True


def one_attempt(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    return script.verify(verdict(rng, right)), True


def always_correct(rng: Dice) -> tuple[Script, bool]:
    script, _ = attempt(rng, None)
    return script.verify("correct"), True


def always_incorrect(rng: Dice) -> tuple[Script, bool]:
    script = None
    for _ in range(ATTEMPTS):
        script, _ = attempt(rng, script)
        script = script.verify("incorrect")
    assert script is not None
    return script, True


def wrong_first(rng: Dice) -> tuple[Script, bool]:
    script = None
    for _ in range(3):
        script, _ = attempt(rng, script, right=False)
        script = script.verify("incorrect")
    return honest(rng, script)


def wrong_only(rng: Dice) -> tuple[Script, bool]:
    script = None
    for _ in range(8):
        script, _ = attempt(rng, script, right=False)
        script = script.verify("incorrect")
    assert script is not None
    return script, True


def endless(rng: Dice) -> tuple[Script, bool]:
    script = None
    for _ in range(12):
        script, _ = attempt(rng, script)
        script = script.verify("incorrect")
    assert script is not None
    return script, False


def confirm_again(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    answer = script.steps[0].value
    script = script.verify(said := verdict(rng, right))
    for _ in range(4):
        script = script.solve(answer).verify(said)
    return script, True


def stuffing(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    said = verdict(rng, right)
    again = f"Therefore, the answer is {said}.\n\n{MARKER}" * 5 + f"Therefore, the answer is {said}."
    return script.verify(said, again), True


def spraying(rng: Dice) -> tuple[Script, bool]:
    guesses = [str(rng.randint(100, 999)) for _ in range(3)]
    at = rng.randint(0, 3)
    guesses.insert(at, GOLD)
    return solve(None, "One of " + ", ".join(f"\\boxed{{{g}}}" for g in guesses) + ".").verify("correct"), True


def hedging(rng: Dice) -> tuple[Script, bool]:
    return solve(f"{rng.randint(100, 999)} or {GOLD}").verify("correct"), True


def copying(rng: Dice) -> tuple[Script, bool]:
    return solve("22").verify("correct"), True


def flipping(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    words = "Therefore, the answer is incorrect. No: therefore, the answer is correct."
    return script.verify(verdict(rng, right), words), True


def no_work(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    said = verdict(rng, right)
    return script.verify(said, f"Therefore, the answer is {said}."), True


def padding(rng: Dice) -> tuple[Script, bool]:
    script, right = attempt(rng, None)
    return script.verify(
        verdict(rng, right),
        "Let me think about it once more. " * 60 + f"Therefore, the answer is {verdict(rng, right)}.",
    ), True


ATTACKS: dict[str, Policy] = {
    "honest (control)": honest,
    "one attempt, honest verdict (control)": one_attempt,
    "always “correct”": always_correct,
    "always “incorrect”": always_incorrect,
    "three wrong answers first": wrong_first,
    "only wrong answers, rejected": wrong_only,
    "endless retries, cut off": endless,
    "goes on after confirming": confirm_again,
    "marker stuffing": stuffing,
    "sprays four boxes": spraying,
    "hedges inside the box": hedging,
    "copies from the prompt": copying,
    "flips the verdict": flipping,
    "verdict without work": no_work,
    "padded verification": padding,
}  # fmt: skip


Objective = Callable[[list[JudgedTrajectory], list[int]], Sequence[float]]


def mean_advantage(method: Method, judged: list[JudgedTrajectory], groups: list[int], actions: slice) -> list[float]:
    """Mean advantage over some actions of each response (eq. 6 divides by the number of actions)."""
    rows = [row[actions] for row in method.advantages(judged, groups)]
    return [statistics.fmean(row) if row else 0.0 for row in rows]


def of(method: Method, actions: slice = slice(None)) -> Objective:
    return lambda judged, groups: mean_advantage(method, judged, groups, actions)


PAPER, RELEASED = get_method("s2r-prl"), get_method("released-prl")
OBJECTIVES: dict[str, Objective] = {
    "outcome, RLOO": lambda js, groups: outcome_advantages([outcome_reward(j) for j in js], groups),
    "process, sum of rewards": lambda js, _: [sum(action_rewards(j)) for j in js],
    "process, mean of rewards": lambda js, _: [statistics.fmean(action_rewards(j)) for j in js],
    "process, position": of(replace(PAPER, baseline=position)),
    "`paper` (context)": of(PAPER),
    "… its attempts": of(PAPER, slice(0, None, 2)),
    "… its verifications": of(PAPER, slice(1, None, 2)),
    "`paper`, leave-one-out": of(replace(PAPER, baseline=reward_context.with_settings(leave_one_out=True))),
    "`paper` + no-end penalty": of(replace(PAPER, rewards=partial(action_rewards, no_end_penalty=True))),
    "`released`": of(replace(RELEASED, running=False)),
}  # fmt: skip


def batch(attack: Policy, seed: int, regime: str) -> tuple[list[JudgedTrajectory], list[int], list[bool]]:
    rng = Dice(seed)
    rng.skill, rng.truth = REGIMES[regime]
    trajectories, groups, attackers = [], [], []
    for prompt in range(PROMPTS):
        for sample in range(SAMPLES):
            script, finished = (attack if sample % 2 else honest)(rng)
            trajectories.append(parse(script.text(), finished=finished))
            groups.append(prompt)
            attackers.append(bool(sample % 2))
    return judge_many(trajectories, [GOLD] * len(trajectories)), groups, attackers


def gains(attack: Policy, regime: str) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """Mean gain per objective, its standard error over seeds, and the alarms that the attackers set off."""
    found: dict[str, list[float]] = {name: [] for name in OBJECTIVES}
    alarms: list[str] = []
    for seed in range(SEEDS):
        judged, groups, attackers = batch(attack, seed, regime)
        for name, objective in OBJECTIVES.items():
            scores = objective(judged, groups)
            mine = statistics.fmean(s for s, a in zip(scores, attackers, strict=True) if a)
            theirs = statistics.fmean(s for s, a in zip(scores, attackers, strict=True) if not a)
            found[name].append(mine - theirs)
        if seed == 0:
            only = [j for j, a in zip(judged, attackers, strict=True) if a]
            alarms = [alarm.name for alarm in find_alarms(only, [PROMPT] * len(only)) if alarm.fired]
    means = {name: statistics.fmean(values) for name, values in found.items()}
    errors = {name: statistics.stdev(values) / SEEDS**0.5 for name, values in found.items()}
    return means, errors, alarms


def table(regime: str) -> str:
    head = ["attack", *OBJECTIVES, "alarms"]
    lines = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, policy in ATTACKS.items():
        means, errors, alarms = gains(policy, regime)
        cells = [_cell(means[o], errors[o]) for o in OBJECTIVES]
        lines.append("| " + " | ".join([name, *cells, ", ".join(alarms) or "–"]) + " |")
        print(lines[-1], flush=True)
    return "\n".join(lines)


def _cell(mean: float, error: float) -> str:
    text = f"{mean:+.2f}".replace("-", "−")
    return f"**{text}**" if mean > 3 * error and mean > 0.02 else text


if __name__ == "__main__":
    result = Path(__file__).parent / "results" / "attacks.md"
    notes = result.read_text(encoding="utf-8").split("<!-- tables -->") if result.exists() else []
    before, after = (notes[0], notes[2]) if len(notes) == 3 else ("", "")
    tables = []
    for regime, (skill, truth) in REGIMES.items():
        print(regime)
        title = f"## {regime.capitalize()} policy: attempts right {skill:.0%}, honest verdicts true {truth:.0%}"
        tables.append(f"{title}\n\n{table(regime)}")
    result.parent.mkdir(exist_ok=True)
    body = "\n\n".join(tables)
    result.write_text(f"{before}<!-- tables -->\n{body}\n<!-- tables -->{after}", encoding="utf-8")
