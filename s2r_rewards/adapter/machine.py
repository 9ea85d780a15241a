"""What ``s2r doctor`` looks at on any machine; each integration adds what its framework needs (``<package>.doctor``)."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata

logger = logging.getLogger(__name__)


def installed(name: str) -> str | None:
    """The installed version of a distribution, None without one. Does not import it."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def within(version: str, oldest: tuple[int, ...], below: tuple[int, ...]) -> bool:
    """Whether a version, whatever its suffix, is at least the first and below the second: "0.9.1.dev2" is (0, 9, 1)."""
    return oldest <= tuple(map(int, re.findall(r"\d+", version)[:3])) < below


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

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
    """Installed distributions, by name."""
    requires: Mapping[str, list[str]] = field(default_factory=dict)
    """Requirements that verl and OpenRLHF state."""
    plugins: tuple[str, ...] = ()
    """Names in the entry-point group verl.plugins."""
    environ: Mapping[str, str] = field(default_factory=dict)
    gpus: tuple[str, ...] | None = None
    """None: not looked for."""
    gpu_memory: tuple[int, ...] = ()
    """Bytes of each GPU."""

    def version(self, name: str) -> str | None:
        """The installed version of a distribution, however its name is spelt."""
        wanted = canonical(name)
        return next((version for known, version in self.versions.items() if canonical(known) == wanted), None)


def canonical(name: str) -> str:
    """``huggingface_hub``, ``HuggingFace.Hub`` and ``huggingface-hub`` are one distribution (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def this_machine(look_for_gpus: bool = True) -> Machine:
    """The machine that this runs on."""
    versions = {canonical(d.metadata["Name"]): d.version for d in metadata.distributions() if d.metadata["Name"]}
    requires: dict[str, list[str]] = {
        name: metadata.requires(name) or [] for name in ("verl", "openrlhf") if name in versions
    }
    plugins = tuple(entry.name for entry in metadata.entry_points(group="verl.plugins"))
    found = _gpus() if look_for_gpus and "torch" in versions else None
    gpus, memory = (None, ()) if found is None else (tuple(n for n, _ in found), tuple(size for _, size in found))
    return Machine(sys.version_info[:2], versions, requires, plugins, dict(os.environ), gpus, memory)


def _gpus() -> tuple[tuple[str, int], ...]:
    """(name, bytes) of each."""
    try:
        import torch
    except Exception as error:  # a broken CUDA installation fails in many ways; all of them mean the same
        logger.warning("torch does not import: %s", error)
        return ()
    found = map(torch.cuda.get_device_properties, range(torch.cuda.device_count()))
    return tuple((gpu.name, gpu.total_memory) for gpu in found)


def check_python(machine: Machine) -> Iterator[Finding]:
    """A Python that the library, and verl where it is installed, run on."""
    found = ".".join(map(str, machine.python))
    if not (3, 10) <= machine.python <= (3, 13):
        yield Finding("problem", "python", found, "use Python 3.10 to 3.13")
    elif machine.version("verl") and machine.python >= (3, 13):
        yield Finding("problem", "python", found, "verl needs Python below 3.13")
    else:
        yield Finding("ok", "python", found)


def check_torch(machine: Machine) -> Iterator[Finding]:
    """torch, and the GPUs that it sees."""
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


def check_trainers(machine: Machine) -> Iterator[Finding]:
    """At most one of verl and OpenRLHF; some trainer."""
    verl, openrlhf = machine.version("verl"), machine.version("openrlhf")
    if verl and openrlhf:
        way = "they need different versions of transformers: one environment for each"
        yield Finding("problem", "verl and openrlhf", "both installed", way)
    if not verl and not openrlhf and not machine.version("trl"):
        way = 'pip install "s2r-rewards[verl]", "s2r-rewards[openrlhf]" or "s2r-rewards[trl]"; scoring works without'
        yield Finding("warning", "trainer", "neither verl nor openrlhf nor trl installed", way)


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
                way = f"{owner} needs {need.name}{need.specifier}: {install_line(f'{need.name}{need.specifier}')}"
                yield Finding("problem", need.name, found or "not installed", way)


def install_line(requirement: str) -> str:
    """How pip gets it. flash-attn is built against the torch that is there: not in isolation, where there is none."""
    if canonical(requirement).startswith("flash-attn"):
        return f"pip install wheel && pip install '{requirement}' --no-build-isolation (after torch; needs nvcc)"
    return f"pip install '{requirement}'"


#: What frameworks pin in their extras, and recipes use: samplers and attention kernels.
PINNED = ("vllm", "sglang", "flash-attn")


def check_pins(machine: Machine) -> Iterator[Finding]:
    """Samplers and kernels of another version than a framework's extras pin."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return
    for owner, stated in machine.requires.items():
        for need in map(Requirement, stated):
            extra = re.search(r"extra == ['\"]([^'\"]+)['\"]", str(need.marker or ""))
            found = machine.version(need.name)
            exact = any(part.operator == "==" for part in need.specifier)
            if need.name not in PINNED or extra is None or found is None or not exact:
                continue
            if not need.specifier.contains(found, prereleases=True):
                way = f"{owner} {machine.version(owner)} pins {need.name}{need.specifier}: {install_line(str(need.name) + str(need.specifier))}"
                yield Finding("warning", need.name, found, way)


def check_antlr(machine: Machine) -> Iterator[Finding]:
    """hydra and math-verify must agree on the version of antlr."""
    antlr = machine.version("antlr4-python3-runtime")
    if machine.version("hydra-core") and antlr and not antlr.startswith("4.9."):
        way = "hydra needs 4.9: pip install 'antlr4-python3-runtime==4.9.3' 'math-verify[antlr4_9_3]'"
        yield Finding("problem", "antlr4-python3-runtime", antlr, way)
    latex = machine.version("latex2sympy2")
    if latex:
        way = "it pins another antlr than hydra and prints a mismatch on every call; nothing here needs it"
        yield Finding("warning", "latex2sympy2", latex, way)


Check = Callable[[Machine], Iterator[Finding]]
CHECKS: tuple[Check, ...] = (check_python, check_torch, check_trainers, check_requirements, check_pins, check_antlr)
