"""What ``s2r doctor`` asks of a machine that is to train with OpenRLHF."""

from __future__ import annotations

from collections.abc import Iterator

from s2r_rewards.adapter.machine import Check, Finding, Machine

TESTED = "0.11.2"


def check_openrlhf(machine: Machine) -> Iterator[Finding]:
    """Its version; nothing where it is not installed."""
    openrlhf = machine.version("openrlhf")
    if openrlhf == TESTED:
        yield Finding("ok", "openrlhf", openrlhf)
    elif openrlhf:
        yield Finding("warning", "openrlhf", openrlhf, f"tested with {TESTED}")


CHECKS: tuple[Check, ...] = (check_openrlhf,)
