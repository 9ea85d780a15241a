"""``s2r doctor``: does this environment fit, before a GPU is taken? Every finding comes with the way out."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import click

LEGACY_OVERRIDE = re.compile(r"(?<![\w.])(custom_reward_function|reward_model)((?:\.\w+)+)=(\S+)")
OPENRLHF_TESTED = "0.11.2"
#: Needed by verl's default trainer, missing from its own requirements.
VERL_COMPANIONS = ("TransferQueue", "cachetools", "fastapi", "uvicorn", "wrapt")


@dataclass(frozen=True)
class Finding:
    level: str
    """``ok``, ``warning`` or ``problem``."""
    what: str
    found: str
    way_out: str = ""


@dataclass(frozen=True)
class Machine:
    """What the checks look at, so that they can be tested on any machine."""

    python: tuple[int, int]
    versions: Mapping[str, str]
    """Installed distributions, by lower-case name."""
    requires: Mapping[str, list[str]] = field(default_factory=dict)
    """Requirements that verl and OpenRLHF state."""
    plugins: tuple[str, ...] = ()
    """Names in the entry-point group verl.plugins."""
    environ: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[str, ...] | None = None
    """None: not looked for."""

    def version(self, name: str) -> str | None:
        return self.versions.get(name.lower())


def this_machine(look_for_gpus: bool = True) -> Machine:
    versions = {d.metadata["Name"].lower(): d.version for d in metadata.distributions() if d.metadata["Name"]}
    requires: dict[str, list[str]] = {
        name: metadata.requires(name) or [] for name in ("verl", "openrlhf") if name in versions
    }
    plugins = tuple(entry.name for entry in metadata.entry_points(group="verl.plugins"))
    gpus = _gpus() if look_for_gpus and "torch" in versions else None
    return Machine(sys.version_info[:2], versions, requires, plugins, dict(os.environ), gpus)


def _gpus() -> tuple[str, ...]:
    try:
        import torch
    except Exception as error:  # a broken CUDA installation fails in many ways; all of them mean the same
        click.echo(f"torch does not import: {error}", err=True)
        return ()
    return tuple(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))


def check_python(machine: Machine) -> Iterator[Finding]:
    found = ".".join(map(str, machine.python))
    if not (3, 10) <= machine.python <= (3, 13):
        yield Finding("problem", "python", found, "use Python 3.10 to 3.13")
    elif machine.version("verl") and machine.python >= (3, 13):
        yield Finding("problem", "python", found, "verl needs Python below 3.13")
    else:
        yield Finding("ok", "python", found)


def check_torch(machine: Machine) -> Iterator[Finding]:
    version = machine.version("torch")
    if version is None:
        yield Finding("problem", "torch", "not installed", "install torch, then verl or OpenRLHF")
        return
    yield Finding("ok", "torch", version)
    if machine.gpus is None:
        return
    if machine.gpus:
        yield Finding("ok", "GPUs", f"{len(machine.gpus)} x {machine.gpus[0]}")
    else:
        way = "training needs one: check nvidia-smi and CUDA_VISIBLE_DEVICES, or pass --no-gpu"
        yield Finding("problem", "GPUs", "torch sees none", way)


def check_frameworks(machine: Machine) -> Iterator[Finding]:
    from s2r_verl.versions import problem_with

    verl, openrlhf = machine.version("verl"), machine.version("openrlhf")
    if verl and openrlhf:
        way = "they need different versions of transformers: one environment for each"
        yield Finding("problem", "verl and openrlhf", "both installed", way)
    if verl:
        problem = problem_with(verl)
        yield Finding("problem" if problem else "ok", "verl", verl, problem or "")
    if openrlhf:
        tested = openrlhf == OPENRLHF_TESTED
        way = "" if tested else f"tested with {OPENRLHF_TESTED}"
        yield Finding("ok" if tested else "warning", "openrlhf", openrlhf, way)
    if not verl and not openrlhf:
        way = 'pip install "s2r-rewards[verl]" or "s2r-rewards[openrlhf]"; scoring and reports work without'
        yield Finding("warning", "trainer", "neither verl nor openrlhf installed", way)


def check_verl(machine: Machine) -> Iterator[Finding]:
    if not machine.version("verl"):
        return
    for name in VERL_COMPANIONS:
        if machine.version(name) is None:
            way = f"verl's default trainer needs it and does not require it: pip install {name}"
            yield Finding("problem", name, "not installed", way)
    if not any(machine.version(name) for name in ("vllm", "sglang")):
        yield Finding("warning", "rollouts", "neither vllm nor sglang installed", "the recipes use vllm")
    allowed = machine.environ.get("VERL_USE_EXTERNAL_PLUGINS", "auto").strip().lower()
    if "s2r" not in machine.plugins:
        way = "verl finds s2r through the entry points of an installed package: pip install s2r-rewards"
        yield Finding("problem", "verl.plugins", "no entry point s2r", way)
    elif allowed != "auto" and "s2r" not in allowed.split(","):
        way = "unset it, or add s2r to the list"
        yield Finding("problem", "VERL_USE_EXTERNAL_PLUGINS", allowed, way)


def check_requirements(machine: Machine) -> Iterator[Finding]:
    """Versions that a framework states and the environment does not have."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return
    for owner, stated in machine.requires.items():
        for line in stated:
            need = Requirement(line)
            if need.marker is not None and not need.marker.evaluate({"extra": ""}):
                continue
            found = machine.version(need.name)
            if found is None or not need.specifier.contains(found, prereleases=True):
                way = f"{owner} needs {need.name}{need.specifier}: pip install '{need.name}{need.specifier}'"
                yield Finding("problem", need.name, found or "not installed", way)


