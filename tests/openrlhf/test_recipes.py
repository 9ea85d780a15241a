"""Every recipe through OpenRLHF's real argument parser, and the paper's figures in what it makes of them."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from s2r_openrlhf import AGENT_FILE
from s2r_openrlhf.checks.flags import for_installed
from s2r_openrlhf.launch import flags, parsed_step, plan
from s2r_openrlhf.options import split_arguments
from s2r_rewards.adapter.recipes import RecipeError, find_recipe

RECIPES = Path(__file__).parent.parent.parent / "recipes" / "openrlhf"
# Tables 7 and 8 of arXiv:2502.12853: (model, maximal length, KL coefficient of RL)
MODELS = {
    "llama-3.1-8b-instruct": ("meta-llama/Llama-3.1-8B-Instruct", 8000, 0.05),
    "qwen2-7b-instruct": ("Qwen/Qwen2-7B-Instruct", 6000, 0.05),
    "qwen2.5-math-7b": ("Qwen/Qwen2.5-Math-7B", 8000, 0.01),
}


def training_step(model, stage, *extra):
    [step] = plan(RECIPES, stage, model, extra).steps
    return step


@pytest.fixture(autouse=True)
def no_places(monkeypatch):
    # The oldest OpenRLHF, with which these tests run too, refuses Eq. 6: see test_configurations.py.
    monkeypatch.setattr("s2r_openrlhf.checks.rules.counts_whole_steps", lambda: True)
    for name in ("S2R_DATA", "S2R_OUTPUT", "S2R_START", "S2R_GPUS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def copied(tmp_path):
    """A copy of a recipe for one model."""

    def copy(name):
        for place, source in find_recipe(name).files("qwen2-7b-instruct").items():
            (tmp_path / place).parent.mkdir(exist_ok=True)
            shutil.copy(source, tmp_path / place)
        return tmp_path

    return copy


@pytest.mark.parametrize("model", MODELS)
def test_sft(model):
    steps = plan(RECIPES, "sft", model, []).steps
    name, length, _ = MODELS[model]
    args = parsed_step(steps[1])
    assert args.model.model_name_or_path == name
    assert (args.data.max_len, args.train.batch_size, args.train.max_epochs, args.adam.lr) == (length, 32, 3, 5e-6)
    assert args.data.multiturn
    assert steps[1][steps[1].index("--module") + 1 :][:3] == [
        "s2r_openrlhf.train_sft",
        "--s2r.beta",
        {"qwen2.5-math-7b": "0.01"}.get(model, "0.1"),
    ]
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
    assert (args.algo.kl.use_loss, args.algo.kl.estimator, args.algo.advantage.estimator) == (False, "k1", "rloo")
    assert args.train.batch_size == 64
    assert args.rollout.batch_size * args.rollout.n_samples_per_prompt == 256
    assert args.data.max_samples * args.train.num_episodes / args.rollout.batch_size == 500
    assert args.train.agent_func_path == str(AGENT_FILE)
    options, _, _ = split_arguments(step[3:])
    assert options.method == f"s2r-{stage}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ["offline_orl", "offline_prl"])
def test_offline_rl(model, stage):
    step = training_step(model, stage)
    args = parsed_step(step)
    assert (args.data.max_len, args.algo.kl.init_coef, args.actor.adam.lr) == (8192, 0.1, 5e-7)
    assert (args.train.batch_size, args.rollout.batch_size, args.rollout.n_samples_per_prompt) == (64, 64, 1)
    assert args.train.num_episodes == 1
    assert args.train.agent_func_path == str(AGENT_FILE)
    options, _, _ = split_arguments(step[3:])
    assert options.offline
    assert options.method == f"s2r-{stage.replace('_', '-')}"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", ["orl", "prl"])
def test_what_openrlhfs_own_scripts_turn_on(model, stage):
    """Dynamic batches, the correction for vLLM's log-probabilities, evaluation, bounded checkpoints."""
    args = parsed_step(training_step(model, stage))
    assert args.train.dynamic_batch_enable
    assert args.rollout.max_tokens_per_gpu >= args.train.max_tokens_per_gpu >= args.data.max_len
    advantage = args.algo.advantage
    if hasattr(advantage, "is_correction_level"):
        assert (advantage.is_correction_level, advantage.is_correction_mode) == ("token", "mask")
    else:
        assert (advantage.is_correction_enable, advantage.is_correction_type) == (True, "icepop")
    assert advantage.is_correction_threshold == [0.5, 5.0]
    assert (args.eval.dataset, args.eval.steps, args.eval.n_samples_per_prompt) == ("data/rl_val.jsonl", 25, 1)
    assert (args.ckpt.max_num, args.ckpt.save_steps) == (3, 50)


