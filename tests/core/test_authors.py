"""`released-*` beside the authors' own functions: authors.json is what those gave for random trajectories.

benchmarks/authors.py writes it, and makes the same comparison on as many trajectories as you like, given a clone of
their code. `null`: an action in a reward context that is not in their fixed list; their baseline is 0 there.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from s2r_rewards import judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.datasets.offline import cut, decide_on, in_band
from s2r_rewards.methods import get_method

THEIRS = json.loads((Path(__file__).parent / "authors.json").read_text())


def judged(text, method, finished=True):
    trajectory = parse(text, method.grammar, finished)
    return judge(trajectory, "7", lambda g, a: CheckResult("correct" if g == a else "incorrect", "equal"))


def test_the_table_holds_something():
    assert len(THEIRS["verdicts"]) >= 300
    assert sum(len(batch["responses"]) for batch in THEIRS["online"]) >= 150
    assert sum(response["kept"] for line in THEIRS["offline"] for response in line["responses"]) >= 50
    assert len(THEIRS["losses"]) >= 8


def test_verdicts():
    for text, verdict in THEIRS["verdicts"]:
        first = parse(text, "released").verifications[0]
        assert first.verdict.value == verdict, text


def test_online_verdicts_rewards_and_advantages():
    method = get_method("released-prl")
    state = method.new_state()
    compared = Counter()
    for batch in THEIRS["online"]:
        ours = [judged(one["text"], method, one["ended"]) for one in batch["responses"]]
        for one, mine, advantages in zip(batch["responses"], ours, method.advantages(ours, state=state), strict=True):
            assert [v.value for v in mine.verdicts] == one["verdicts"]
            assert list(method.rewards(mine)) == one["rewards"]
            for value, theirs in zip(advantages, one["advantages"], strict=True):
                compared["known context" if theirs is not None else "another"] += 1
                assert theirs is None or value == pytest.approx(theirs, abs=1e-11)
            compared["cut off"] += one["ended"] is False
    assert compared["known context"] > 500
    assert compared["cut off"] > 20
    assert any(value not in (1, -1, 2, -2) for one in THEIRS["online"][-1]["responses"] for value in one["advantages"])


def test_online_outcome_advantages():
    method = get_method("released-orl")
    for batch in THEIRS["online"]:
        ours = [judged(one["text"], method, one["ended"]) for one in batch["responses"]]
        prompts = [i // batch["samples"] for i in range(len(ours))]
        found = method.outcome_advantages([method.outcome(one) for one in ours], prompts)
        assert found == pytest.approx(batch["outcome_advantages"], abs=1e-11)
        assert method.advantages(ours, prompts) == tuple(
            (a,) * len(one.trajectory.scored) for a, one in zip(found, ours, strict=True)
        )


def test_offline_filters():
    method = get_method("released-offline-prl")
    for line in THEIRS["offline"]:
        ours = [judged(one["text"], method) for one in line["responses"]]
        assert in_band(sum(one.last_correct for one in ours) / len(ours)) == line["in_band"]
        if not line["in_band"]:
            continue
        fit = [decide_on(one, method.filter).reason is None for one in ours]
        right = [any(one.correct) for one in ours]
        kept = [one["kept"] for one in line["responses"]]
        assert [k for k, r in zip(kept, right, strict=True) if r] == [f for f, r in zip(fit, right, strict=True) if r]
        assert all(f for f, k in zip(fit, kept, strict=True) if k)
        wrong = sum(f and not r for f, r in zip(fit, right, strict=True))
        drawn = sum(k and not r for k, r in zip(kept, right, strict=True))
        assert drawn == min(wrong, sum(f and r for f, r in zip(fit, right, strict=True)))


def test_offline_advantages_at_both_levels():
    process, outcome = get_method("released-offline-prl"), get_method("released-offline-orl")
    kept, accuracies, credit, instances = [], [], [], []
    for line in THEIRS["offline"]:
        ours = [judged(one["text"], process) for one in line["responses"]]
        for one, mine in zip(line["responses"], ours, strict=True):
            if one["kept"]:
                kept.append(cut(mine, decide_on(mine, process.filter)))
                accuracies.append(sum(each.last_correct for each in ours) / len(ours))
                credit.append([value for pair in zip(*one["advantages"], strict=True) for value in pair])
                instances.append(one["outcome_advantage"])
    for found, theirs in zip(process.advantages(kept, accuracy=accuracies), credit, strict=True):
        assert found == pytest.approx(theirs, abs=1e-11)
    for found, theirs in zip(outcome.advantages(kept, accuracy=accuracies), instances, strict=True):
        assert found == pytest.approx([theirs] * len(found), abs=1e-11)


@pytest.mark.parametrize("case", THEIRS["losses"])
def test_the_loss_of_one_response(case):
    """One ratio per action, exp of the mean token log-ratio; KL summed over the action, inside the advantage."""
    torch = pytest.importorskip("torch")
    from s2r_rewards.losses import action_policy_loss, kl_penalised

    given = {
        name: torch.tensor([case[name]], dtype=torch.float64) for name in ("now", "old", "reference", "advantages")
    }
    actions = torch.tensor([case["actions"]])
    advantages = kl_penalised(given["advantages"], given["old"], given["reference"], actions, 0.05)
    ratio = get_method("released-prl").ratio
    loss, _ = action_policy_loss(given["now"], given["old"], advantages, actions, 0.2, ratio)
    assert float(loss) == pytest.approx(case["loss"], abs=1e-9)
    other, _ = action_policy_loss(given["now"], given["old"], advantages, actions, 0.2, "trajectory_mean")
    assert len(set(case["actions"])) == 1 or float(other) != pytest.approx(case["loss"], abs=1e-9)
