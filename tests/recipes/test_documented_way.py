"""The way that a recipe's README tells, walked: every file that a command reads is made by a command above it."""

import re
import shlex
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FRAMEWORKS = ("verl", "openrlhf", "trl")
#: Options of `s2r data`, `s2r eval` and of programs of the frameworks behind which a command writes.
WRITES = ("-o", "--output", "--verl", "--openrlhf", "--trl", "--dropped", "--target_dir", "--output_dir")
#: Where each framework's stages write, by model.
OUTPUT = {"verl": "checkpoints/s2r/{model}-{stage}", "openrlhf": "out/{model}/{stage}", "trl": "out/{model}/{stage}"}
LOCAL = re.compile(r"^(?:(?:data|out|checkpoints)/|[\w.-]+\.(?:jsonl|parquet)$)")


def commands(text):
    """(words, variables) of each command in the bash blocks, in order; plain assignments are put in."""
    variables = {}
    for block in re.findall(r"^```bash\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            for word in words:
                if assigned := re.fullmatch(r"(\w+)=(\S+?);?", word):
                    variables[assigned[1]] = assigned[2]
            yield [re.sub(r"\$\{?(\w+)\}?", lambda v: variables.get(v[1], v[0]), w) for w in words], dict(variables)


def stage_reads(framework, stage):
    """Files below `data` that a stage's settings name, through what it builds on."""
    text = (ROOT / "recipes" / framework / f"{stage}.yaml").read_text()
    found = set(re.findall(r"\$\{recipe\.data\}/([\w.]+)", text))
    for base in re.findall(r"^defaults: \[([^\]]*)\]|^  - (_\w+)$", text, re.MULTILINE):
        for name in ",".join(base).split(","):
            if (name := name.strip()).startswith("_") and name != "_self_":
                below = stage_reads(framework, name)
                found |= below
    # What a stage sets to null it does not read, whatever it builds on says.
    if framework == "openrlhf" and "dataset: null" in text:
        found.discard("rl_val.jsonl")
    if framework == "openrlhf" and "offline.jsonl" in found:
        found.discard("rl.jsonl")
    if framework == "verl" and "offline.parquet" in found:
        found.discard("rl.parquet")
    return found


def effect(words, variables):
    """(what a command reads, what it writes)."""
    if words[:3] == ["s2r", "recipes", "run"]:
        framework, _, stage = words[3].partition("/")
        if framework not in OUTPUT or "--check" in words:
            return set(), set()
        reads = {f"data/{name}" for name in stage_reads(framework, stage)}
        model = words[words.index("--model") + 1]
        if stage != "sft":  # where RL starts: S2R_START, or with OpenRLHF the folder of its SFT
            reads.add(variables.get("S2R_START", f"out/{model}/sft/model" if framework == "openrlhf" else ""))
        own = words[words.index("--output_dir") + 1 :][:1] if "--output_dir" in words else []
        return reads - {""}, {OUTPUT[framework].format(model=model, stage=stage), *own}
    if words[0] in ("export", "pip", "mkdir", "ray") or "=" in words[0] or (words[:2] == ["s2r", "recipes"]):
        return set(), set()
    writes = {after for before, after in pairwise(words) if before in WRITES}
    return {word for word in words[1:] if LOCAL.match(word)} - writes, writes


def unmade(text):
    """(file, command) for everything that is read and that no command above makes."""
    made: set[str] = set()
    missing = []
    for words, variables in commands(text):
        if not words:
            continue
        reads, writes = effect(words, variables)
        for name in sorted(reads):
            inside = [m for m in made if name == m or name.startswith(f"{m}/") or m.startswith(f"{name}/")]
            if not inside:
                missing.append((name, " ".join(words)))
        made |= writes
    return missing


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_every_file_that_is_read_is_made_above(framework):
    text = (ROOT / "recipes" / framework / "README.md").read_text()
    assert unmade(text) == []


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_way_ends_with_an_evaluation_of_what_was_trained(framework):
    text = (ROOT / "recipes" / framework / "README.md").read_text()
    lines = [words for words, _ in commands(text) if words]
    trained = next(i for i, words in enumerate(lines) if words[:4] == ["s2r", "recipes", "run", f"{framework}/prl"]
                   and "--check" not in words)  # fmt: skip
    assert any(words[:2] == ["s2r", "eval"] for words in lines[trained:])


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("s2r data rl data/held_out.jsonl -o data/rl_val.jsonl", ["data/held_out.jsonl"]),
        ("s2r data offline r.jsonl -o data/offline.jsonl", ["r.jsonl"]),
        ("s2r data problems --source math -o a.jsonl\ns2r data rl a.jsonl -o b.jsonl", []),
        ("s2r data rl a.jsonl -o b.jsonl\ns2r data problems --source math -o a.jsonl", ["a.jsonl"]),
        ("s2r recipes run openrlhf/offline_prl --model m", ["data/offline.jsonl", "out/m/sft/model"]),
        ("s2r recipes run verl/prl --model m --check", []),
        (
            "export S2R_START=out/sft\ns2r recipes run trl/prl --model m",
            ["data/rl_trl.jsonl", "out/sft"],
        ),
        ("python -m verl.model_merger merge --local_dir checkpoints/s2r/m-prl/x --target_dir out/m", ["checkpoints/s2r/m-prl/x"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_found(text, missing):
    assert [name for name, _ in unmade(f"```bash\n{text}\n```\n")] == missing


def test_the_stages_read_what_is_thought_here():
    assert stage_reads("verl", "prl") == {"rl.parquet", "rl_val.parquet"}
    assert stage_reads("verl", "offline_prl") == {"offline.parquet", "rl_val.parquet"}
    assert stage_reads("verl", "sft") == {"sft.parquet"}
    assert stage_reads("openrlhf", "prl") == {"rl.jsonl", "rl_val.jsonl"}
    assert stage_reads("openrlhf", "offline_orl") == {"offline.jsonl"}
    assert stage_reads("openrlhf", "sft") == {"sft.jsonl"}
    assert stage_reads("trl", "orl") == {"rl_trl.jsonl"}