@pytest.mark.parametrize("stage", ["offline_orl", "offline_prl"])
def test_stored_rollouts_are_neither_corrected_nor_evaluated(stage):
    step = training_step("qwen2-7b-instruct", stage)
    assert not [word for word in step if "is_correction" in word or word.startswith("--eval")]


@pytest.mark.parametrize(
    ("level", "mode", "older"), [("token", "mask", "icepop"), ("token", "clip", "tis"), ("seq", "mask", "seq-mask-tis")]
)
def test_older_versions_get_their_words_for_the_correction(level, mode, older, tmp_path, monkeypatch):
    settings = {"algo": {"advantage": {"is_correction_level": level, "is_correction_mode": mode, "estimator": "rloo"}}}
    source = tmp_path / "train_ppo_ray.py"
    source.write_text('add_argument("--algo.advantage.is_correction_type")')
    found = SimpleNamespace(origin=str(source))
    monkeypatch.setattr("s2r_openrlhf.checks.flags.util.find_spec", lambda name: found)
    told = for_installed(settings)["algo"]["advantage"]
    assert told == {"estimator": "rloo", "is_correction_enable": True, "is_correction_type": older}
    source.write_text('add_argument("--algo.advantage.is_correction_level")')
    assert for_installed(settings) == settings


@pytest.mark.parametrize("name", ["sft_original_solution", "sft_long_cot"])
def test_comparison_sets_train_as_behaviour_initialisation_does(name):
    steps = plan(RECIPES, name, "qwen2-7b-instruct", []).steps
    initialisation = plan(RECIPES, "sft", "qwen2-7b-instruct", []).steps
    assert f"data/{name}.jsonl" in steps[0]
    assert parsed_step(steps[1]).ckpt.output_dir == f"out/qwen2-7b-instruct/{name}/model"
    as_theirs = [[word.replace(name, "sft") for word in step] for step in steps]
    assert as_theirs == initialisation


@pytest.mark.parametrize("stage", ["orl", "prl"])
def test_other_domains_train_as_mathematics_does(stage):
    step = training_step("qwen2-7b-instruct", f"cross_domain_{stage}")
    assert parsed_step(step).data.prompt_dataset == "data/cross_domain.jsonl"
    mathematics = training_step("qwen2-7b-instruct", stage)
    assert [
        w.replace("data/cross_domain", "data/rl").replace(f"cross_domain_{stage}", stage) for w in step
    ] == mathematics


def test_a_start_without_a_chat_template_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("S2R_START", str(tmp_path))
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|endoftext|>"}')
    with pytest.raises(
        ValueError, match=r"--data.apply_chat_template: .* has no chat template; choose an instruct model"
    ):
        parsed_step(training_step("qwen2-7b-instruct", "prl"))
    (tmp_path / "chat_template.jinja").write_text("{{ messages }}")
    assert parsed_step(training_step("qwen2-7b-instruct", "prl")).data.apply_chat_template


