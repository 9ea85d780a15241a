"""verl's real trainers under real Ray, with a tiny Qwen2: SFT, process-level and outcome-level RL, offline RL.

Each run is started once; the tests look at the numbers that it left behind: what reached the actor's loss
(recorded by the CPU platform) and what was logged (verl's file logger).
"""

import json
import math
import re
import shlex
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from s2r_verl_cpu import runs
from s2r_verl_cpu.assets import attempt, build_model, response, rl_rows, write_parquet
from s2r_verl_cpu.trained import GOLD, questions, steps_of, train

from s2r_rewards import judge, parse
from s2r_rewards.advantages import outcome_advantages, process_advantages
from s2r_rewards.alarms import ALARM_NAMES
from s2r_rewards.cli import main
from s2r_rewards.metrics import METRIC_NAMES, behaviour_metrics
from s2r_rewards.rewards import action_rewards, outcome_reward
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets, token_spans

ROOT = Path(__file__).resolve().parents[2]
STEPS = 20
PROMPTS, SAMPLES = 8, 8
STORED = 16
POISON = "What is 9 + 9?"
ENDLESS = r"\sum_{k=1}^{10000000} \sin(k)"
"""An answer whose check runs into the time limit."""
PROCESS = (
    "algorithm.adv_estimator=s2r_process",
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
    "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
)
OUTCOME = (
    "algorithm.adv_estimator=s2r_outcome",
    "+algorithm.s2r.method=s2r-orl",
    "+algorithm.s2r.beta=0.05",
    "actor_rollout_ref.actor.use_kl_loss=True",
    "actor_rollout_ref.actor.kl_loss_coef=0",
)
REPLAY = (
    "algorithm.adv_estimator=s2r_dense",
    "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_replay",
    "actor_rollout_ref.rollout.calculate_log_probs=False",
    "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
)


def poisoned() -> dict:
    """A row without a golden answer: every attempt to score it fails."""
    row = rl_rows(1)[0]
    row["prompt"][0]["content"] = POISON
    row["reward_model"]["ground_truth"] = None
    return row


@pytest.fixture(scope="session")
def process_run(tmp_path_factory, warm_model):
    folder = tmp_path_factory.mktemp("prl")
    rows = [*questions(PROMPTS * STEPS - 1), poisoned()]
    return train(
        folder,
        warm_model,
        rows,
        *PROCESS,
        f"trainer.total_training_steps={STEPS}",
        "trainer.test_freq=-1",
        "trainer.val_before_train=True",
        f"trainer.save_freq={STEPS}",
        f"trainer.rollout_data_dir={folder / 'rollouts'}",
        prompts=PROMPTS,
        n=SAMPLES,
    )


@pytest.fixture(scope="session")
def outcome_run(tmp_path_factory, warm_model):
    folder = tmp_path_factory.mktemp("orl")
    flags = ("trainer.total_training_steps=2", "trainer.val_before_train=False", "trainer.test_freq=-1")
    script = folder / "script.json"
    # Known responses make the groups uneven: some right, some wrong.
    answers = [response(("2", False), (GOLD, True)), response(("4", True)), response((ENDLESS, True))]
    script.write_text(json.dumps({"1 + 2": answers}))
    return train(
        folder,
        warm_model,
        questions(16),
        *OUTCOME,
        *flags,
        "trainer.save_freq=-1",
        prompts=4,
        n=4,
        S2R_VERL_CPU_SCRIPT=str(script),
    )


@pytest.fixture(scope="session")
def resumed_run(process_run, warm_model):
    """The same run once more, for one step beyond its checkpoint."""
    folder = process_run.folder
    (folder / "metrics.jsonl").rename(folder / "before.jsonl")
    (folder / "dump").rename(folder / "dump_before")
    rows = [*questions(PROMPTS * STEPS - 1), poisoned()]
    run = train(
        folder,
        warm_model,
        rows,
        *PROCESS,
        f"trainer.total_training_steps={STEPS + 1}",
        "trainer.total_epochs=2",
        "trainer.test_freq=-1",
        "trainer.val_before_train=False",
        "trainer.save_freq=-1",
        prompts=PROMPTS,
        n=SAMPLES,
    )
    logged = run.logged
    (folder / "metrics.jsonl").rename(folder / "after.jsonl")
    (folder / "before.jsonl").rename(folder / "metrics.jsonl")
    (folder / "dump").rename(folder / "dump_after")
    (folder / "dump_before").rename(folder / "dump")
    return logged


