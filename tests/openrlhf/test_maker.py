"""The experience maker on OpenRLHF's real Experience, sample generator and maker classes."""

import inspect
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace as Settings

import pytest
import scripted
import tiny
import torch
from openrlhf.trainer import ppo_trainer, ppo_trainer_async
from openrlhf.trainer.ppo_utils.experience_maker import RemoteExperienceMaker
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.maker import S2RExperienceMaker, extents, token_ids_of_actions
from s2r_openrlhf.options import Options
from s2r_openrlhf.trainer import STATE, s2r_trainer
from s2r_rewards.adapter import FAILED_METRIC, resolve_method
from s2r_rewards.alarms import ALARM_NAMES
from s2r_rewards.metrics import METRIC_NAMES
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.server.protocol import COUNT_PREFIX

PLANS = [*scripted.PLANS, scripted.PLANS[0]]  # six samples: three prompts of two


def make_maker(options, kl_coefficient=0.0, samples_per_prompt=2, estimator="rloo"):
    args = Settings(
        algo=Settings(
            advantage=Settings(estimator=estimator, gamma=1.0, lambd=1.0, no_std_norm=True), kl=Settings(use_loss=False)
        ),
        rollout=Settings(n_samples_per_prompt=samples_per_prompt, micro_batch_size=4, max_new_tokens=200),
        train=Settings(dynamic_batch_enable=False),
        reward=Settings(
            clip_range=(-10, 10), overlong_buffer_len=None, overlong_penalty_factor=1, stop_properly_penalty_coef=None
        ),
        data=Settings(max_len=512),
    )  # fmt: skip
    strategy = Settings(args=args)
    return S2RExperienceMaker(
        None, None, None, None, Settings(value=kl_coefficient), strategy, tiny.tokenizer(), options=options
    )


def experiences(maker, outputs, kl=0.0):
    generator = SamplesGenerator.__new__(SamplesGenerator)
    samples = [generator._process_response_into_experience(o, max_len=512) for o in outputs]
    batches = maker.split_rollout_samples(samples)
    for batch in batches:
        batch.kl = torch.full(batch.action_mask.shape, kl) * batch.action_mask
    return batches


def per_sample(batches):
    return [
        (e.sequences[i], e.advantages[i], e.action_mask[i].bool()) for e in batches for i in range(len(e.sequences))
    ]


def columns_of(output):
    """The actions' spans in OpenRLHF's mask, which keeps token p in column p − 1."""
    by = output["action_ranges"][0][0] - 1
    return [(first + by, end + by) for first, end in output["label"].scored.spans]


def run(tokenizer, plans=PLANS, options=None, kl=0.0, kl_coefficient=0.0, labels=scripted.GOLD):
    maker = make_maker(options or Options(), kl_coefficient)
    outputs = scripted.execute(AgentExecutor(), tokenizer, [scripted.response(p) for p in plans], label=labels)
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs, kl))
    return maker, outputs, batches


def test_signatures_that_maker_and_trainers_rely_on():
    names = list(inspect.signature(RemoteExperienceMaker.__init__).parameters)
    assert names[1:8] == [
        "actor_model_group", "critic_model_group", "reward_model_group", "initial_model_group",
        "kl_controller", "strategy", "tokenizer",
    ]  # fmt: skip
    assert list(inspect.signature(RemoteExperienceMaker.compute_advantages_and_returns).parameters) == [
        "self", "experiences",
    ]  # fmt: skip
    for actor in (ppo_trainer.PPOTrainer, ppo_trainer_async.TrainingActor):
        base = actor.__ray_metadata__.modified_class
        assert list(inspect.signature(base.train_step).parameters)[:3] == ["self", "rollout_samples", "global_step"]
        parameters = list(inspect.signature(base.save_logs_and_checkpoints).parameters)[:4]  # Ray adds its own
        assert parameters == ["self", "global_step", "logs_dict", "client_states"]
        assert list(inspect.signature(base.init_checkpoint_states).parameters)[:1] == ["self"]
        trainer = s2r_trainer(actor, Options())
        assert issubclass(trainer, base)
    source = inspect.getsource(ppo_trainer.BasePPOTrainer.__init__)
    assert "self.experience_maker = RemoteExperienceMaker(" in source


