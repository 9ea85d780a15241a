"""``s2r doctor``: does this environment fit, before a GPU is taken? Every finding comes with the way out."""

import importlib
import importlib.util
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

import click

from s2r_rewards.adapter.machine import CHECKS, Check, Finding, Machine, this_machine
from s2r_rewards.adapter.memory import GIB, estimate, shape_of
from s2r_rewards.adapter.named_effects import effects_in, effects_of
from s2r_rewards.adapter.recipes import find_recipe, known, model_facts
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.show import print_table
from s2r_rewards.methods import Method, get_method

#: GiB of a GPU, where none is here.
ASSUMED = 80
#: Packages whose module ``doctor`` adds checks of its framework; they know the core, the core finds them by name.
INTEGRATIONS = ("s2r_verl", "s2r_openrlhf", "s2r_trl")


def integration_doctors() -> list[ModuleType]:
    """The doctors of the integrations that are installed here."""
    found = [f"{name}.doctor" for name in INTEGRATIONS if importlib.util.find_spec(name)]
    return [importlib.import_module(name) for name in found]


def all_checks() -> list[Check]:
    """Every check of a machine, ours first."""
    return [*CHECKS, *(check for doctor in integration_doctors() for check in doctor.CHECKS)]


def check_config(path: Path) -> Iterator[Finding]:
    """A verl configuration (YAML) or launch script (anything else)."""
    for doctor in integration_doctors():
        if hasattr(doctor, "check_config"):
            yield from doctor.check_config(path)
    yield from effects_in(path)


def check_memory(name: str, model: str, gpu_memory: float | None, machine: Machine) -> Iterator[Finding]:
    """The memory that a recipe needs of each GPU: of those of this machine, or of ``gpu_memory`` GiB.

    Raises:
        ValueError: there is no such recipe or model.
    """
    recipe = find_recipe(name)
    if recipe.stage is None:
        raise ValueError(f"{name} has no stages: it needs no GPU, or those of the recipes that it calls")
    known(recipe.models, model, "model")
    capacity = gpu_memory * GIB if gpu_memory else min(machine.gpu_memory, default=ASSUMED * GIB)
    try:
        doctor = importlib.import_module(f"s2r_{recipe.folder.name}.doctor")
        start, load = doctor.memory_of(recipe.folder, recipe.stage, model)
        yield from estimate(shape_of(start, model_facts(recipe.folder, model)), load, capacity)
    except (ValueError, ImportError) as error:
        yield Finding("warning", "memory of each GPU", "not estimated", str(error))


@verb()
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="also check this verl configuration or launch script; may be repeated",
)
@click.option(
    "--method", "methods", multiple=True, help="say what this method does on the side, such as s2r-prl; may be repeated"
)
@click.option("--recipe", help="say what memory this recipe needs of each GPU, such as verl/prl; with --model")
@click.option("--model", help="the model of --recipe, such as qwen2-7b-instruct")
@click.option("--gpu-memory", type=click.FloatRange(1), help="GiB of each GPU [this machine's, else 80]")
@click.option("--no-gpu", is_flag=True, help="do not look for GPUs")
@click.option("--json", "as_json", is_flag=True, help="findings as JSON")
def command(
    configs: tuple[Path, ...],
    methods: tuple[str, ...],
    recipe: str | None,
    model: str | None,
    gpu_memory: float | None,
    no_gpu: bool,
    as_json: bool,
) -> None:
    """Check that this environment fits before a GPU is taken.

    Looks at Python, torch, GPUs, verl, OpenRLHF and known traps between their dependencies. Exits with 1 if
    something will not work.

    \b
    Examples:
      s2r doctor
      s2r doctor --no-gpu --config train.sh --config my_config.yaml
      s2r doctor --no-gpu --method s2r-prl
      s2r doctor --recipe verl/prl --model qwen2-7b-instruct --gpu-memory 80
    """
    if (recipe is None) != (model is None) or (gpu_memory and recipe is None):
        raise click.UsageError("--recipe and --model go together, and --gpu-memory with them")
    machine = this_machine(look_for_gpus=not no_gpu)
    findings = [finding for check in all_checks() for finding in check(machine)]
    findings += [finding for path in configs for finding in check_config(path)]
    findings += [finding for name in methods for finding in effects_of(_method(name))]
    if recipe and model:
        findings += check_memory(recipe, model, gpu_memory, machine)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.level == "problem" for finding in findings):
        raise SystemExit(1)


def _method(name: str) -> Method:
    try:
        return get_method(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Column
    from rich.text import Text

    colours = {"ok": "green", "warning": "yellow", "problem": "red"}
    columns = [Column(title, overflow="fold") for title in ("", "what", "found", "way out")]
    rows = [
        (Text(one.level, style=colours[one.level]), Text(one.what), Text(one.found), Text(one.way_out))
        for one in findings
    ]
    print_table(columns, rows, text=4, box=None, pad_edge=False, header_style="bold")
    bad = sum(finding.level == "problem" for finding in findings)
    Console().print(Text(f"{bad} problem(s)" if bad else "This environment fits.", style="bold"))
