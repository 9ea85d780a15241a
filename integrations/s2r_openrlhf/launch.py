"""Starts a recipe: ``python -m s2r_openrlhf.launch FOLDER [--check] [OpenRLHF's flags …]``.

FOLDER holds a ``recipe.flags`` that names a model and a stage; the shared parts come with the library, so a copied
recipe works anywhere. ``--check`` prints the commands, runs OpenRLHF's own argument parser on them and stops.

Where things lie, as environment variables:
  S2R_DATA    folder of the data files (data)        S2R_START   model to start from (the stage's)
  S2R_OUTPUT  folder for everything written (out)    S2R_GPUS    GPUs that SFT takes (8)
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from s2r_openrlhf.flags import Flags, FlagsError, read_flags

PROGRAMS = {"sft": "openrlhf.cli.train_sft", "rl": "s2r_openrlhf.train_ppo_ray"}


def shared_folder() -> Path:
    """``_shared`` of the OpenRLHF recipes, in a checkout or in an installed wheel."""
    from s2r_rewards.cli.recipes import recipes_folder

    return recipes_folder() / "openrlhf" / "_shared"


def load(folder: Path, environment: Mapping[str, str]) -> Flags:
    """A recipe's flags; ``S2R_*`` variables of the environment fill in where things lie."""
    flags = read_flags(folder / "recipe.flags", shared_folder())
    flags.variables["data"] = environment.get("S2R_DATA", "data")
    flags.variables["out"] = environment.get("S2R_OUTPUT", "out")
    flags.variables["output"] = "{out}/{name}/" + _stage(folder)
    if "S2R_START" in environment:
        flags.variables["start"] = environment["S2R_START"]
    return flags


def _stage(folder: Path) -> str:
    """The stage that the recipe includes: a copied recipe may have any name."""
    lines = (folder / "recipe.flags").read_text(encoding="utf-8").splitlines()
    stages = [line.split("stages/")[1].strip() for line in lines if line.startswith("include stages/")]
    return stages[-1] if stages else folder.name


def commands(flags: Flags, extra: Sequence[str], gpus: str = "8") -> list[list[str]]:
    """What to execute, in order. ``extra`` flags come last, so they count more than the recipe's."""
    program = flags.value("program")
    if program not in PROGRAMS:
        raise FlagsError(f"program is {program!r}; expected one of {', '.join(PROGRAMS)}")
    training = [*flags.arguments(), *extra]
    if program == "rl":
        return [[sys.executable, "-m", PROGRAMS["rl"], *training]]
    output, start = flags.value("output"), flags.value("start")
    template = f"{output}/chat_template.jinja"
    sft = [sys.executable, "-m", "s2r_openrlhf.sft"]
    return [
        [*sft, "prepare", flags.value("rows"), "-o", f"{output}/rows.jsonl", "--model", start, "--template", template],
        ["deepspeed", "--num_gpus", gpus, "--module", PROGRAMS["sft"], *training, "--data.tokenizer_chat_template", f"@{template}"],
        [*sft, "restore", f"{output}/model", "--model", start],
    ]  # fmt: skip


def with_file_contents(command: Sequence[str]) -> list[str]:
    """``@FILE`` becomes what the file holds: a chat template is known only after the step before."""
    return [Path(word[1:]).read_text(encoding="utf-8") if word.startswith("@") else word for word in command]


def run(steps: Sequence[Sequence[str]], environment: Mapping[str, str]) -> int:
    """Runs the steps until one fails; its exit status."""
    for step in steps:
        print("$", shlex.join(step), flush=True)
        try:
            status = subprocess.run(with_file_contents(step), env=dict(environment), check=False).returncode
        except FileNotFoundError as error:
            print(f"s2r_openrlhf: {error.filename!r} is not installed or does not exist", file=sys.stderr)
            return 127
        if status:
            return status
    return 0


def main(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    folder, extra = Path(arguments[0]), [a for a in arguments[1:] if a != "--check"]
    try:
        flags = load(folder, os.environ)
        steps = commands(flags, extra, os.environ.get("S2R_GPUS", "8"))
    except (FlagsError, OSError) as error:
        print(f"s2r_openrlhf: {error}", file=sys.stderr)
        return 2
    if "--check" in arguments:
        from s2r_openrlhf.check import check_steps

        return check_steps(steps)
    Path(flags.value("output")).mkdir(parents=True, exist_ok=True)
    return run(steps, {**os.environ, **flags.environment})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
