"""What runs in which order. A stage reads and writes the run folder alone, so it can run in any process."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..context import Context


@dataclass(frozen=True)
class Stage:
    about: str
    module: str  # here; imported when the stage runs, since listing the stages must not load torch
    needs: tuple[str, ...] = ()

    def run(self, context: Context) -> None:
        import_module(f".{self.module}", __package__).run(context)


STAGES = {
    "base": Stage("a base model that solves and divides, but never verifies", "base"),
    "data": Stage("behaviour-initialisation data from its own samples", "initialization", ("base",)),
    "plain": Stage("control: SFT on right solutions only", "sft", ("data",)),
    "bi": Stage("behaviour initialisation: SFT with the mask of eq. 1", "sft", ("data",)),
    "orl": Stage("online outcome-level RL (RLOO)", "online", ("bi",)),
    "prl": Stage("online process-level RL (reward context)", "online", ("bi",)),
    "rollouts": Stage("stored rollouts for offline RL", "rollouts", ("bi",)),
    "offline-orl": Stage("offline outcome-level RL", "offline", ("rollouts",)),
    "offline-prl": Stage("offline process-level RL", "offline", ("rollouts",)),
}


def with_needs(names: list[str]) -> list[str]:
    """The stages asked for and everything that they build on, in order."""
    wanted = set(names)
    for name in reversed(STAGES):
        if name in wanted:
            wanted.update(STAGES[name].needs)
    return [name for name in STAGES if name in wanted]
