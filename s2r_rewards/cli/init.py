"""``s2r init``: a project folder that is ready to train."""

import json
from dataclasses import dataclass
from pathlib import Path

import click

from s2r_rewards.adapter import recipes
from s2r_rewards.adapter.recipes import RecipeError
from s2r_rewards.cli.kit.options import json_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.show import say
from s2r_rewards.rollouts.records import atomic_path

TEMPLATES = Path(__file__).with_name("project")


@dataclass(frozen=True)
class Framework:
    """What differs between the trainers. ``train``: how RL takes the project's method; ``by_hand``: the SFT of a trainer
    that has no recipe for it, as RL starts from what it writes."""

    title: str
    install: str
    stages: tuple[str, ...]
    sft: str
    rl: str
    val: str
    train: str
    by_hand: str = ""


FRAMEWORKS = {
    "verl": Framework(
        "verl",
        'pip install "s2r-rewards[verl,data]" "verl[vllm]==0.9.1" wheel pytest\n'
        'pip install "flash-attn==2.8.3" --no-build-isolation     # built against torch; needs nvcc',
        ("verl/sft", "verl/prl"),
        "--verl data/sft.parquet",
        "--verl data/rl.parquet",
        "--verl data/rl_val.parquet",
        "algorithm.s2r.method=method:METHOD",
    ),
    "openrlhf": Framework(
        "OpenRLHF",
        'pip install "vllm==0.29.0" wheel pytest\n'
        'pip install "flash-attn==2.8.3" --no-build-isolation     # built against torch; needs nvcc\n'
        'pip install "openrlhf[vllm]==0.11.2" "s2r-rewards[openrlhf,data]"',
        ("openrlhf/sft", "openrlhf/prl"),
        "--openrlhf data/sft.jsonl",
        "--openrlhf data/rl.jsonl",
        "--openrlhf data/rl_val.jsonl",
        "--s2r.method method:METHOD",
    ),
    "trl": Framework(
        "TRL",
        'pip install "s2r-rewards[trl,data]" "trl[vllm]==1.16.0" pytest',
        ("trl/prl",),
        '--trl data/sft_trl/train.jsonl --tokenizer "$model"',
        "--trl data/rl_trl.jsonl",
        "--trl data/rl_val.jsonl",
        "--s2r.method method:METHOD",
        "accelerate launch --mixed_precision bf16 --use_fsdp --fsdp_version 2 \\\n"
        "    --fsdp_auto_wrap_policy TRANSFORMER_BASED_WRAP --fsdp_state_dict_type FULL_STATE_DICT \\\n"
        "    -m trl.scripts.sft --model_name_or_path @HF@ --dataset_name data/sft_trl --output_dir out/sft \\\n"
        "    --max_length 6000 --learning_rate 5e-6 --num_train_epochs 3 --per_device_train_batch_size 1 \\\n"
        "    --gradient_accumulation_steps 4 --gradient_checkpointing --bf16\n"
        "export S2R_START=out/sft                    # what RL starts from",
    ),
}


@verb()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--framework", type=click.Choice(list(FRAMEWORKS)), default="verl", show_default=True)
@click.option("--model", help="A model that the recipes know. [default: the first of them]")
@json_option
def command(folder: Path, framework: str, model: str | None, as_json: bool) -> None:
    """Write a project FOLDER: configuration, data commands, rewards of its own, and a test of them.

    \b
    Examples:
      s2r init my-project
      s2r init my-project-openrlhf --framework openrlhf --model qwen2.5-math-7b
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise click.UsageError(f"{folder} exists and is not empty; name another folder")
    kind = FRAMEWORKS[framework]
    try:
        found = [recipes.find_recipe(name) for name in kind.stages]
        name = recipes.known(found[0].models, model, "model") if model else found[0].models[0]
        base = recipes.hub_name(found[0].folder, name)
        files = {Path("recipe", place): path for one in found for place, path in one.files(name).items()}
    except RecipeError as error:
        raise click.UsageError(str(error)) from None
    train = [f"bash recipe/run.sh {one.stage} --model {name}" for one in found]
    words = {
        "@NAME@": folder.resolve().name,
        "@TITLE@": kind.title,
        "@INSTALL@": kind.install,
        "@TRAIN@": "\n".join(filter(None, [kind.by_hand, *train[:-1], f"PYTHONPATH=. {train[-1]} {kind.train}"])),
        "@SFT@": kind.sft,
        "@RL@": kind.rl,
        "@VAL@": kind.val,
        "@HF@": base,
        "@PAPER@": Path(base).name,
    }
    texts = {path.name.removesuffix(".txt"): path.read_text(encoding="utf-8") for path in sorted(TEMPLATES.iterdir())}
    for name_there, text in texts.items():
        for word, value in words.items():
            text = text.replace(word, value)
        texts[name_there] = text
    texts |= {str(place): path.read_text(encoding="utf-8") for place, path in files.items()}
    for place, text in texts.items():
        with atomic_path(folder / place) as partial:
            partial.write_text(text, encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"folder": str(folder), "framework": framework, "model": name, "files": sorted(texts)}))
    say(f"{folder}: a project for {kind.title} with {name}; read {folder / 'README.md'}")
