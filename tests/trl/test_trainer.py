"""S2RTrainer: TRL's real GRPOTrainer on a tiny model, with an advantage for every action."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs TRL: pip install 's2r-rewards[trl]'")

import torch
from trl import GRPOConfig, GRPOTrainer

import s2r_trl
from s2r_rewards.adapter import ConfigError, Options, Sample, resolve_method, score_responses
from s2r_rewards.losses import action_policy_loss
from s2r_rewards.methods import METHODS
from s2r_rewards.tensors import action_ids, spread
from s2r_trl import checks, outcome_reward
from s2r_trl.trainer import S2RTrainer

sys.path.insert(0, str(Path(__file__).parent))
import scripted
from scripted import BATCH, SAMPLES, TOKENIZER, make_config, make_trainer, text_at, weights_of

TEXTS = [text_at(i, 0) for i in range(BATCH)]
IDS = [TOKENIZER(text)["input_ids"] + [TOKENIZER.eos_token_id] for text in TEXTS]
PROMPTS = [i // SAMPLES for i in range(BATCH)]
WIDTH = max(map(len, IDS))
INPUTS = [{"prompt": f"2 + 3? {i // SAMPLES}", "gold": "5", "level": i % 2} for i in range(BATCH)]


def by_the_library(options):
    """(advantages [B, T], action ids [B, T]) of the same texts."""
    method = resolve_method(options)
    records = score_responses([Sample(ids, "5", True) for ids in IDS], options, tokenizer=TOKENIZER)
    if method.level == "outcome":
        records = [record.as_one_action(len(ids)) for record, ids in zip(records, IDS, strict=True)]
    values = method.advantages(records, PROMPTS, state=method.new_state())
    spans = [record.objective_spans(method.count_end) for record in records]
    return spread(values, [record.spans for record in records], WIDTH), action_ids(spans, WIDTH)


def under(trainer, options):
    """The trainer with other options; a new one costs a second."""
    trainer.s2r_options, trainer.s2r_method = options, resolve_method(options)
    trainer.s2r_state = trainer.s2r_method.new_state()
    trainer.calls = 0
    return trainer


@pytest.fixture(scope="module")
def trainer(tmp_path_factory):
    return make_trainer(tmp_path_factory.mktemp("trl"))


@pytest.mark.parametrize("name", METHODS)
def test_token_advantages_and_loss_of_every_method(trainer, name):
    """As the library's on the same texts; the loss is the library's on the model's own log-probabilities."""
    options = Options(name)
    found = under(trainer, options)._generate_and_score_completions([dict(row) for row in INPUTS])
    advantages, ids = by_the_library(options)
    assert torch.allclose(found["advantages"], advantages, atol=1e-6)
    assert torch.equal(found["action_ids"], ids)
    assert advantages.abs().sum() > 0 or name.startswith(("s2r-offline", "released-offline"))
    trainer.current_gradient_accumulation_steps = 1
    torch.manual_seed(1)
    old = trainer._s2r_log_probs(trainer.model, found).detach()
    found["old_per_token_logps"] = old + torch.randn(old.shape) / 20
    loss = trainer._compute_loss(trainer.model, found)
    settings = {"clip": 0.2, **trainer.s2r_method.loss_options}
    expected, _ = action_policy_loss(old, found["old_per_token_logps"], advantages, ids, **settings)
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.parametrize(
    "options", [{"method": "s2r-prl", "leave_one_out": True}, {"grammar": "tags"}, {"count_end": False}], ids=str
)
def test_options_are_those_of_every_trainer(trainer, options):
    found = under(trainer, Options(**options))._generate_and_score_completions([dict(row) for row in INPUTS])
    advantages, ids = by_the_library(Options(**options))
    assert torch.allclose(found["advantages"], advantages, atol=1e-6)
    assert torch.equal(found["action_ids"], ids)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One step of s2r-prl on the whole batch at once."""
    trainer = make_trainer(tmp_path_factory.mktemp("whole"))
    trainer.train()
    return trainer


def test_a_step_logs_metrics_of_the_batch(whole):
    log = {name: value for entry in whole.state.log_history for name, value in entry.items()}
    right = sum(text.rindex("5") > text.rindex("4") if "4" in text and "5" in text else "5" in text for text in TEXTS)
    assert log["s2r/outcome/accuracy"] == pytest.approx(right / BATCH)
    assert log["s2r/level/1/outcome/accuracy"] >= 0
    assert log["s2r/alarm/scoring_failed"] == 0
    assert log["policy_loss/ratio_mean"] == pytest.approx(1.0)
    assert -1 <= log["rewards/s2r_outcome_reward/mean"] <= 1
    assert log["grad_norm"] > 0


@pytest.mark.parametrize("options", [{}, {"method": "self-verify"}, {"method": "dr-grpo"}], ids=str)
def test_micro_batches_are_the_whole_batch(tmp_path, options):
    """Actions, responses and tokens as units of the average; rows without an action among them."""
    found = []
    for steps in (1, 4):
        torch.manual_seed(0)
        trainer = make_trainer(tmp_path, options, changes={"gradient_accumulation_steps": steps})
        trainer.train()
        found.append(torch.tensor(weights_of(trainer)))
    start = torch.cat([p.detach().flatten() for p in scripted.make_model().parameters()])
    assert (found[0] - start).abs().max() > 1e-6
    assert torch.allclose(found[0], found[1], atol=2e-7)


def test_two_processes_are_one(tmp_path, whole):
    """Contexts are shared over the processes' completions: the same weights after a step as in one process."""
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    output = tmp_path / "two.json"
    program = str(Path(scripted.__file__))
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=29631", program, str(output), "{}", "{}"],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(output.read_text())
    assert torch.allclose(torch.tensor(found["weights"]), torch.tensor(weights_of(whole)), atol=2e-7)
    logs = [
        {k: v for e in log for k, v in e.items() if k.startswith("s2r/")}
        for log in (found["log"], whole.state.log_history)
    ]
    assert logs[0] == pytest.approx(logs[1])


