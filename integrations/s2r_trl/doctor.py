"""What ``s2r doctor`` asks of a machine that is to train with TRL."""

from __future__ import annotations

from collections.abc import Iterator

from s2r_rewards.adapter.machine import Check, Finding, Machine, within
from s2r_trl.checks import TESTED, require_supported


def check_trl(machine: Machine) -> Iterator[Finding]:
    """Its version, and what our trainer needs of it; nothing where it is not installed."""
    trl = machine.version("trl")
    if trl is None:
        return
    if trl != TESTED:
        way = f"reward functions work; s2r_trl.trainer was tested with {TESTED}"
        if not within(trl, (1, 0), (2,)):
            yield Finding("problem", "trl", trl, f"s2r_trl wants 1.0 to 2: pip install 'trl=={TESTED}'")
            return
        yield Finding("warning", "trl", trl, way)
    else:
        yield Finding("ok", "trl", trl)
    if trl == _here():
        try:
            require_supported()
        except (RuntimeError, ImportError) as error:
            yield Finding("problem", "trl", trl, str(error))
    if not machine.version("vllm"):
        yield Finding(
            "warning", "vllm", "not installed", "TRL then generates with transformers: slow; use_vllm needs it"
        )


def _here() -> str | None:
    from s2r_rewards.adapter.machine import installed

    return installed("trl")


CHECKS: tuple[Check, ...] = (check_trl,)
