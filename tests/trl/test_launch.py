"""The command line and the recipes of TRL: every option is used, or refused by name before a model is loaded."""

import json
import re
import shutil
import sys
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="needs TRL: pip install 's2r-rewards[trl]'")

from s2r_rewards.adapter import ConfigError, Options
from s2r_rewards.adapter.machine import Machine
from s2r_trl import doctor, train
from s2r_trl.train import read_arguments, split_arguments

sys.path.insert(0, str(Path(__file__).parent))
import scripted

RECIPES = Path(__file__).resolve().parents[2] / "recipes/trl"
CPU = ["--use_cpu", "True", "--bf16", "False", "--report_to", "none"]


def test_our_options_are_read_and_the_rest_is_trls():
    words = ["--s2r.method", "pag", "--lr", "1", "--s2r.workers=3", "--s2r.beta", "0.05", "--x"]
    options, rest = split_arguments([*words, "--s2r.alarms", "false"])
    assert options == Options("pag", workers=3, beta=0.05, alarms=False)
    assert rest == ["--lr", "1", "--x"]
    for wrong, message in (
        (["--s2r.method"], "--s2r.method has no value"),
        (["--s2r.mehtod=x"], r"unknown keys \['mehtod'\]"),
    ):
        with pytest.raises(ConfigError, match=message):
            split_arguments(wrong)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--model_name_or_path is missing"),
        (["--model_name_or_path", "m", "--loss_type", "grpo"], "loss_type='grpo' belongs to TRL's losses"),
        (["--model_name_or_path", "m", "--s2r.method", "no-such"], "unknown method 'no-such'"),
        (["--model_name_or_path", "m", "--loss", "ppo"], "loss is 'ppo'; expected one of"),
    ],
)
def test_what_cannot_work_is_named(words, message):
    with pytest.raises(ValueError, match=message):
        read_arguments(["--dataset", "d.jsonl", "--output_dir", "o", *CPU, *words])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    scripted.make_model().save_pretrained(folder / "model")
    scripted.TOKENIZER.save_pretrained(folder / "model")
    rows = [{"prompt": f"2 + 3? {i}", "gold": "5"} for i in range(16)]
    (folder / "rl.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def arguments(place, *more):
    words = [
        "--model_name_or_path",
        place / "model",
        "--dataset",
        place / "rl.jsonl",
        "--output_dir",
        place / "out",
        *CPU,
    ]
    words += [
        "--max_completion_length",
        8,
        "--max_steps",
        1,
        "--per_device_train_batch_size",
        4,
        "--num_generations",
        4,
    ]
    return [str(word) for word in (*words, *more)]


@pytest.mark.parametrize("method", ["pag", "return-to-go", "cal"])
def test_a_run_from_the_command_line(place, method):
    """A real step, and a model at the end."""
    shutil.rmtree(place / "out", ignore_errors=True)
    train.main(arguments(place, "--s2r.method", method, "--save_strategy", "no", "--logging_steps", 1))
    assert (place / "out" / "model.safetensors").is_file()


def test_data_is_looked_at_before_a_model_is(place, tmp_path):
    with pytest.raises(SystemExit, match=r"nowhere\.jsonl: no such file; `s2r data rl … --trl"):
        train.main([*arguments(place), "--dataset", str(tmp_path / "nowhere.jsonl")])
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps({"prompt": "2 + 3?", "gold": ""}) + "\n")
    with pytest.raises(SystemExit, match=r"s2r_trl: .*gold"):
        train.main([*arguments(place), "--dataset", str(bad)])


@pytest.mark.parametrize("stage", ["prl", "orl"])
@pytest.mark.parametrize("model", ["qwen2-7b-instruct", "llama-3.1-8b-instruct", "qwen2.5-math-7b"])
def test_trl_takes_every_option_of_the_recipes(stage, model, capsys, monkeypatch):
    pytest.importorskip("omegaconf", reason="needs omegaconf: pip install 's2r-rewards[trl]'")
    from s2r_trl import launch

    monkeypatch.setenv("S2R_GPUS", "4")
    assert launch.main([str(RECIPES), stage, "--model", model, "--check"]) == 0
    shown = capsys.readouterr().out
    assert f"--s2r.method s2r-{stage}" in shown
    assert "--num_processes 4" in shown
    assert "TRL accepts every option" in shown


def test_a_wrong_option_of_a_recipe_is_named(capsys):
    pytest.importorskip("omegaconf", reason="needs omegaconf: pip install 's2r-rewards[trl]'")
    from s2r_trl import launch

    assert launch.main([str(RECIPES), "prl", "--model", "qwen2-7b-instruct", "--check", "--beta", "0.1"]) == 2
    assert "GRPOConfig(beta=0.1) is a KL loss of TRL" in capsys.readouterr().err
    assert launch.main([str(RECIPES), "prl", "--model", "qwen2-7b-instruct", "--check", "--no_such_option", "1"]) == 2
    assert "--no_such_option" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("versions", "levels"),
    [
        ({}, []),
        ({"trl": "1.16.0", "vllm": "0.11"}, ["ok"]),
        ({"trl": "1.16.0"}, ["ok", "warning"]),
        ({"trl": "1.2.0", "vllm": "0.11"}, ["warning"]),
        ({"trl": "0.24.0"}, ["problem"]),
        ({"trl": "2.0.0"}, ["problem"]),
    ],
    ids=str,
)
def test_doctor(versions, levels):
    assert [finding.level for finding in doctor.check_trl(Machine((3, 11), versions))] == levels


def test_memory_of_the_recipe_and_of_one_that_shares_nothing(tmp_path):
    pytest.importorskip("omegaconf", reason="needs omegaconf: pip install 's2r-rewards[trl]'")
    start, load = doctor.memory_of(RECIPES, "prl", "qwen2-7b-instruct")
    assert (start, load.gpus, load.tokens, load.reference) == ("Qwen/Qwen2-7B-Instruct", 8, 2 * 7024, 4)
    assert (load.engine, load.stays, load.awake) == (0.4, None, False)
    assert load.logits == 0  # TRL's head gives log-probabilities alone
    for name in ("trl", "models"):
        shutil.copytree(RECIPES.parent / name, tmp_path / name)
    rl = tmp_path / "trl" / "_rl.yaml"
    written = re.sub(r"  accelerate: \[[^\]]*\]", "  accelerate: []", rl.read_text())
    rl.write_text(written.replace("  vllm_enable_sleep_mode: true\n", ""))
    _, alone = doctor.memory_of(tmp_path / "trl", "prl", "qwen2-7b-instruct")
    assert (alone.gpus, alone.awake) == (1, True)  # every GPU holds everything; TRL's engines do not sleep unless told


def test_accelerate_knows_every_word_of_the_recipe():
    pytest.importorskip("omegaconf", reason="needs omegaconf: pip install 's2r-rewards[trl]'")
    from accelerate.commands.launch import launch_command_parser

    from s2r_trl import launch

    (step,) = launch.plan(RECIPES, "prl", "qwen2-7b-instruct", []).steps
    told = launch_command_parser().parse_args(step[3:])
    assert (told.num_processes, told.use_fsdp, told.fsdp_version, told.mixed_precision) == (8, True, "2", "bf16")