def test_several_passes_keep_the_old_policy(tmp_path):
    """num_iterations=2: the second pass meets the first one's old log-probabilities, so its ratio is not 1."""
    trainer = make_trainer(tmp_path, changes={"num_iterations": 2, "max_steps": 2})
    trainer.train()
    ratios = [
        entry["policy_loss/ratio_mean"] for entry in trainer.state.log_history if "policy_loss/ratio_mean" in entry
    ]
    assert ratios[0] == pytest.approx(1.0)
    assert abs(ratios[1] - 1) > 1e-6


def test_trls_own_loss_takes_an_advantage_a_token(tmp_path):
    """dapo on policy: minus the mean advantage over all tokens."""
    trainer = make_trainer(tmp_path, loss="trl")
    trainer.train()
    advantages, _ = by_the_library(Options())
    tokens = sum(map(len, IDS))
    log = next(entry for entry in trainer.state.log_history if "loss" in entry)
    assert log["loss"] == pytest.approx(-advantages.sum().item() / tokens, abs=1e-5)
    assert "clip_ratio/region_mean" in log


def test_the_kl_term_is_in_the_advantage(tmp_path):
    """Eq. 5 with the reference moved by hand: A − β Σ log(π/π_ref) of the action."""
    scripted.make_model().save_pretrained(tmp_path / "model")  # TRL loads the reference from where the model came from
    trainer = make_trainer(tmp_path, {"beta": 0.5}, model=str(tmp_path / "model"))
    assert (trainer.beta, trainer.args.beta) == (0.5, 0.5)
    found = trainer._generate_and_score_completions([dict(row) for row in INPUTS])
    trainer.current_gradient_accumulation_steps = 1
    plain = trainer._compute_loss(trainer.model, found)
    found["ref_per_token_logps"] = found["ref_per_token_logps"] - 0.01
    moved = trainer._compute_loss(trainer.model, found)
    _, ids = by_the_library(Options())
    lengths = [[row.count(a) for a in range(max(row) + 1)] for row in ids.tolist() if max(row) >= 0]
    shift = sum(0.5 * 0.01 * sum(n) / len(n) for n in lengths) / len(lengths)
    assert moved.item() - plain.item() == pytest.approx(shift, abs=1e-6)