def test_the_command_line_looks_the_trainer_up_when_it_runs():
    """The entry point swaps a module attribute; that works as long as the import is inside a function."""
    from importlib.util import find_spec

    with open(find_spec("openrlhf.cli.train_ppo_ray").origin) as file:
        source = file.read()
    assert "    from openrlhf.trainer.ppo_trainer import PPOTrainer\n" in source
    assert "\nfrom openrlhf.trainer.ppo_trainer import" not in source
    assert "TrainingActor.remote(" in inspect.getsource(ppo_trainer_async)


def test_process_advantages_of_the_worked_batch_token_by_token(tokenizer):
    """Hand-computed figures of Eq. 4 and 5: the five trajectories alone, one of them twice would shift the means."""
    maker = make_maker(Options(), samples_per_prompt=5)
    outputs = scripted.execute(AgentExecutor(), tokenizer, [scripted.response(p) for p in scripted.PLANS])
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    for output, (_, advantages, mask), expected in zip(outputs, per_sample(batches), scripted.ADVANTAGES, strict=True):
        seen = torch.zeros_like(mask)
        for value, (first, end) in zip([*expected, 0.0], columns_of(output), strict=True):  # `end` earns nothing
            columns = slice(first, end)
            assert advantages[columns] == pytest.approx(torch.full((end - first,), value), abs=1e-6)
            seen[columns] = True
        assert torch.equal(seen, mask)  # every response token, and no other, belongs to an action
        assert not advantages[~mask].any()
    for e in batches:
        assert set(e.labels) == {scripted.GOLD}  # the data set's own labels again
        assert not [name for name in e.info if name.startswith(COUNT_PREFIX)]


def test_the_kl_term_is_summed_over_each_action(tokenizer):
    """A(a_t) − β log(π(a_t)/π_ref(a_t)), with log-ratio 0.01 a token and β = 0.5."""
    _, outputs, plain = run(tokenizer)
    _, _, penalised = run(tokenizer, kl=0.01, kl_coefficient=0.5)
    for output, (_, before, _), (_, after, _) in zip(outputs, per_sample(plain), per_sample(penalised), strict=True):
        for first, end in columns_of(output):
            drop = before[first:end] - after[first:end]
            assert drop == pytest.approx(torch.full((end - first,), 0.5 * 0.01 * (end - first)), abs=1e-6)


def test_outcome_level_is_openrlhfs_own_rloo(tokenizer):
    _, _, batches = run(tokenizer, options=Options("s2r-orl"))
    # pairs: (right, right) (wrong, right) (wrong, right)
    expected = [0.0, 0.0, -2.0, 2.0, -2.0, 2.0]
    for (_, advantages, mask), value in zip(per_sample(batches), expected, strict=True):
        assert advantages[mask] == pytest.approx(torch.full((int(mask.sum()),), value), abs=1e-6)


def test_metrics_are_exact_ratios_over_the_batch(tokenizer):
    maker, _, _ = run(tokenizer, plans=[*scripted.PLANS, [(0, 1)]])
    alarms = {f"s2r/alarm/{name}" for name in ALARM_NAMES} | {"s2r/alarm/fired"}
    assert set(maker.metrics) == {*METRIC_NAMES, FAILED_METRIC} | alarms
    # One more trajectory (wrong, "correct") than the worked batch: 6/10, 3/6, 3/6, 1/4.
    assert maker.metrics["s2r/verify/accuracy"] == pytest.approx(0.6)
    assert maker.metrics["s2r/verify/error_recall"] == pytest.approx(0.5)
    assert maker.metrics["s2r/verify/correct_precision"] == pytest.approx(0.5)
    assert maker.metrics["s2r/correct/i2c"] == pytest.approx(0.25)
    assert maker.metrics["s2r/trials/mean"] == pytest.approx(10 / 6)


def test_metrics_by_level_where_labels_name_one(tokenizer):
    labels = [{"gold": scripted.GOLD, "level": level} for level in (1, 1, 2, 2, 2, 1)]
    maker, _, _ = run(tokenizer, labels=labels)
    assert maker.metrics["s2r/level/1/outcome/accuracy"] == 1.0
    assert maker.metrics["s2r/level/2/outcome/accuracy"] == pytest.approx(1 / 3)
    assert maker.metrics["s2r/level/2/trials/mean"] == 2.0


