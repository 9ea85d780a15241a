"""Every recipe through OpenRLHF's real argument parser, and the paper's figures in what it makes of them."""

import subprocess
import sys
from pathlib import Path

import pytest

from s2r_openrlhf import AGENT_FILE, REPLAY_FILE
from s2r_openrlhf.check import parsed_step
from s2r_openrlhf.flags import Flags, FlagsError, read_flags
from s2r_openrlhf.launch import commands, load, run
from s2r_openrlhf.options import split_arguments

RECIPES = Path(__file__).parent.parent.parent / "recipes" / "openrlhf"
STAGES = ("sft", "orl", "prl", "offline_orl", "offline_prl")
# Tables 7 and 8 of arXiv:2502.12853: (model, maximal length, KL coefficient of RL)
MODELS = {
    "llama-3.1-8b-instruct": ("meta-llama/Llama-3.1-8B-Instruct", 8000, 0.05),
    "qwen2-7b-instruct": ("Qwen/Qwen2-7B-Instruct", 6000, 0.05),
    "qwen2.5-math-7b": ("Qwen/Qwen2.5-Math-7B", 8000, 0.01),
}


def training_step(model, stage, *extra):
    return next(
        s
        for s in commands(load(RECIPES / model / stage, {}), extra)
        if "prepare" not in s and "restore" not in s
    )


@pytest.mark.parametrize("model", MODELS)
def test_sft(model):
    steps = commands(load(RECIPES / model / "sft", {}), [])
    name, length, _ = MODELS[model]
    args = parsed_step(steps[1])
    assert args.model.model_name_or_path == name
    assert (args.data.max_len, args.train.batch_size, args.train.max_epochs, args.adam.lr) == (
        length,
        32,
        3,
        5e-6,
    )
    assert args.data.multiturn
    rows = f"out/{model}/sft/rows.jsonl"
    assert args.data.dataset == rows == steps[0][steps[0].index("-o") + 1]
    assert steps[0][3:5] == ["prepare", "data/sft.jsonl"]
    assert steps[2][3:] == ["restore", args.ckpt.output_dir, "--model", name]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ["orl", "prl"])
def test_online_rl(model, stage):
    step = training_step(model, stage)
    args = parsed_step(step)
    _, length, kl = MODELS[model]
    assert args.actor.model_name_or_path == f"out/{model}/sft/model"
    assert (args.actor.adam.lr, args.actor.eps_clip, args.rollout.temperature) == (5e-7, 0.2, 0.7)
    assert args.data.max_len == length
    assert args.algo.kl.init_coef == kl
    assert (args.algo.kl.use_loss, args.algo.kl.estimator, args.algo.advantage.estimator) == (
        False,
        "k1",
        "rloo",
    )
    assert args.train.batch_size == 64
    assert args.rollout.batch_size * args.rollout.n_samples_per_prompt == 256
    assert args.data.max_samples * args.train.num_episodes / args.rollout.batch_size == 500
    assert args.train.agent_func_path == str(AGENT_FILE)
    options, _, _ = split_arguments(step[3:])
    assert options.level == {"orl": "outcome", "prl": "process"}[stage]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ["offline_orl", "offline_prl"])
def test_offline_rl(model, stage):
    step = training_step(model, stage)
    args = parsed_step(step)
    assert (args.data.max_len, args.algo.kl.init_coef, args.actor.adam.lr) == (8192, 0.1, 5e-7)
    assert (args.train.batch_size, args.rollout.batch_size, args.rollout.n_samples_per_prompt) == (64, 64, 1)
    assert args.train.num_episodes == 1
    assert args.train.agent_func_path == str(REPLAY_FILE)
    options, _, _ = split_arguments(step[3:])
    assert options.offline
    assert options.level == {"offline_orl": "outcome", "offline_prl": "process"}[stage]


