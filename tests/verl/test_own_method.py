"""A method, a grammar and a checker from one file outside of the package, named by configuration alone, in verl's
real trainer on a Ray cluster of two nodes, which ran before the driver and knows nothing of its environment: what reaches
the actors' loss, a rank on each node, is what the library computes with them."""

import importlib
import json
import os
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from s2r_verl_cpu import runs
from s2r_verl_cpu.assets import RECHECK, attempt, response, rl_rows, verification
from s2r_verl_cpu.trained import steps_of, train

from s2r_rewards import judge, parse
from s2r_rewards.metrics import behaviour_metrics
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets, token_spans

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from ray_nodes import two_nodes

SOURCE = Path(__file__).resolve().parents[1] / "outside" / "my_method.py.txt"
WORKERS = 4
NOTE = """

import os, pathlib, ray

if ray.is_initialized():  # not in the driver
    here = ray.get_runtime_context()
    worker = f"{here.get_node_id()} {here.get_actor_name() or 'trainer'}"
    pathlib.Path(os.environ["OF_THE_RECIPE"], str(os.getpid())).write_text(worker)
"""
"""Added to the module: each process that loads it says where it runs. Without the driver's variable it cannot load."""
PROMPTS, SAMPLES, STEPS = 4, 4, 3
RESPONSES = [
    response(("3", True)),
    response(("2", False), ("3", True)),
    attempt("2") + RECHECK + "I cannot tell.",  # no verdict: earns 0
    attempt("4") + RECHECK + verification(False) + "\n\nOnce more:\n\n" + attempt("3"),  # the file's own marker
    response(("0", True)),  # right by the file's own checker
    response(("4", True), ("4", False)),
]


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """The module, importable here and in every process of the run."""
    folder = tmp_path_factory.mktemp("outside")
    (folder / "my_method.py").write_text(SOURCE.read_text() + NOTE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        yield importlib.import_module("my_method")


@pytest.fixture(scope="module")
def run(own, tmp_path_factory, warm_model):
    folder = tmp_path_factory.mktemp("own")
    (folder / "script.json").write_text(json.dumps({"What is": RESPONSES}))
    (folder / "workers").mkdir()
    named = (name for name in runs.environment() if name not in os.environ or name.startswith(("VERL_", "OMP_", "HF_")))
    with two_nodes() as address:
        return trained(folder, warm_model, address, ",".join(["OF_THE_RECIPE", "VERL_FILE_LOGGER_PATH", *named]))


def trained(folder, model, address, named):
    return train(
        folder,
        model,
        rl_rows(PROMPTS * STEPS),
        f"+ray_kwargs.ray_init.address={address}",
        "ray_kwargs.ray_init.num_cpus=null",
        "ray_kwargs.ray_init.num_gpus=null",
        "trainer.nnodes=2",
        f"reward.num_workers={WORKERS}",
        f"actor_rollout_ref.rollout.agent.num_workers={WORKERS}",
        "actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8",
        "actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=8",
        "+algorithm.s2r.method=my_method:METHOD",
        "+algorithm.s2r.checker=my_method:checker",
        "algorithm.adv_estimator=s2r",
        "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
        "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
        f"trainer.total_training_steps={STEPS}",
        "trainer.val_before_train=False",
        "trainer.test_freq=-1",
        "trainer.save_freq=-1",
        "data.shuffle=False",  # so that the prompts of a batch differ, and name the groups
        prompts=PROMPTS,
        n=SAMPLES,
        S2R_VERL_CPU_SCRIPT=str(folder / "script.json"),
        OF_THE_RECIPE=str(folder / "workers"),
        S2R_WORKER_ENV=named,
    )


def test_workers_of_both_nodes_have_the_drivers_variables(run):
    """Reward workers and agent loops lie evenly on the nodes; the actors' ranks wrote down their losses, below."""
    nodes = defaultdict(list)
    for path in (run.folder / "workers").iterdir():
        node, name = path.read_text().split()
        nodes[node].append(name)
    assert len(nodes) == 2
    for names in nodes.values():
        for kind in ("reward_loop_worker", "agent_loop_worker"):
            assert sum(name.startswith(kind) for name in names) == WORKERS // 2


def judged_steps(run, own, tokenizer):
    """Per step: (rows, judged responses, prompts, token spans), by the library with the file's own parts."""
    golds = {row["prompt"][0]["content"]: row["reward_model"]["ground_truth"] for row in rl_rows(4)}
    for rows in steps_of(run.rows, PROMPTS * SAMPLES):
        judged, prompts, spans = [], [], []
        for row in rows:
            text, _ = decode_with_offsets(row["responses"], tokenizer)
            prompt = tokenizer.decode(row["prompts"])
            (gold,) = (gold for question, gold in golds.items() if question in prompt)
            trajectory = parse(text, own.GRAMMAR, int(row["responses"][-1]) == tokenizer.eos_token_id)
            judged.append(judge(trajectory, gold, own.checker))
            prompts.append(prompt)
            spans.append(token_spans(row["responses"], tokenizer, [(a.start, a.end) for a in trajectory.actions]))
        yield rows, judged, prompts, spans


def test_advantages_at_the_actor_are_the_methods(run, own, tokenizer):
    seen: set[float] = set()
    assert len(run.rows) == STEPS * PROMPTS * SAMPLES
    for rows, judged, prompts, spans in judged_steps(run, own, tokenizer):
        assert len(set(prompts)) == PROMPTS
        rewards = [own.rewards(item) for item in judged]
        values = own.METHOD.advantages(judged, groups=prompts)
        seen.update(reward for earned in rewards for reward in earned)
        for row, item, advantages, where in zip(rows, judged, values, spans, strict=True):
            length = len(row["responses"])
            expected = spread([advantages], [where], length)[0]
            torch.testing.assert_close(row["advantages"], expected, atol=1e-6, rtol=0)
            assert row["rm_scores"].tolist() == [0.0] * (length - 1) + [own.METHOD.outcome(item)]
            ids = [i + 1 for i, (first, end) in enumerate(where) for _ in range(end - first)]
            assert row["s2r_action_ids"].tolist() == ids
    assert seen == {0.0, own.ALPHA, -own.ALPHA}


def test_it_trains_and_logs_what_the_library_counts(run, own, tokenizer):
    assert len(run.train) == STEPS
    for step, (_, judged, _, _) in zip(run.train, judged_steps(run, own, tokenizer), strict=True):
        assert step["actor/grad_norm"] > 0
        expected = behaviour_metrics(judged)
        for name in ("s2r/outcome/accuracy", "s2r/verify/accuracy", "s2r/trials/mean", "s2r/parse/malformed"):
            assert step[name] == pytest.approx(expected[name]), name
        assert step["s2r/alarm/scoring_failed"] == 0