def check_antlr(machine: Machine) -> Iterator[Finding]:
    antlr = machine.version("antlr4-python3-runtime")
    if machine.version("hydra-core") and antlr and not antlr.startswith("4.9."):
        way = "hydra needs 4.9: pip install 'antlr4-python3-runtime==4.9.3' 'math-verify[antlr4_9_3]'"
        yield Finding("problem", "antlr4-python3-runtime", antlr, way)
    latex = machine.version("latex2sympy2")
    if latex:
        way = "it pins another antlr than hydra and prints a mismatch on every call; nothing here needs it"
        yield Finding("warning", "latex2sympy2", latex, way)


CHECKS: tuple[Callable[[Machine], Iterator[Finding]], ...] = (
    check_python,
    check_torch,
    check_frameworks,
    check_verl,
    check_requirements,
    check_antlr,
)


def check_config(path: Path) -> Iterator[Finding]:
    """A verl configuration (YAML) or launch script (anything else)."""
    text = path.read_text(encoding="utf-8", errors="replace")
    problems = list(_yaml_problems(text) if path.suffix in (".yaml", ".yml") else _script_problems(text))
    for problem in problems:
        yield Finding("problem", path.name, "configuration", problem)
    if not problems:
        yield Finding("ok", path.name, "no known trap")


def _yaml_problems(text: str) -> Iterator[str]:
    import yaml

    from s2r_verl.checks import config_problems, legacy_keys

    try:
        config: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        yield f"not YAML: {error}"
        return
    if not isinstance(config, dict):
        yield f"expected a mapping, found {type(config).__name__}"
    elif "defaults" in config:  # a part of a configuration: what it lacks may stand elsewhere
        yield from legacy_keys(config)
    else:
        yield from config_problems(config)


def _script_problems(text: str) -> Iterator[str]:
    for number, line in enumerate(text.splitlines(), 1):
        for block, rest, value in LEGACY_OVERRIDE.findall(line.split("#", 1)[0]):
            new = "reward." + (block if block == "custom_reward_function" else "*")
            yield f"line {number}: {block}{rest}={value} is ignored by verl 0.9 without a word; use {new}"
        if re.search(r"use_kl_in_reward=true", line, re.IGNORECASE):
            yield f"line {number}: use_kl_in_reward=True hides S2R's action rewards; use actor.use_kl_loss=True"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="also check this verl configuration or launch script; may be repeated",
)
@click.option("--no-gpu", is_flag=True, help="do not look for GPUs")
@click.option("--json", "as_json", is_flag=True, help="findings as JSON")
def command(configs: tuple[Path, ...], no_gpu: bool, as_json: bool) -> None:
    """Check that this environment fits before a GPU is taken.

    Looks at Python, torch, GPUs, verl, OpenRLHF and known traps between their dependencies. Exits with 1 if
    something will not work.

    \b
    Examples:
      s2r doctor
      s2r doctor --no-gpu --config train.sh --config my_config.yaml
    """
    machine = this_machine(look_for_gpus=not no_gpu)
    findings = [finding for check in CHECKS for finding in check(machine)]
    findings += [finding for path in configs for finding in check_config(path)]
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _show(findings)
    if any(finding.level == "problem" for finding in findings):
        raise SystemExit(1)


def _show(findings: list[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("", "what", "found", "way out"):
        table.add_column(title, overflow="fold")
    colours = {"ok": "green", "warning": "yellow", "problem": "red"}
    for finding in findings:
        level = Text(finding.level, style=colours[finding.level])
        table.add_row(level, Text(finding.what), Text(finding.found), Text(finding.way_out))
    Console().print(table)
    bad = sum(finding.level == "problem" for finding in findings)
    Console().print(Text(f"{bad} problem(s)" if bad else "This environment fits.", style="bold"))