def test_every_recipe_is_there_and_names_its_folder():
    found = {path.parent.relative_to(RECIPES).as_posix() for path in RECIPES.glob("*/*/run.sh")}
    assert found == {f"{model}/{stage}" for model in MODELS for stage in STAGES}
    for place in found:
        flags = load(RECIPES / place, {})
        assert flags.value("output") == f"out/{place}"
        assert len({(RECIPES / place / "run.sh").read_text()}) == 1


def test_places_and_flags_of_ones_own_count_more():
    flags = load(
        RECIPES / "qwen2-7b-instruct" / "prl", {"S2R_DATA": "/d", "S2R_OUTPUT": "/o", "S2R_START": "/m"}
    )
    step = commands(
        flags, ["--rollout.temperature", "1.0", "--train.async_enable", "--s2r.baseline", "position"]
    )[0]
    with pytest.raises(
        AssertionError, match="enable_sleep"
    ):  # OpenRLHF's own check: async and sleep exclude each other
        parsed_step(step)
    args = parsed_step([word for word in step if word not in ("--train.async_enable",)])
    assert args.rollout.temperature == 1.0
    assert args.data.prompt_dataset == "/d/rl.jsonl"
    assert args.actor.model_name_or_path == "/m"
    assert args.ckpt.output_dir == "/o/qwen2-7b-instruct/prl/model"


def test_a_copied_recipe_keeps_working(tmp_path):
    import shutil

    shutil.copytree(RECIPES / "qwen2-7b-instruct" / "orl", tmp_path / "mine")
    with open(tmp_path / "mine" / "recipe.flags", "a") as file:
        file.write("let kl = 0.2\n--actor.adam.lr 1e-6\n")
    args = parsed_step(commands(load(tmp_path / "mine", {}), [])[0])
    assert (args.algo.kl.init_coef, args.actor.adam.lr) == (0.2, 1e-6)
    assert args.ckpt.output_dir == "out/qwen2-7b-instruct/orl/model"


def test_a_copied_recipe_goes_asynchronous(tmp_path):
    (tmp_path / "recipe.flags").write_text(
        (RECIPES / "qwen2-7b-instruct" / "prl" / "recipe.flags").read_text()
        + "drop --vllm.enable_sleep\n--train.async_enable\n"
    )
    args = parsed_step(commands(load(tmp_path, {}), [])[0])
    assert args.train.async_enable


def test_check_reports_a_flag_that_openrlhf_does_not_know():
    command = [
        sys.executable,
        "-m",
        "s2r_openrlhf.launch",
        str(RECIPES / "qwen2-7b-instruct" / "orl"),
        "--check",
    ]
    done = subprocess.run([*command, "--actor.adam.learning_rate", "1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unrecognized arguments: --actor.adam.learning_rate" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("--a 1\nlearning_rate 3\n", r"recipe.flags:2: found 'learning_rate 3'; expected --flag"),
        ("include nowhere\n", "nowhere.flags: No such file"),
    ],
)
def test_flags_files_name_the_line(tmp_path, text, message):
    (tmp_path / "recipe.flags").write_text(text)
    with pytest.raises(FlagsError, match=message):
        read_flags(tmp_path / "recipe.flags", tmp_path)


def test_variables():
    flags = Flags(variables={"a": "{b}/x", "b": "1", "loop": "{loop}"}, flags={"--f": ["{a}", "y"]})
    assert flags.arguments() == ["--f", "1/x", "y"]
    with pytest.raises(FlagsError, match="variable 'c' is not defined"):
        flags.value("c")
    with pytest.raises(FlagsError, match="variable 'loop' is defined by itself"):
        flags.value("loop")


def test_steps_stop_at_the_first_failure(tmp_path, capfd):
    (tmp_path / "text").write_text("hello")
    show = [sys.executable, "-c", "import sys; print(sys.argv[1])", f"@{tmp_path / 'text'}"]
    fail = [sys.executable, "-c", "raise SystemExit(3)"]
    assert run([show, fail, show], {}) == 3
    assert capfd.readouterr().out.splitlines().count("hello") == 1