def judged_responses(rows, tokenizer):
    """What the library says of the responses that the trainer trained on, from their tokens alone."""
    judged, spans = [], []
    for row in rows:
        text, _ = decode_with_offsets(row["responses"], tokenizer)
        trajectory = parse(text, finished=int(row["responses"][-1]) == tokenizer.eos_token_id)
        prompt = tokenizer.decode(row["prompts"])
        judged.append(judge(trajectory, GOLD if POISON not in prompt else "no such answer"))
        spans.append(token_spans(row["responses"], tokenizer, [(a.start, a.end) for a in trajectory.actions]))
    return judged, spans


def is_poisoned(row, tokenizer) -> bool:
    return POISON in tokenizer.decode(row["prompts"])


def library_process(rows, tokenizer):
    """(rewards, spans) per row; a poisoned row is one failing action over all its tokens."""
    judged, spans = judged_responses(rows, tokenizer)
    rewards = [action_rewards(item) for item in judged]
    for i, row in enumerate(rows):
        if is_poisoned(row, tokenizer):
            rewards[i], spans[i] = (-1.0,), ((0, len(row["responses"])),)
    return rewards, spans


def test_no_sample_is_lost(process_run):
    assert len(process_run.train) == STEPS
    assert len(process_run.rows) == STEPS * PROMPTS * SAMPLES


def test_process_advantages_at_the_actor_equal_the_library(process_run, tokenizer):
    for rows in steps_of(process_run.rows, PROMPTS * SAMPLES):
        rewards, spans = library_process(rows, tokenizer)
        expected = process_advantages(rewards)
        for row, values, where in zip(rows, expected, spans, strict=True):
            length = len(row["responses"])
            torch.testing.assert_close(row["advantages"], spread([values], [where], length)[0], atol=1e-6, rtol=0)
            assert row["response_mask"].sum() == length


def test_action_ids_at_the_actor_follow_the_actions(process_run, tokenizer):
    rows = process_run.rows[: PROMPTS * SAMPLES]
    _, spans = library_process(rows, tokenizer)
    for row, where in zip(rows, spans, strict=True):
        expected = [i + 1 for i, (first, end) in enumerate(where) for _ in range(end - first)]
        assert row["s2r_action_ids"].tolist() == expected


def test_logged_training_metrics_equal_the_library(process_run, tokenizer):
    for step, rows in zip(process_run.train, steps_of(process_run.rows, PROMPTS * SAMPLES), strict=True):
        if any(is_poisoned(row, tokenizer) for row in rows):
            continue
        expected = behaviour_metrics(judged_responses(rows, tokenizer)[0])
        for name in METRIC_NAMES:
            logged = math.nan if step[name] is None else step[name]
            assert logged == pytest.approx(expected[name], nan_ok=True), name
        assert step["s2r/alarm/scoring_failed"] == 0
        assert set(ALARM_NAMES) <= {name.removeprefix("s2r/alarm/") for name in step}


def test_validation_logs_the_same_names(process_run):
    validation = process_run.logged[0]
    assert {f"val-{name}" for name in METRIC_NAMES} <= set(validation)
    assert {"val-s2r/level/1/trials/mean", "val-s2r/level/2/trials/mean"} <= set(validation)
    assert validation["val-core/s2r/sums/acc/mean@1"] == validation["val-s2r/outcome/accuracy"]


def test_a_poisoned_sample_is_counted_and_nothing_stops(process_run, tokenizer):
    seen = 0
    for step, rows in zip(process_run.train, steps_of(process_run.rows, PROMPTS * SAMPLES), strict=True):
        count = sum(is_poisoned(row, tokenizer) for row in rows)
        assert step["s2r/alarm/scoring_failed"] == pytest.approx(count / len(rows))
        seen += count
    assert seen == SAMPLES
    assert process_run.output.count("S2R scoring failed") == 1


def test_process_reward_rises(process_run, tokenizer):
    """What eq. 6 maximises: the mean over responses of the mean reward of their actions."""
    means = []
    for rows in steps_of(process_run.rows, PROMPTS * SAMPLES):
        rewards, _ = library_process(rows, tokenizer)
        means.append(sum(sum(row) / len(row) for row in rewards if row) / len(rewards))
    early, late = sum(means[:5]) / 5, sum(means[-5:]) / 5
    assert late > early + 0.1, means


def test_the_report_reads_what_the_trainer_dumped(process_run, tmp_path):
    page = tmp_path / "report.html"
    done = CliRunner().invoke(main, ["report", str(process_run.folder / "rollouts"), "-o", str(page)])
    assert done.exit_code == 0, done.output
    assert f"{STEPS * PROMPTS * SAMPLES:,} rollouts" in page.read_text()
    assert f"{STEPS} steps" in page.read_text()