def test_metrics_of_list_shaped_logs(tokenizer):
    """The reward file and the HTTP server return lists; OpenRLHF makes [B, 1] tensors of them."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    from s2r_openrlhf import REWARD_FILE

    texts = [scripted.response(p) for p in PLANS]
    outputs = scripted.execute(SingleTurnAgentExecutor(str(REWARD_FILE)), tokenizer, texts)
    maker = make_maker(Options("s2r-orl"))
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    assert maker.metrics["s2r/outcome/accuracy"] == pytest.approx(4 / 6)
    assert [round(float(a[m][0]), 6) for _, a, m in per_sample(batches)] == [0.0, 0.0, -2.0, 2.0, -2.0, 2.0]


def test_a_poisoned_sample_keeps_its_group_and_is_counted(tokenizer):
    labels = [scripted.GOLD] * 5 + [""]
    maker, _, batches = run(tokenizer, labels=labels)
    assert maker.metrics[FAILED_METRIC] == pytest.approx(1 / 6)
    assert sum(len(e.sequences) for e in batches) == 6
    _, advantages, mask = per_sample(batches)[-1]
    # First actions: +1 −1 −1 +1 −1 and the failing −1; b = −1/3.
    assert advantages[mask] == pytest.approx(torch.full((int(mask.sum()),), -2 / 3), abs=1e-6)
    assert all(torch.isfinite(a).all() for _, a, _ in per_sample(batches))


def test_process_level_needs_our_executor_and_says_so(tokenizer):
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    from s2r_openrlhf import REWARD_FILE

    outputs = scripted.execute(
        SingleTurnAgentExecutor(str(REWARD_FILE)), tokenizer, [scripted.response(p) for p in PLANS]
    )
    maker = make_maker(Options())
    with pytest.raises(RuntimeError, match=r"need samples of s2r_openrlhf's executors"):
        maker.compute_advantages_and_returns(experiences(maker, outputs))


def test_an_outcome_method_with_a_baseline_of_its_own_covers_the_whole_response(tokenizer):
    """Prompts' means with the response itself in them: pairs (right, right) (wrong, right) (wrong, right)."""
    options = Options("s2r-orl", leave_one_out=False)
    _, _, batches = run(tokenizer, options=options, kl=0.01, kl_coefficient=0.5)
    for (_, advantages, mask), value in zip(per_sample(batches), [0, 0, -1, 1, -1, 1], strict=True):
        tokens = int(mask.sum())
        expected = torch.full((tokens,), value - 0.5 * 0.01 * tokens)  # KL of the sequence, as in Eq. 2
        assert advantages[mask] == pytest.approx(expected, abs=1e-6)
        assert not advantages[~mask].any()


def test_a_method_outside_of_the_package_by_name(tokenizer, tmp_path, monkeypatch):
    """Hand-computed: α = 1/4; attempts earn α or 0, verdicts ±α; means of the others of a prompt, by kind."""
    source = Path(__file__).parent.parent / "outside" / "my_method.py.txt"
    (tmp_path / "my_method.py").write_text(source.read_text())
    monkeypatch.syspath_prepend(tmp_path)
    whole = Options("my_method:METHOD", checker="my_method:checker")
    parts = Options(
        rewards="my_method:rewards",
        baseline="my_method:BASELINE",
        groups="prompt",
        grammar="my_method:GRAMMAR",
        policy="my_method:POLICY",
    )
    plans = [[(1, 1)], [(0, 0), (1, 1)]]  # 1/4 1/4 | 0 1/4 1/4 1/4
    expected = [[1 / 4 - 1 / 8, 0], [0 - 1 / 4, 0, 1 / 4 - 1 / 8, 0]]
    for options in (whole, parts):
        for name, value in options.to_environment().items():
            monkeypatch.setenv(name, value)  # the executor's
        _, outputs, batches = run(tokenizer, plans=plans, options=options)
        assert outputs[1]["label"].scored.rewards == (0.0, 0.25, 0.25, 0.25)
        for output, (_, advantages, mask), values in zip(outputs, per_sample(batches), expected, strict=True):
            for value, (first, end) in zip([*values, 0.0], columns_of(output), strict=True):
                assert advantages[first:end] == pytest.approx(torch.full((end - first,), value), abs=1e-6)
            assert not advantages[~mask].any()