def length_reward(completions, **columns):
    return [float(len(completion)) for completion in completions]


def test_reward_functions_of_ones_own_are_added(tmp_path):
    """TRL's advantage of theirs, on every token besides the method's; ours are for the log alone."""
    trainer = make_trainer(tmp_path, reward_funcs=[length_reward])
    stock = trainer._generate_and_score_completions([dict(row) for row in INPUTS])["advantages"]
    lengths = torch.tensor([float(len(text)) for text in TEXTS]).view(-1, SAMPLES)
    scaled = ((lengths - lengths.mean(1, keepdim=True)) / (lengths.std(1, keepdim=True) + 1e-4)).view(-1, 1)
    assert torch.allclose(stock, by_the_library(Options())[0] + scaled, atol=1e-5)
    logged_only = make_trainer(tmp_path, reward_funcs=outcome_reward)
    assert not logged_only._s2r_adds


def test_a_running_baseline_goes_on_from_a_checkpoint(tmp_path):
    options = {"method": "released-prl"}
    changes = {"max_steps": 2, "save_strategy": "steps", "save_steps": 1}
    whole = make_trainer(tmp_path / "a", options, changes=changes)
    whole.train()
    folder = tmp_path / "a" / "checkpoint-1"
    assert json.loads((folder / "s2r_baseline.json").read_text())["baseline"] == "reward_context"
    again = make_trainer(tmp_path / "b", options, changes=changes)
    again.calls = 1
    again.train(resume_from_checkpoint=str(folder))
    assert again.s2r_state.state_dict() == whole.s2r_state.state_dict()


def test_truncated_completions_may_be_left_out(tmp_path):
    """mask_truncated_completions: what has no end token trains nothing and is in no mean."""
    trainer = make_trainer(tmp_path, changes={"mask_truncated_completions": True})
    whole, kept = IDS[:], [i for i in range(BATCH) if i % 5]
    real = scripted.Scripted._generate_single_turn

    def cut(self, *given, **more):
        ids, *rest = real(self, *given, **more)
        return ([one if i % 5 else one[:-1] for i, one in enumerate(ids)], *rest)

    trainer._generate_single_turn = cut.__get__(trainer)
    found = trainer._generate_and_score_completions([dict(row) for row in INPUTS])
    records = score_responses([Sample(whole[i], "5", True) for i in kept], Options(), tokenizer=TOKENIZER)
    values = METHODS["s2r-prl"].advantages(records)
    expected = spread(values, [record.spans for record in records], WIDTH)
    assert torch.allclose(found["advantages"][kept], expected, atol=1e-6)
    assert found["advantages"][::5].abs().sum() == 0
    assert (found["action_ids"][::5] == -1).all()


def test_turns_of_others_are_refused(trainer):
    """rollout_func with env_mask: the tokens of a user's turn are not the model's."""
    under(trainer, Options())
    whole = GRPOTrainer._generate_and_score_completions

    def with_turns(self, inputs):
        out = whole(self, inputs)
        out["tool_mask"] = torch.ones_like(out["completion_mask"])
        out["tool_mask"][0, 1] = 0
        return out

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(GRPOTrainer, "_generate_and_score_completions", with_turns)
        with pytest.raises(ConfigError, match="tokens that the model did not write"):
            trainer._generate_and_score_completions([dict(row) for row in INPUTS])


def test_found_beside_the_reward_functions():
    assert s2r_trl.S2RTrainer is S2RTrainer
    with pytest.raises(AttributeError, match="no attribute 'Trainer'"):
        _ = s2r_trl.Trainer


def test_evaluation_teaches_a_running_baseline_nothing(tmp_path):
    trainer = make_trainer(tmp_path, {"method": "rae"})
    trainer.model.eval()
    trainer._generate_and_score_completions([dict(row) for row in INPUTS])
    assert trainer.s2r_state.state_dict()["totals"] == []