def test_places_and_flags_of_ones_own_count_more(monkeypatch):
    for name, value in (("S2R_DATA", "/d"), ("S2R_OUTPUT", "/o"), ("S2R_START", "/m")):
        monkeypatch.setenv(name, value)
    own = ["--rollout.temperature", "1.0", "--train.async_enable", "--s2r.baseline", "position"]
    step = training_step("qwen2-7b-instruct", "prl", *own)
    with pytest.raises(ValueError, match="enable_sleep"):  # OpenRLHF's own: async and sleep exclude each other
        parsed_step(step)
    args = parsed_step([word for word in step if word != "--train.async_enable"])
    assert args.rollout.temperature == 1.0
    assert args.data.prompt_dataset == "/d/rl.jsonl"
    assert args.actor.model_name_or_path == "/m"
    assert args.ckpt.output_dir == "/o/qwen2-7b-instruct/prl/model"


def test_a_copied_recipe_keeps_working(copied):
    folder = copied("openrlhf/orl")
    facts = folder / "models" / "qwen2-7b-instruct.yaml"
    facts.write_text(facts.read_text().replace("kl_rl: 0.05", "kl_rl: 0.2"))
    with open(folder / "orl.yaml", "a") as file:
        file.write("actor: {adam: {lr: 1e-6}}\n")
    args = parsed_step(plan(folder, "orl", "qwen2-7b-instruct", []).steps[0])
    assert (args.algo.kl.init_coef, args.actor.adam.lr) == (0.2, 1e-6)
    assert args.ckpt.output_dir == "out/qwen2-7b-instruct/orl/model"


def test_a_copied_variant_brings_what_it_varies(copied):
    folder = copied("openrlhf/sft_long_cot")
    assert {path.name for path in folder.glob("*.yaml")} >= {"sft_long_cot.yaml", "sft.yaml", "_cluster.yaml"}
    assert len(plan(folder, "sft_long_cot", "qwen2-7b-instruct", []).steps) == 3


def test_a_copied_recipe_goes_asynchronous(copied):
    folder = copied("openrlhf/prl")
    with open(folder / "prl.yaml", "a") as file:
        file.write("vllm: {enable_sleep: null}\ntrain: {async_enable: true}\n")
    args = parsed_step(plan(folder, "prl", "qwen2-7b-instruct", []).steps[0])
    assert args.train.async_enable


def test_a_stage_that_lacks_a_place_is_refused(copied):
    folder = copied("openrlhf/sft")
    text = (folder / "sft.yaml").read_text()
    (folder / "sft.yaml").write_text(text.replace("  gpus: ${oc.env:S2R_GPUS,8}\n", ""))
    with pytest.raises(RecipeError, match=r"sft.yaml: recipe.gpus is missing"):
        plan(folder, "sft", "qwen2-7b-instruct", [])


def test_output_environment_and_gpus(monkeypatch):
    monkeypatch.setenv("S2R_GPUS", "4")
    made = plan(RECIPES, "sft", "qwen2.5-math-7b", [])
    assert made.output == Path("out/qwen2.5-math-7b/sft")
    assert made.environment == {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": 1}
    assert made.steps[1][:5] == [sys.executable, "-m", "deepspeed.launcher.runner", "--num_gpus", "4"]
    assert made.steps[1][-1] == "@out/qwen2.5-math-7b/sft/chat_template.jinja"
    assert plan(RECIPES, "prl", "qwen2-7b-instruct", []).environment == {}


def test_check_reports_a_flag_that_openrlhf_does_not_know():
    place = [str(RECIPES), "orl", "--model", "qwen2-7b-instruct"]
    command = [sys.executable, "-m", "s2r_openrlhf.launch", *place, "--check"]
    done = subprocess.run([*command, "--actor.adam.learning_rate", "1"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "unrecognized arguments: --actor.adam.learning_rate" in done.stderr


def test_nested_settings_become_flags():
    settings = {
        "a": {"b": {"c": 5e-7}, "on": True, "off": False, "none": None},
        "s": "text",
        "zero": 0,
        "several": [1, "x"],
        "empty": {},
    }
    assert list(flags(settings)) == ["--a.b.c", "5e-07", "--a.on", "--s", "text", "--zero", "0", "--several", "1", "x"]
