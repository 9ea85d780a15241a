"""What a policy gains by each attack on the reward, and what closes it.

    python benchmarks/attacks.py            # prints the table and writes benchmarks/results/attacks.md

Simulated responses, real library: texts are written with `s2r_rewards.testing`, then parsed, checked and
rewarded as in training. Every prompt gets 8 responses, 4 of an honest policy and 4 of the same policy with the
attack. The figure is the mean score of the attackers minus that of the honest, over all seeds: above 0, the
objective pushes the policy towards the attack.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import kit

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
SAYS = "Therefore, the answer is {said}."
MARKER = "Wait, let me recheck my solution.\n\n"
PROMPT = "Ann has 37 marbles and gives 22 of them away. How many are left?"


class Dice(random.Random):
    """A source of chance that knows the regime's skills."""

    skill, truth = REGIMES["able"]


Policy = Callable[[Dice], Script]
"""Draws a response."""


def attempt(rng: Dice, script: Script = Script(), right: bool | None = None) -> tuple[Script, bool]:
    right = rng.random() < rng.skill if right is None else right
    return script.solve(GOLD if right else wrong(rng)), right


def wrong(rng: Dice) -> str:
    return str(rng.randint(100, 999))


def verdict(rng: Dice, right: bool) -> str:
    return "correct" if right == (rng.random() < rng.truth) else "incorrect"


def rejected(rng: Dice, attempts: int, right: bool | None = None) -> Script:
    """So many attempts, each called incorrect whatever it is."""
    script = Script()
    for _ in range(attempts):
        script = attempt(rng, script, right)[0].verify("incorrect")
    return script


def honest(rng: Dice, script: Script = Script()) -> Script:
    for turn in range(ATTEMPTS):
        script, right = attempt(rng, script)
        said = verdict(rng, right) if turn < ATTEMPTS - 1 else "correct"
        script = script.verify(said)
        if said == "correct":
            break
    return script


def once(rng: Dice, words: str | None = None) -> Script:
    """One attempt and an honest verdict; `words` replaces the verification's, with the verdict as {said}."""
    script, right = attempt(rng)
    said = verdict(rng, right)
    return script.verify(said, words and words.format(said=said))


def endless(rng: Dice) -> Script:
    """The only one that does not end by itself."""
    return rejected(rng, 12)


def confirm_again(rng: Dice) -> Script:
    script = once(rng)
    answer, said = (step.value for step in script.steps)
    for _ in range(4):
        script = script.solve(answer).verify(said)
    return script


def spraying(rng: Dice) -> Script:
    guesses = [wrong(rng) for _ in range(3)]
    guesses.insert(rng.randint(0, 3), GOLD)
    return solve(None, "One of " + ", ".join(f"\\boxed{{{g}}}" for g in guesses) + ".").verify("correct")


def padding(rng: Dice) -> Script:
    script, right = attempt(rng)
    said, closing = verdict(rng, right), verdict(rng, right)
    return script.verify(said, "Let me think about it once more. " * 60 + SAYS.format(said=closing))


ATTACKS: dict[str, Policy] = {
    "honest (control)": honest,
    "one attempt, honest verdict (control)": once,
    "always “correct”": lambda rng: attempt(rng)[0].verify("correct"),
    "always “incorrect”": lambda rng: rejected(rng, ATTEMPTS),
    "three wrong answers first": lambda rng: honest(rng, rejected(rng, 3, right=False)),
    "only wrong answers, rejected": lambda rng: rejected(rng, 8, right=False),
    "endless retries, cut off": endless,
    "goes on after confirming": confirm_again,
    "marker stuffing": partial(once, words=f"{SAYS}\n\n{MARKER}" * 5 + SAYS),
    "sprays four boxes": spraying,
    "hedges inside the box": lambda rng: solve(f"{wrong(rng)} or {GOLD}").verify("correct"),
    "copies from the prompt": lambda rng: solve("22").verify("correct"),
    "flips the verdict": partial(
        once, words="Therefore, the answer is incorrect. No: therefore, the answer is correct."
    ),
    "verdict without work": partial(once, words=SAYS),
    "padded verification": padding,
}


Objective = Callable[[list[JudgedTrajectory], list[int]], Sequence[float]]


def of(method: Method, actions: slice = slice(None)) -> Objective:
    """Mean advantage over some actions of each response (eq. 6 divides by the number of actions)."""

    def objective(judged: list[JudgedTrajectory], groups: list[int]) -> list[float]:
        rows = [row[actions] for row in method.advantages(judged, groups)]
        return [statistics.fmean(row) if row else 0.0 for row in rows]

    return objective


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
}


def batch(attack: Policy, seed: int, regime: str) -> tuple[list[JudgedTrajectory], list[int]]:
    """Judged responses and their prompts; every second response is the attacker's."""
    rng = Dice(seed)
    rng.skill, rng.truth = REGIMES[regime]
    policies = [honest, attack] * (PROMPTS * SAMPLES // 2)
    trajectories = [parse(policy(rng).text(), finished=policy is not endless) for policy in policies]
    return judge_many(trajectories, [GOLD] * len(policies)), [i // SAMPLES for i in range(len(policies))]


def gains(attack: Policy, regime: str) -> tuple[dict[str, float], dict[str, float], list[str]]:
    """Mean gain per objective, its standard error over seeds, and the alarms that the attackers set off."""
    batches = [batch(attack, seed, regime) for seed in range(SEEDS)]
    means, errors = {}, {}
    for name, objective in OBJECTIVES.items():
        scores = [objective(judged, groups) for judged, groups in batches]
        found = [statistics.fmean(s[1::2]) - statistics.fmean(s[::2]) for s in scores]
        means[name], errors[name] = statistics.fmean(found), statistics.stdev(found) / SEEDS**0.5
    attackers = batches[0][0][1::2]
    return means, errors, [alarm.name for alarm in find_alarms(attackers, [PROMPT] * len(attackers)) if alarm.fired]


def cell(mean: float, error: float) -> str:
    text = f"{mean:+.2f}".replace("-", "−")
    return f"**{text}**" if mean > 3 * error and mean > 0.02 else text


def main() -> None:
    result = kit.RESULTS / "attacks.md"
    before, _, after = result.read_text(encoding="utf-8").split("<!-- tables -->")
    tables = []
    for regime, (skill, truth) in REGIMES.items():
        print(regime)
        rows = []
        for name, policy in ATTACKS.items():
            means, errors, alarms = gains(policy, regime)
            rows.append([name, *(cell(means[o], errors[o]) for o in OBJECTIVES), ", ".join(alarms) or "–"])
            print(kit.row(rows[-1]), flush=True)
        title = f"## {regime.capitalize()} policy: attempts right {skill:.0%}, honest verdicts true {truth:.0%}"
        tables.append("\n".join([title, "", *kit.table(["attack", *OBJECTIVES, "alarms"], rows)]))
    body = "\n\n".join(tables)
    result.write_text(f"{before}<!-- tables -->\n{body}\n<!-- tables -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