def test_a_checkpoint_resumes(resumed_run):
    steps = [step for step in resumed_run if "actor/pg_loss" in step]
    assert [step["training/global_step"] for step in steps] == [STEPS + 1]


def test_a_checkpoint_becomes_a_hugging_face_folder(process_run, warm_model, tmp_path, monkeypatch):
    """By the command of recipes/verl/README.md, with other folders."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from verl.model_merger.__main__ import main as merge

    readme = (ROOT / "recipes" / "verl" / "README.md").read_text().replace("\\\n", " ")
    (line,) = re.findall(r"^python -m verl\.model_merger (.*)$", readme, re.MULTILINE)
    words = shlex.split(line, comments=True)
    (actor,) = process_run.folder.rglob("global_step_*/actor")
    for option, place in (("--local_dir", actor), ("--target_dir", tmp_path / "hf")):
        words[words.index(option) + 1] = str(place)
    monkeypatch.setattr(sys, "argv", ["model_merger", *words])
    merge()
    trained, start = (AutoModelForCausalLM.from_pretrained(where) for where in (tmp_path / "hf", warm_model))
    moved = [not torch.equal(a, b) for a, b in zip(trained.parameters(), start.parameters(), strict=True)]
    assert any(moved)
    assert AutoTokenizer.from_pretrained(tmp_path / "hf").chat_template


def test_outcome_advantages_carry_the_kl_term(outcome_run, tokenizer):
    """A(y) = R − leave-one-out mean − β log π/π_ref over the response (eq. 3), on all its tokens."""
    rows = outcome_run.rows
    assert len(rows) == 2 * 16
    for step in steps_of(rows, 16):
        rewards = [outcome_reward(item) for item in judged_responses(step, tokenizer)[0]]
        # Prompts repeat in the data, so groups are found by the advantage they share: RLOO values of 4 samples.
        for row, reward in zip(step, rewards, strict=True):
            kl = float((row["old_log_probs"].float() - row["ref_log_prob"].float()).sum())
            plain = row["advantages"] + 0.05 * kl
            torch.testing.assert_close(plain, plain[:1].expand_as(plain), atol=1e-5, rtol=0)
            others = [(reward - float(plain[0])) * 3]
            assert others[0] == pytest.approx(round(others[0]), abs=1e-3), "not a mean over 3 others"
            assert row["rm_scores"].sum() == reward


def test_outcome_training_logs_behaviour_too(outcome_run, tokenizer):
    for step, rows in zip(outcome_run.train, steps_of(outcome_run.rows, 16), strict=True):
        expected = behaviour_metrics(judged_responses(rows, tokenizer)[0])
        assert step["s2r/outcome/accuracy"] == pytest.approx(expected["s2r/outcome/accuracy"])
        assert step["s2r/correct/i2c"] == pytest.approx(expected["s2r/correct/i2c"], nan_ok=True)


def test_a_check_that_times_out_is_counted_and_nothing_stops(outcome_run):
    assert len(outcome_run.train) == 2
    assert sum(step["s2r/check/timeout"] for step in outcome_run.train) > 0
    assert all(step["s2r/alarm/scoring_failed"] == 0 for step in outcome_run.train)


def stored_rollouts() -> list[dict]:
    """Scored rollouts with advantages, as `s2r data offline … --verl FILE` writes them."""
    texts = [
        response((GOLD, True)),
        response(("2", False), (GOLD, True)),
        response(("2", True)),
        response(("4", False)),
    ]
    judged = [judge(parse(text, finished=True), GOLD) for text in texts]
    rewards = [action_rewards(item) for item in judged]
    values = process_advantages(rewards)
    outcomes = [outcome_reward(item) for item in judged]
    rows = []
    for index, row in enumerate(questions(STORED)):
        k = index % len(texts)
        actions = [
            {"kind": a.kind, "start": a.start, "end": a.end, "reward": r, "advantage": v}
            for a, r, v in zip(judged[k].trajectory.scored, rewards[k], values[k], strict=True)
        ]
        replay = {
            "response": texts[k],
            "finished": True,
            "gold": GOLD,
            "outcome": outcomes[k],
            "outcome_advantage": outcome_advantages(outcomes)[k],
            "actions": actions,
        }
        row["extra_info"] |= {"index": index, "split": "train", "replay": json.dumps(replay)}
        rows.append(row)
    return rows


@pytest.fixture(scope="session")
def offline_run(tmp_path_factory, warm_model):
    folder = tmp_path_factory.mktemp("offline")
    flags = ["trainer.total_training_steps=1", "trainer.val_before_train=False", "trainer.test_freq=-1"]
    return train(folder, warm_model, stored_rollouts(), *REPLAY, *flags, "trainer.save_freq=-1", prompts=STORED, n=1)


def test_offline_replay_reaches_the_actor_token_by_token(offline_run, tokenizer):
    """At the process level; the outcome level has the same path and other stored numbers: see test_replay."""
    run = offline_run
    stored = [json.loads(row["extra_info"]["replay"]) for row in stored_rollouts()]
    by_text = {item["response"]: item for item in stored}
    assert len(run.rows) == STORED
    for row in run.rows:
        ids = row["responses"].tolist()
        assert ids[-1] == tokenizer.eos_token_id
        rollout = by_text[tokenizer.decode(ids[:-1])]
        spans = token_spans(ids, tokenizer, [(a["start"], a["end"]) for a in rollout["actions"]])
        expected = spread([[a["advantage"] for a in rollout["actions"]]], [spans], len(ids))[0]
        torch.testing.assert_close(row["advantages"], expected, atol=1e-6, rtol=0)
    (step,) = run.train
    assert math.isfinite(step["actor/grad_norm"])
    assert step["actor/grad_norm"] > 0
    judged = [judge(parse(item["response"], finished=True), GOLD) for item in stored]
    assert step["s2r/outcome/accuracy"] == behaviour_metrics(judged)["s2r/outcome/accuracy"]


def test_sft_starts_at_the_librarys_loss_and_lowers_it(tmp_path, tokenizer):
    """One batch holds the whole file, so the first loss can be computed beforehand from the same weights."""
    from transformers import AutoModelForCausalLM

    model = build_model(tmp_path / "model")
    texts = [
        response((GOLD, True)),
        response(("2", False), (GOLD, True)),
        response(("4", False), ("2", False), (GOLD, True)),
    ]
    user = {"role": "user", "content": "What is 1 + 2?"}
    rows = [{"messages": [user, {"role": "assistant", "content": text}]} for text in texts * 2]
    data = write_parquet(tmp_path / "sft.parquet", rows)
    runs.sft(
        *runs.SFT_FLAGS,
        f"data.train_files={data}",
        f"data.val_files={data}",
        f"data.train_batch_size={len(rows)}",
        f"data.micro_batch_size_per_gpu={len(rows) // 2}",
        "data.max_length=256",
        "data.custom_cls.path=pkg://s2r_verl.sft",
        "data.custom_cls.name=S2RSFTDataset",
        f"model.path={model}",
        "optim.lr=1e-2",
        "trainer.logger=[console,file]",
        "trainer.total_epochs=8",
        "checkpoint.save_contents=[model,optimizer,extra,hf_model]",
        f"trainer.default_local_dir={tmp_path / 'checkpoints'}",
        folder=tmp_path,
        VERL_FILE_LOGGER_PATH=str(tmp_path / "metrics.jsonl"),
    )
    logged = [json.loads(line)["data"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    losses = [step["train/loss"] for step in logged if "train/loss" in step]

    network = AutoModelForCausalLM.from_pretrained(model)
    masked = plain = 0.0
    trained = every = 0
    for text in texts:
        prompt = tokenizer.apply_chat_template([user], add_generation_prompt=True, tokenize=False)
        ids = tokenizer.encode(prompt + text + "<|im_end|>\n", add_special_tokens=False)
        head = len(tokenizer.encode(prompt, add_special_tokens=False))
        with torch.no_grad():
            log_probs = torch.log_softmax(network(torch.tensor([ids])).logits[0, :-1], -1)
        token = log_probs.gather(-1, torch.tensor(ids[1:])[:, None])[head - 1 :, 0]
        keep = torch.ones(len(token))
        for action in parse(text).attempts[:-1]:
            ((first, end),) = token_spans(ids[head:], tokenizer, [(action.start, action.end)])
            keep[first:end] = 0
        assert tokenizer.decode([i for i, k in zip(ids[head:], keep, strict=True) if not k]).count(attempt("2")) <= 1
        masked -= float((token * keep).sum())
        plain -= float(token.sum())
        trained += int(keep.sum())
        every += len(token)
    assert losses[0] == pytest.approx(masked / trained, rel=2e-3)
    assert losses[0] != pytest.approx(plain / every, rel=1e-6)
    assert losses[-1] < losses[0] - 1
    # What the RL recipes start from (S2R_START).
    saved = AutoModelForCausalLM.from_pretrained(tmp_path / "checkpoints" / "global_step_8" / "huggingface")
    assert not torch.equal(saved.lm_head.weight, network.lm_head.weight)