@pytest.mark.parametrize("method", ["s2r-prl", "s2r-orl", "released-orl"])
def test_a_response_whose_check_timed_out_can_be_left_out(method, tokenizer, tmp_path, monkeypatch):
    """Its advantages are 0, with the KL term too; those of the others are as if it had not been sampled."""
    (tmp_path / "tests_slow_checker.py").write_text(
        "from s2r_rewards.answers import CheckResult\n"
        "def slow(gold, answer):\n"
        "    return CheckResult({'5': 'timeout', gold: 'correct'}.get(answer, 'incorrect'), 'mine', '')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = {}
    for timeouts in ("wrong", "left_out"):
        options = Options(method, checker="tests_slow_checker:slow", timeouts=timeouts)
        for name, value in options.to_environment().items():
            monkeypatch.setenv(name, value)
        _, outputs, batches = run(tokenizer, options=options, kl=0.01, kl_coefficient=0.5)
        found[timeouts] = per_sample(batches)
    left_out = [output["label"].scored.left_out for output in outputs]
    assert any(left_out)
    assert not all(left_out)
    scored = [output["label"].scored for output in outputs]
    prompts = [i // 2 for i in range(len(scored))]
    values = resolve_method(options).advantages(scored, prompts)
    for gone, record, row, (_, advantages, mask), (_, before, _) in zip(
        left_out, scored, values, found["left_out"], found["wrong"], strict=True
    ):
        if gone:
            assert not advantages.any()
            assert before.any()
        elif method == "s2r-prl":
            (first, end), *_ = record.spans
            expected = row[0] - 0.5 * 0.01 * (end - first)
            assert advantages[mask][0] == pytest.approx(expected, abs=1e-6)


def test_without_alarms(tokenizer):
    maker, _, _ = run(tokenizer, options=Options(alarms=False))
    assert set(maker.metrics) == {*METRIC_NAMES, FAILED_METRIC}


def test_leave_one_out_and_position_baselines(tokenizer):
    _, _, batches = run(tokenizer, options=Options(baseline="position", leave_one_out=True))
    first = [float(a[m][0]) for _, a, m in per_sample(batches)]
    # first actions of the six: +1 −1 −1 +1 −1 +1; each against the mean of the five others
    assert first == pytest.approx([1.2, -1.2, -1.2, 1.2, -1.2, 1.2], abs=1e-6)


def test_the_running_baseline_scores_before_it_learns_and_its_state_survives(tokenizer):
    options = Options(running=True)
    plans = [scripted.PLANS[0], scripted.PLANS[3]]  # both begin with a right attempt
    maker, outputs, batches = run(tokenizer, plans=plans, options=options)
    assert [float(a[m][0]) for _, a, m in per_sample(batches)] == [1.0, 1.0]  # nothing known yet
    again = make_maker(options)
    again.state.load_state_dict(maker.state.state_dict())
    batches = again.compute_advantages_and_returns(experiences(again, outputs))
    assert [float(a[m][0]) for _, a, m in per_sample(batches)] == [0.0, 0.0]  # now the mean is known: 1


def test_checkpoints_carry_the_running_baseline():
    class Base:
        saved: dict

        def save_logs_and_checkpoints(self, global_step, logs_dict=None, client_states=None):
            self.saved = client_states

        def init_checkpoint_states(self):
            return self.saved

    actor = Settings(__ray_metadata__=Settings(modified_class=Base))
    trainer = s2r_trainer(actor, Options(running=True))
    first, second = trainer.__new__(trainer), trainer.__new__(trainer)
    for one in (first, second):
        one.experience_maker = Settings(state=resolve_method(Options(running=True)).new_state())
    first.experience_maker.state([[1.0, -1.0]])
    first.save_logs_and_checkpoints(1, {}, {"episode": 0})
    assert first.saved[STATE]["totals"]
    second.saved = first.saved
    second.init_checkpoint_states()
    assert second.experience_maker.state.state_dict() == first.experience_maker.state.state_dict()


def ids_per_sample(batches):
    return [e.returns[i] for e in batches for i in range(len(e.sequences))]


def test_the_actions_travel_to_the_loss_beside_their_advantages(tokenizer):
    """1-based, 0 outside of the response; at the outcome level, where a ratio is asked for, the response is one."""
    _, outputs, batches = run(tokenizer)
    for output, ids, (_, _, mask) in zip(outputs, ids_per_sample(batches), per_sample(batches), strict=True):
        for k, (first, end) in enumerate(columns_of(output), 1):
            assert set(ids[first:end].tolist()) == {k}
        assert not ids[~mask].any()
    _, _, batches = run(tokenizer, options=Options("s2r-orl", ratio="action"))
    for ids, (_, advantages, mask) in zip(ids_per_sample(batches), per_sample(batches), strict=True):
        assert torch.equal(ids, mask.float())
        assert len(set(advantages[mask].tolist())) == 1


def test_a_response_that_is_only_an_end_token_is_a_wrong_attempt(tokenizer):
    """Before, it had reward −1 and advantage 0: the model was never told. First actions: +1 and −1, mean 0."""
    maker = make_maker(Options())
    outputs = scripted.execute(AgentExecutor(), tokenizer, [scripted.response([(1, 1)]), "<|im_end|>"])
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    _, advantages, mask = per_sample(batches)[1]
    assert (int(mask.sum()), advantages[mask].tolist()) == (1, [-1.0])
    assert ids_per_sample(batches)[1][mask].tolist() == [1.0]
    assert per_sample(batches)[0][1][columns_of(outputs[0])[0][0]] == 1.0


def test_what_is_left_out_of_training_has_no_token_in_the_loss(tokenizer):
    maker = make_maker(Options())
    outputs = scripted.execute(AgentExecutor(), tokenizer, [scripted.response(p) for p in PLANS])
    carried = outputs[2]["label"]
    outputs[2]["label"] = replace(carried, scored=replace(carried.scored, left_out=True))
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    masks = [mask for _, _, mask in per_sample(batches)]
    assert [bool(mask.any()) for mask in masks] == [True, True, False, True, True, True]


@pytest.mark.parametrize(("penalty", "reward"), [(0.5, 0.5), (-0.25, -0.25)])
def test_openrlhfs_penalties_reach_an_outcome_of_ours(penalty, reward, tokenizer):
    """A cut-off right response earns the penalised reward; means over the prompt with itself in them."""
    options = Options("s2r-orl", leave_one_out=False)
    maker = make_maker(options)
    maker.strategy.args.reward.stop_properly_penalty_coef = penalty
    texts = [scripted.response([(1, 1)], end=""), scripted.response([(1, 1)], end="")]
    outputs = scripted.execute(AgentExecutor(), tokenizer, texts, finish="length")
    outputs[0]["truncated"] = False
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    values = [float(a[m][0]) for _, a, m in per_sample(batches)]
    assert values == pytest.approx([1 - (1 + reward) / 2, reward - (1 + reward) / 2], abs=1e-6)


def test_a_dead_reward_server_is_counted_and_the_run_goes_on(tokenizer, monkeypatch):
    """OpenRLHF's real executor with the reward file, and nobody at the address."""
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    from s2r_openrlhf import REWARD_FILE

    options = Options("s2r-orl", server="http://127.0.0.1:9")
    for name, value in options.to_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("s2r_rewards.server.client.time.sleep", lambda seconds: None)
    texts = [scripted.response(p) for p in PLANS]
    outputs = scripted.execute(SingleTurnAgentExecutor(str(REWARD_FILE)), tokenizer, texts)
    maker = make_maker(options)
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    assert maker.metrics[FAILED_METRIC] == 1.0
    assert all(not a[m].any() for _, a, m in per_sample(batches))


def test_the_users_turns_belong_to_no_action():
    """Turns of 2 and 3 tokens with 2 of the user's between them, as one action of the whole extent."""
    mask = torch.tensor([[0, 1, 1, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0, 0, 0, 0]])
    assert extents(mask) == [7, 0]
    whole = ScoredRollout((), 1.0).as_one_action(7)
    ids = token_ids_of_actions([whole, ScoredRollout((), 1.0).as_one_action(0)], mask)
    assert ids.tolist() == [[-1, 0, 0, -1, -1, 0, 0, 0, -1], [-1] * 9]
