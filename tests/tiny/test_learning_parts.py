"""Behaviour-initialisation data, the SFT mask, policy batches and offline selection."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from s2r_tiny.config import DataConfig, ModelConfig, OfflineConfig, OnlineConfig
from s2r_tiny.data import task
from s2r_tiny.data.responses import Sample, extra_metrics, to_rollouts
from s2r_tiny.data.task import END_TEXT, TOKENS, encode
from s2r_tiny.learn.model import Document, kl_loss, new_model, new_optimizer, train
from s2r_tiny.learn.policy import advantages_of, loss_of, loss_options, make_batch, renewed, update
from s2r_tiny.methods import CONTROLS, LIKELY, cut_off_loses, offline_method, online_method, shuffled
from s2r_tiny.stages.initialization import _row, build
from s2r_tiny.stages.reinforced import select
from s2r_tiny.stages.supervised import document

from s2r_rewards import Verdict, action_rewards
from s2r_rewards.datasets.initialization import Dropped
from s2r_rewards.losses import kl_penalised
from s2r_rewards.methods import METHODS
from s2r_rewards.rollouts.scoring import judge_rollouts

PROBLEM = task.Problem(1673, 7)


def respond(*steps, end=True):
    """(prime, verdict or None) pairs as a sample; the verdict is what the verification claims."""
    pieces = []
    for i, (prime, verdict) in enumerate(steps):
        pieces += [task.BREAK, task.RETRY] if i else []
        pieces += task.attempt(prime)
        if verdict is not None:
            pieces += [task.BREAK, task.RECHECK, task.GLANCE]
            pieces.append(task.SAYS_CORRECT if verdict else task.SAYS_INCORRECT)
    ids = encode((*pieces, *([END_TEXT] if end else [])))
    return Sample(ids, [-1.0] * len(ids))


def method_of(stage, **settings):
    if stage.startswith("offline"):
        return offline_method(stage, OfflineConfig(**settings))
    return online_method(stage, OnlineConfig(**settings), np.random.default_rng(0))


def rollouts(*samples, problem=PROBLEM):
    return to_rollouts([problem] * len(samples), list(samples))


def drawn(*primes):
    return judge_rollouts(rollouts(*(respond((p, None)) for p in primes)))


@pytest.mark.parametrize(
    ("primes", "attempts"),
    [
        ((7,) * 8, 1),
        ((7,) * 4 + (3, 11, 13, 3), 1),
        ((7,) * 3 + (3, 11, 13, 3, 3), 2),
        ((7, 7, 3, 11, 13, 3, 3, 2), 3),
        ((7, 3, 11, 13, 17, 3, 2, 5), 4),
        ((7, 3, 3, 3, 3, 3, 3, 5), 3),  # two different wrong answers are too few for four attempts
    ],
)
def test_harder_problems_get_more_attempts_and_obey_the_transitions(primes, attempts):
    trajectory = build(PROBLEM, drawn(*primes), DataConfig(), "0", np.random.default_rng(0))
    assert not isinstance(trajectory, Dropped)
    assert trajectory.attempts == attempts
    [judged] = judge_rollouts([replace(rollouts(respond((7, None)))[0], response=trajectory.text + END_TEXT)])
    assert judged.trajectory.codes == ()
    assert judged.correct == (False,) * (attempts - 1) + (True,)
    answers = [a.answer for a in judged.trajectory.attempts]
    assert len(set(answers)) == len(answers)
    assert [verdict for _, verdict in judged.verified] == [Verdict.INCORRECT] * (attempts - 1) + [Verdict.CORRECT]
    assert all(right == (verdict is Verdict.CORRECT) for right, verdict in judged.verified)


@pytest.mark.parametrize(
    ("shares", "glances"),
    [((1, 1, 1, 1, 1), [1, 1, 1, 1]), ((0, 0, 0, 0, 0), [0, 0, 0, 0]), ((0, 1, 0, 1, 0), [1, 1, 0, 0])],
)
def test_glances_go_by_the_level_of_the_proposed_prime_and_keep_the_verdict(shares, glances):
    settings = DataConfig(glances=shares)
    made = build(PROBLEM, drawn(7, 3, 11, 3, 17, 3, 17, 11), settings, "0", np.random.default_rng(0))
    assert not isinstance(made, Dropped)
    proposed = [task.level_of(s.text) for s in made.segments if s.kind == "solve"]
    checks = [s.text for s in made.segments if s.kind == "verify"]
    assert len(checks) == len(proposed) == 4
    assert [task.GLANCE in text for text in checks] == [shares[level - 1] == 1 for level in proposed]
    assert sorted(task.GLANCE in text for text in checks) == sorted(map(bool, glances))
    assert [task.DIVISION in text for text in checks] == [task.GLANCE not in text for text in checks]
    assert [task.SAYS_CORRECT in text for text in checks] == [False, False, False, True]


def test_the_other_style_solves_again_and_its_verdicts_are_true():
    settings = DataConfig(style="again", glances=(0.0,) * 5)
    made = build(PROBLEM, drawn(7, 3, 11, 3, 17, 3, 17, 11), settings, "0", np.random.default_rng(0))
    assert not isinstance(made, Dropped)
    [judged] = judge_rollouts([replace(rollouts(respond((7, None)))[0], response=made.text + END_TEXT)])
    assert [verdict for _, verdict in judged.verified] == [Verdict.INCORRECT] * 3 + [Verdict.CORRECT]
    for solved, check in zip(
        *[[s.text for s in made.segments if s.kind == k] for k in ("solve", "verify")], strict=True
    ):
        again = next(p for p in task.PRIMES if task.BOXES[p] in check)
        assert task.AGAIN in check
        assert (task.BOXES[again] in solved) == (task.SAYS_CORRECT in check)
        assert again in (7, 3, 11, 17)  # one of the model's own answers
    with pytest.raises(ValueError, match="style"):
        build(PROBLEM, drawn(7, 7), DataConfig(style="guess"), "0", np.random.default_rng(0))


def test_a_problem_that_was_never_solved_is_dropped():
    made = build(PROBLEM, drawn(3, 3, 11, 2), DataConfig(), "0", np.random.default_rng(0))
    assert made == Dropped("no_right_attempt")


def test_earlier_attempts_are_context_and_all_else_is_learned():
    trajectory = build(PROBLEM, drawn(7, 7, 7, 3, 3, 3, 3, 3), DataConfig(), "0", np.random.default_rng(0))
    assert not isinstance(trajectory, Dropped)
    learned = document(json.loads(_row(PROBLEM, trajectory)))
    masked = "".join(TOKENS[i] for i, m in zip(learned.response, learned.mask, strict=True) if not m)
    assert masked == "The answer is \\boxed{3}." + task.BREAK
    assert TOKENS[learned.response[-1]] == END_TEXT
    assert learned.mask[-1] == 1


@pytest.fixture(scope="module")
def model():
    return new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=1)


SAMPLES = (
    respond((7, True)),
    respond((3, False), (7, True)),
    respond((3, True)),
    respond((7, False), (11, False), (7, True)),
    respond((11, False), (13, True)),
)


def batch_of(model, stage, **changes):
    found, groups = judge_rollouts(rollouts(*SAMPLES)), [0] * len(SAMPLES)
    prompts = ["".join(PROBLEM.prompt)] * len(SAMPLES)
    method = replace(method_of(stage), **changes)
    advantages = advantages_of(method, found, groups)
    return advantages, make_batch(method, prompts, found, advantages, model)


@pytest.mark.parametrize("ratio", ["token", "action", "action_mean"])
def test_at_ratio_one_the_process_loss_is_minus_the_mean_advantage(model, ratio):
    advantages, batch = batch_of(model, "prl")
    # Oracle by hand: rewards minus the mean of the reward context over the batch.
    assert advantages[1] == pytest.approx((-0.8, 2 / 3, 1.0, 0.0))
    loss, _ = loss_of(model, batch, OnlineConfig(clip=0.2, ratio=ratio), method_of("prl"))
    with_end = [np.mean([*row, 0.0]) for row in advantages]  # `end` is an action, with the advantage 0
    assert float(loss.detach()) == pytest.approx(-np.mean(with_end), abs=1e-5)
    _, batch = batch_of(model, "prl", count_end=False)
    loss, _ = loss_of(model, batch, OnlineConfig(clip=0.2, ratio=ratio), method_of("prl"))
    assert float(loss.detach()) == pytest.approx(-np.mean([np.mean(row) for row in advantages]), abs=1e-5)


def test_at_ratio_one_the_outcome_loss_is_minus_the_mean_advantage(model):
    advantages, batch = batch_of(model, "orl")
    assert [a for (a,) in advantages] == pytest.approx([1.0, 1.0, -1.5, 1.0, -1.5])
    loss, _ = loss_of(model, batch, OnlineConfig(clip=0.2, ratio="token"), method_of("orl"))
    assert float(loss.detach()) == pytest.approx(-np.mean(advantages), abs=1e-5)


@pytest.mark.parametrize("counted", [True, False])
def test_process_actions_tile_the_response(model, counted):
    _, batch = batch_of(model, "prl", count_end=counted)
    for row, length, steps in zip(batch.action_ids, batch.lengths.tolist(), (2, 4, 2, 6, 4), strict=True):
        assert sorted(set(row[: length - 1].tolist())) == list(range(steps))
        assert row[length - 1] == (steps if counted else -1)
        assert not (row[length:] >= 0).any()
    _, outcome = batch_of(model, "orl")
    assert (outcome.action_ids >= 0).sum(1).tolist() == batch.lengths.tolist()


def test_micro_batches_change_nothing_where_some_responses_have_no_action(model, monkeypatch):
    """Eq. 6 is a mean over the responses that have actions."""
    _, batch = batch_of(model, "prl")
    ids = batch.action_ids.clone()
    ids[batch.lengths.argsort()[:2]] = -1
    batch = replace(batch, action_ids=ids)
    steps = {}
    for size in (1, 2, 64):
        monkeypatch.setattr("s2r_tiny.learn.policy.MICRO_BATCH", size)
        policy = new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=1)
        plain = torch.optim.SGD(policy.parameters(), lr=1.0)
        settings = OnlineConfig(minibatch=len(batch))
        stats = update(policy, plain, batch, settings, method_of("prl"), 0.0, np.random.default_rng(0))
        steps[size] = [*(p.detach().clone() for p in policy.parameters()), stats["tiny/gradient_norm"]]
    for size in (1, 2):
        assert steps[size][-1] == pytest.approx(steps[64][-1], rel=1e-4)
        for one, whole in zip(steps[size][:-1], steps[64][:-1], strict=True):
            torch.testing.assert_close(one, whole, rtol=0, atol=2e-6)


def test_an_update_lowers_the_loss(model):
    policy = new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=1)
    _, batch = batch_of(model, "prl")
    settings = OnlineConfig(clip=0.2, ratio="token", minibatch=len(batch))
    before, _ = loss_of(policy, batch, settings, method_of("prl"))
    stats = update(
        policy, new_optimizer(policy, 1e-4), batch, settings, method_of("prl"), 0.0, np.random.default_rng(0)
    )
    after, _ = loss_of(policy, batch, settings, method_of("prl"))
    assert float(after.detach()) < float(before.detach()) - 0.005
    assert stats["tiny/clip_fraction"] == 0.0
    assert stats["tiny/ratio_mean"] == pytest.approx(1.0, abs=1e-4)


def test_the_kl_inside_the_advantage_charges_for_distance_from_the_reference(model):
    drifted = new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=2)
    _, batch = batch_of(model, "prl")
    batch = renewed(batch, drifted)
    charged = kl_penalised(batch.advantages, batch.old_log_probs, batch.ref_log_probs, batch.action_ids, 0.1)
    first = batch.action_ids[0] == 0
    distance = (batch.old_log_probs - batch.ref_log_probs)[0][first].sum()
    assert abs(float(distance)) > 0.1
    assert charged[0][first].tolist() == pytest.approx([1.2 - 0.1 * float(distance)] * 3, abs=1e-4)


def test_cut_off_responses_lose_online():
    cut, ended = judge_rollouts(rollouts(respond((7, True), end=False), respond((7, True))))
    assert advantages_of(method_of("orl"), [cut, ended], [0, 0]) == [(-2.0,), (2.0,)]
    assert method_of("prl").rewards(cut) == (1.0, -1.0)
    offline = method_of("offline-prl")
    assert offline.rewards(cut) == offline.rewards(ended) == (1.0, 1.0)


def test_the_worst_of_a_cut_off_is_that_of_the_methods_own_scale():
    cut, lied = judge_rollouts(rollouts(respond((7, True), end=False), respond((3, True), end=False)))
    plain = method_of("prl")
    halves = replace(
        plain,
        rewards=lambda judged: tuple((r + 1) / 2 for r in action_rewards(judged)),
        outcome=lambda judged: float(judged.last_correct),
    )
    assert cut_off_loses(halves).rewards(cut) == (1.0, 0.0)
    assert cut_off_loses(halves).outcome(cut) == 0.0
    assert cut_off_loses(halves).rewards(lied) == (0.0, 0.0)
    [unfinished] = judge_rollouts(rollouts(respond(end=False)))
    assert cut_off_loses(halves).rewards(unfinished) == ()


# (7 right, "correct"); (3 wrong, "incorrect"; 7 right, "correct"); (3 wrong, "correct")
@pytest.mark.parametrize(
    ("control", "expected"),
    [
        ("", [(1, 1), (-1, 1, 1, 1), (-1, -1)]),
        ("says-correct", [(1, 1), (-1, -1, 1, 1), (-1, 1)]),
        ("inverted", [(-1, -1), (1, -1, -1, -1), (1, 1)]),
        ("no-verification", [(1, 0), (-1, 0, 1, 0), (-1, 0)]),
        ("verification-only", [(0, 1), (0, 1, 0, 1), (0, -1)]),
        ("no-baseline", [(1, 1), (-1, 1, 1, 1), (-1, -1)]),
    ],
)
def test_controls_change_rewards_as_they_say(control, expected):
    found = judge_rollouts(rollouts(*SAMPLES[:3]))
    method = method_of("prl", control=control)
    assert [method.rewards(judged) for judged in found] == expected
    if control == "no-baseline":
        assert [tuple(row) for row in method.advantages(found)] == expected


def test_random_rewards_know_nothing():
    found = judge_rollouts(rollouts(*SAMPLES) * 200)
    rewards = [method_of("prl", control="random").rewards(judged) for judged in found]
    method = method_of("prl", control="random")
    drawn_rewards = [method.rewards(judged) for judged in found]
    values = np.concatenate(drawn_rewards)
    assert set(values) == {-1.0, 1.0}
    assert abs(values.mean()) < 4 / len(values) ** 0.5
    assert [len(row) for row in drawn_rewards] == [len(j.trajectory.scored) for j in found]
    assert rewards[0] == drawn_rewards[0], "a function of the generator"
    assert set(CONTROLS) >= {"random", "shuffled-golds", "says-correct", "inverted"}
    with pytest.raises(ValueError, match="shuffled-golds"):
        method_of("prl", control="coin")


def test_shuffled_golds_are_dealt_by_problem():
    problems = [task.Problem(n, p) for n, p in ((1673, 7), (3027, 3), (1331, 11), (2197, 13), (4913, 17))]
    found = [r for p in problems for r in rollouts(*[respond((7, True))] * 3, problem=p)]
    dealt = shuffled(found, np.random.default_rng(0))
    assert sorted(r.gold for r in dealt) == sorted(r.gold for r in found)
    assert [r.gold for r in dealt] != [r.gold for r in found]
    assert all(len({r.gold for r in dealt[i : i + 3]}) == 1 for i in range(0, 15, 3))
    assert [replace(r, gold="") for r in dealt] == [replace(r, gold="") for r in found]


def test_any_method_and_baseline_goes_by_name():
    found = judge_rollouts(rollouts(*SAMPLES))
    assert LIKELY["prl"] == "s2r-prl"
    assert method_of("online", method="s2r-orl").level == "outcome"
    assert method_of("online", method="s2r_rewards.methods.s2r:ORL").level == "outcome"
    with pytest.raises(ValueError, match="s2r-prl"):
        method_of("online", method="prl")
    by_position = method_of("prl", baseline="position").advantages(found)
    # First attempts, by hand: +1 −1 −1 +1 −1, mean −1/5.
    assert [row[0] for row in by_position] == pytest.approx([1.2, -0.8, -0.8, 1.2, -0.8])
    others = method_of("prl", leave_one_out=True).advantages(found)
    assert [row[0] for row in others] == pytest.approx([1.5, -1, -1, 1.5, -1])
    assert method_of("prl", baseline="none").advantages(found) == tuple(map(action_rewards, found))


@pytest.mark.parametrize("name", METHODS)
def test_every_method_of_the_library_trains(name, model):
    found = judge_rollouts(rollouts(*SAMPLES, respond((7, None)), respond((3, False), end=False)))
    stage = "offline" if METHODS[name].groups.startswith("accuracy") else "online"
    settings = (OfflineConfig if stage == "offline" else OnlineConfig)(method=name, ratio="", minibatch=4)
    method = method_of(stage, method=name)
    accuracy = [0.5] * len(found) if stage == "offline" else None
    advantages = advantages_of(method, found, [0] * len(found), accuracy, method.new_state())
    batch = make_batch(method, ["".join(PROBLEM.prompt)] * len(found), found, advantages, model)
    options = loss_options(settings, method)
    assert {k: v for k, v in options.items() if k != "clip"} == {
        k: v for k, v in METHODS[name].loss_options.items() if k != "clip"
    }
    assert options["clip"] == (METHODS[name].clip or settings.clip)
    policy = new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=1)
    before = torch.cat([p.detach().flatten() for p in policy.parameters()])
    stats = update(policy, new_optimizer(policy, 1e-3), batch, settings, method, 0.0, np.random.default_rng(0))
    after = torch.cat([p.detach().flatten() for p in policy.parameters()])
    assert 0 < stats["tiny/gradient_norm"] < 1e3
    assert after.isfinite().all()
    assert not after.equal(before)


@pytest.mark.parametrize(("copies", "expected"), [(5, 1.0), (10, 0.0)])
def test_offline_baselines_need_ten_rewards_of_an_accuracy(copies, expected):
    found = judge_rollouts(rollouts(*[respond((7, True))] * copies, respond((3, True))))
    accuracies = [0.5] * copies + [0.2]
    outcome = advantages_of(method_of("offline-orl"), found, accuracy=accuracies)
    assert outcome == [*[(expected,)] * copies, (-1.0,)]
    by_position = advantages_of(method_of("offline-prl"), found, accuracy=accuracies)
    assert by_position == (*[(expected, expected)] * copies, (-1.0, -1.0))
    few = advantages_of(method_of("offline-prl", min_count=1), found, accuracy=accuracies)
    assert few == ((0.0, 0.0),) * (copies + 1)


def test_offline_baselines_by_context_or_over_all_prompts():
    found = judge_rollouts(rollouts(*SAMPLES[:3]))
    accuracies = [0.5, 0.5, 0.2]
    by_context = advantages_of(method_of("offline-prl", by="context", min_count=1), found, accuracy=accuracies)
    # Accuracy 0.5: () → 0; (+1) alone, (−1) alone, …: 0 left over. Accuracy 0.2: every key alone.
    assert by_context == ((1.0, 0.0), (-1.0, 0.0, 0.0, 0.0), (0.0, 0.0))
    over_all = advantages_of(method_of("offline-prl", by="reward_context", min_count=1), found, accuracy=accuracies)
    # () → −1/3 over all three; (−1) → 0 over the second and the third.
    assert over_all[0] == pytest.approx((4 / 3, 0))
    assert over_all[1] == pytest.approx((-2 / 3, 1, 0, 0))
    assert over_all[2] == pytest.approx((-2 / 3, -1))


def test_offline_selection_by_hand():
    other = task.Problem(3027, 3)
    always = rollouts(*[respond((3, True))] * 4, problem=other)  # accuracy 1: out of band
    some = rollouts(
        respond((3, False), (7, True)),  # right, kept whole
        respond((7, True), (7, True)),  # goes on after confirmation: cut
        respond((3, True)),  # three wrong ones, of which two are drawn
        respond((11, True)),
        respond((13, True)),
        respond((7, None)),  # never verified: dropped
        respond(*[(3, False)] * 6, (11, True)),  # 14 actions
    )
    kept, fates = select(always + some, OfflineConfig())
    assert fates.pop("last_attempt_unverified") == 1
    assert fates == {"prompt_out_of_band": 4, "kept_whole": 3, "truncated": 1, "too_many_actions": 1, "balanced_out": 1}
    assert [accuracy for _, _, accuracy in kept] == [3 / 7] * 4
    _, cut, _ = kept[1]
    assert cut.correct == (True,)
    assert cut.trajectory.text.endswith(f"{task.SAYS_CORRECT}{END_TEXT}")
    assert cut.trajectory.codes == ()


def test_balancing_takes_as_many_wrong_as_right():
    some = rollouts(respond((7, True)), *[respond((3, True))] * 3)
    kept, fates = select(some, OfflineConfig())
    assert fates == {"kept_whole": 2, "balanced_out": 2}
    assert [judged.last_correct for _, judged, _ in kept] == [True, False]


def test_extra_metrics_by_hand():
    found = judge_rollouts(rollouts(respond((3, False), (3, False), (7, True)), respond((7, None), end=False)))
    metrics = extra_metrics(found)
    assert metrics == {"tiny/glances": 1.0, "tiny/repeated_answers": 0.5, "tiny/ended": 0.5}
    assert np.isnan(extra_metrics(judge_rollouts(rollouts(respond((7, None)))))["tiny/glances"])


def test_log_probs_of_the_reference_stand_in_for_the_old_policy_offline(model):
    _, batch = batch_of(model, "prl")
    assert torch.equal(batch.old_log_probs, batch.ref_log_probs)


def documents():
    return [
        Document(list(encode(PROBLEM.prompt)), sample.ids, [i % 2 for i in range(len(sample.ids))])
        for sample in SAMPLES
    ]


def test_the_sft_loss_with_its_kl_by_another_way_of_summing(model):
    """Against the log-probabilities of the whole vocabulary, summed in float64."""
    reference = new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=2).eval()
    given = documents()
    count = sum(sum(d.mask) for d in given)
    loss, stats = kl_loss(model, given, count, reference, 0.1)
    nll = kl = 0.0
    for d in given:
        ids = torch.tensor([[*d.prompt, *d.response]])
        with torch.no_grad():
            p, q = (m(input_ids=ids).logits[0].double().log_softmax(-1) for m in (model, reference))
        for t, (token, trained) in enumerate(zip(d.response, d.mask, strict=True)):
            if trained:
                at = len(d.prompt) + t - 1
                nll -= float(p[at, token])
                kl += float((p[at].exp() * (p[at] - q[at])).sum())
    assert stats == pytest.approx({"nll": nll / count, "kl": kl / count}, abs=1e-6)
    assert float(loss.detach()) == pytest.approx((nll + 0.1 * kl) / count, abs=1e-6)
    assert stats["kl"] > 0.1


def test_the_kl_is_nothing_at_the_first_step_and_grows_then():
    policy, reference = (new_model(ModelConfig(hidden=32, ffn=64, init=0.3), seed=1) for _ in range(2))
    logs = []
    train(policy, [[documents()[:2], documents()[2:]]] * 6, 6, 3e-3, logs.append, reference.eval(), beta=0.1)
    assert logs[0]["tiny/kl"] == 0.0
    assert logs[-1]["tiny/kl"] > 0.001
    assert logs[-1]["loss"] < logs[0]["loss"]
    assert all(p.grad is None for p in reference.parameters())
