"""What a policy gains by each attack on the reward, and what closes it.

    python benchmarks/attacks.py            # prints the table and writes benchmarks/results/attacks.md

Simulated responses, real library: texts are written with `s2r_rewards.testing`, then parsed, checked and
rewarded as in training. Every prompt gets 8 responses, 4 of an honest policy and 4 of the same policy with the
attack. The figure is the mean score of the attackers minus that of the honest, over all seeds: above 0, the
objective pushes the policy towards the attack. A second table has every method of the shelf, a third what
`s2r_rewards.methods.worked` does to verdicts without work.
"""

import random
import statistics
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import kit

from s2r_rewards import action_rewards, judge_many, outcome_advantages, outcome_reward, parse
from s2r_rewards.alarms import find_alarms
from s2r_rewards.baselines import Baseline, position, reward_context
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.methods import METHODS, Method, get_method
from s2r_rewards.methods.worked import worked
from s2r_rewards.testing import Script, solve

PROMPTS, SAMPLES, SEEDS = 16, 8, 10
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


def of_batch(method: Method) -> Objective:
    """A method by itself: running means are those of the batch; of a moving average, those of nothing yet."""
    return of(replace(method, running=False) if isinstance(method.baseline, Baseline) else method)


SHELF = {f"`{name}`": of_batch(method) for name, method in METHODS.items()}
WORKED = {"`s2r-prl`": of(PAPER), "`s2r-prl`, worked": of(worked(PAPER))}
CONTROLS = ("honest (control)", "one attempt, honest verdict (control)")
WITHOUT_WORK = ("verdict without work", "padded verification")


def batch(attack: Policy, seed: int, regime: str) -> tuple[list[JudgedTrajectory], list[int]]:
    """Judged responses and their prompts; every second response is the attacker's."""
    rng = Dice(seed)
    rng.skill, rng.truth = REGIMES[regime]
    policies = [honest, attack] * (PROMPTS * SAMPLES // 2)
    trajectories = [parse(policy(rng).text(), finished=policy is not endless) for policy in policies]
    return judge_many(trajectories, [GOLD] * len(policies)), [i // SAMPLES for i in range(len(policies))]


def gains(attack: Policy, regime: str, objectives: dict[str, Objective]) -> dict[str, list[float]]:
    """Gain per objective and seed."""
    found: dict[str, list[float]] = {name: [] for name in objectives}
    for seed in range(SEEDS):
        judged, groups = batch(attack, seed, regime)
        for name, objective in objectives.items():
            scores = objective(judged, groups)
            found[name].append(statistics.fmean(scores[1::2]) - statistics.fmean(scores[::2]))
    return found


def alarms(attack: Policy, regime: str) -> str:
    """What the attackers set off."""
    attackers = batch(attack, 0, regime)[0][1::2]
    fired = [alarm.name for alarm in find_alarms(attackers, [PROMPT] * len(attackers)) if alarm.fired]
    return ", ".join(fired) or "–"


def mean_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and its standard error."""
    return statistics.fmean(values), statistics.stdev(values) / len(values) ** 0.5


def without_work(regime: str) -> list[list[str]]:
    """Verdicts without work against the same policy with work, seed by seed."""
    honest, control = (gains(ATTACKS[name], regime, WORKED) for name in CONTROLS)
    rows = []
    for attack in WITHOUT_WORK:
        found = gains(ATTACKS[attack], regime, WORKED)
        for name in WORKED:
            mean, error = mean_error([a - b for a, b in zip(found[name], control[name], strict=True)])
            rows.append([attack, name, signed(mean), signed(mean / error, 1) if error else "–"])
    for label, values in zip(CONTROLS, (honest, control), strict=True):
        plain, option = values.values()
        mean, error = mean_error([a - b for a, b in zip(option, plain, strict=True)])
        rows.append([label, "with the option − without", signed(mean), signed(mean / error, 1) if error else "0"])
    return rows


def signed(value: float, digits: int = 2) -> str:
    return f"{value:+.{digits}f}".replace("-", "−")


def cell(mean: float, error: float) -> str:
    text = signed(mean)
    return f"**{text}**" if mean > 3 * error and mean > 0.02 else text


def main() -> None:
    result = kit.RESULTS / "attacks.md"
    before, _, after = result.read_text(encoding="utf-8").split("<!-- tables -->")
    tables = []
    for regime, (skill, truth) in REGIMES.items():
        print(regime)
        policy = f"{regime} policy: attempts right {skill:.0%}, honest verdicts true {truth:.0%}"
        rows, shelf = [], {name: [name] for name in SHELF}
        for name, attack in ATTACKS.items():
            found = gains(attack, regime, OBJECTIVES | SHELF)
            rows.append([name, *(cell(*mean_error(found[o])) for o in OBJECTIVES), alarms(attack, regime)])
            for method in SHELF:
                shelf[method].append(cell(*mean_error(found[method])))
            print(kit.row(rows[-1]), flush=True)
        tables += ["\n".join([f"## {policy.capitalize()}", "", *kit.table(["attack", *OBJECTIVES, "alarms"], rows)])]
        tables += ["\n".join([f"### Every method, {policy}", "", *kit.table(["method", *ATTACKS], shelf.values())])]
        head = ["attack", "method", "score − one honest attempt", "in standard errors"]
        tables += [
            "\n".join([f"### Right verdict, wrong reason, {policy}", "", *kit.table(head, without_work(regime))])
        ]
    body = "\n\n".join(tables)
    result.write_text(f"{before}<!-- tables -->\n{body}\n<!-- tables -->{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