def test_real_sampling(tmp_path):
    """A model of random weights writes what it likes; a golden answer that cannot be read is counted, not raised."""
    trainer = make_trainer(tmp_path, kind=S2RTrainer, changes={"max_completion_length": 12})
    trainer.train_dataset = trainer.train_dataset.map(lambda row, i: {"gold": "5" if i % 2 else ""}, with_indices=True)
    trainer.train()
    log = {name: value for entry in trainer.state.log_history for name, value in entry.items()}
    assert math.isfinite(log["train_loss"])
    assert 0 <= log["s2r/alarm/scoring_failed"] <= 1


@pytest.mark.parametrize(
    ("changes", "options", "more", "message"),
    [
        ({"loss_type": "grpo"}, {}, {}, "loss_type='grpo' belongs to TRL's losses, and the loss is that of the method s2r-prl"),
        ({"importance_sampling_level": "sequence"}, {}, {}, "importance_sampling_level='sequence' belongs to"),
        ({"delta": 3.0}, {}, {}, "delta=3.0 belongs to"),
        ({"top_entropy_quantile": 0.2}, {}, {}, "top_entropy_quantile=0.2 belongs to"),
        ({"entropy_coef": 0.1}, {}, {}, "entropy_coef=0.1 belongs to"),
        ({"scale_rewards": "none"}, {}, {}, "scale_rewards='none' shapes TRL's advantages"),
        ({"reward_weights": [2.0]}, {}, {}, "reward_weights=[2.0] shapes TRL's advantages"),
        ({"beta": 0.1}, {}, {}, "GRPOConfig(beta=0.1) is a KL loss of TRL: use Options(beta=0.1)"),
        ({}, {"beta": 0.1}, {"loss": "trl"}, "beta=0.1 (Eq. 5) is part of the method's loss"),
        ({}, {"ratio": "token"}, {"loss": "trl"}, "ratio='token' is part of the method's loss"),
        ({}, {}, {"loss": "dapo"}, "loss is 'dapo'; expected one of ('method', 'trl')"),
        ({}, {"divisor": 8.0}, {"loss": "trl"}, "divisor=8.0 is part of the method's loss"),
        ({}, {"conversation": "pag"}, {}, "conversation='pag': TRL's trainer asks for no turns"),
        ({}, {"rollouts": "r.jsonl"}, {}, "rollouts: TRL writes its completions itself"),
        ({}, {"method": "s2r-plr"}, {}, "unknown method 's2r-plr'"),
        ({}, {}, {"tools": [len]}, "tools: what a tool answers would be read as the model's own words"),
    ],
    ids=str,
)  # fmt: skip
def test_what_could_only_be_ignored_is_refused_before_a_model_is_loaded(tmp_path, changes, options, more, message):
    with pytest.raises((ConfigError, ValueError)) as caught:
        S2RTrainer(model="no/such-model", args=make_config(tmp_path, **changes), options=Options(**options), **more)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"loss_type": "dr_grpo", "beta": 0.1}, {"epsilon": 0.1, "epsilon_high": 0.3}], ids=str
)
def test_what_works_with_trls_loss(changes):
    assert list(checks.config_problems(GRPOConfig("x", use_cpu=True, bf16=False, **changes), Options(), "trl")) == []


def test_trls_clip_counts_where_it_was_changed(tmp_path, trainer):
    assert under(trainer, Options("self-verify"))._s2r_clip() == (0.2, 0.28)
    assert under(trainer, Options())._s2r_clip() == (0.2, 0.2)
    changed = make_trainer(tmp_path, {"method": "self-verify"}, changes={"epsilon": 0.1, "epsilon_high": 0.3})
    assert changed._s2r_clip() == (0.1, 0.3)


def test_the_contract_is_the_real_one(monkeypatch):
    assert checks.require_supported() == checks.installed("trl")
    monkeypatch.setattr(GRPOTrainer, "_compute_loss", lambda self, model: None)
    with pytest.raises(RuntimeError, match=r"GRPOTrainer\._compute_loss has no inputs; s2r_trl was tested with"):
        checks.require_supported()
