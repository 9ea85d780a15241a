"""What runs in which order. A stage reads and writes the run folder alone, so it can run in any process."""

from typing import NamedTuple


class Stage(NamedTuple):
    about: str
    function: str  # module:function, here; imported when the stage runs, since listing the stages must not load torch
    needs: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    """The sections of the config that the stage depends on, besides those of what it needs."""


# What every run does, in order.
STAGES = {
    "base": Stage("a base model that solves and divides, but never verifies", "supervised:base", (), ("model", "base")),
    "data": Stage("behaviour-initialisation data from its own samples", "initialization:run", ("base",), ("data",)),
    "plain": Stage("control: SFT on right solutions only", "supervised:sft", ("data",), ("sft",)),
    "bi": Stage("behaviour initialisation: SFT with the mask of eq. 1", "supervised:sft", ("data",), ("sft",)),
    "orl": Stage("online outcome-level RL (RLOO)", "reinforced:online", ("bi",), ("online",)),
    "prl": Stage("online process-level RL (reward context)", "reinforced:online", ("bi",), ("online",)),
    "rollouts": Stage("stored rollouts for offline RL", "reinforced:store", ("bi",), ("rollouts",)),
    "offline-orl": Stage("offline outcome-level RL", "reinforced:offline", ("rollouts",), ("offline",)),
    "offline-prl": Stage("offline process-level RL", "reinforced:offline", ("rollouts",), ("offline",)),
}
# What a study, or --stages, asks for by name.
EXTRA = {
    "online": Stage("online RL with the method `online.method`", "reinforced:online", ("bi",), ("online",)),
    "offline": Stage("offline RL with the method `offline.method`", "reinforced:offline", ("rollouts",), ("offline",)),
    "again": Stage("BI evaluated at `outside.temperature`", "outside:again", ("bi",), ("outside",)),
    "loop": Stage("a loop around the base model: propose, divide, try again", "outside:loop", ("base",), ("outside",)),
    "rule": Stage("the last digit and a guess: no model at all", "outside:rule", (), ()),
}
ALL = {**STAGES, **EXTRA}


def with_needs(names: list[str]) -> list[str]:
    """The stages asked for and everything that they build on, in order."""
    wanted = set(names)
    for name in reversed(ALL):
        if name in wanted:
            wanted.update(ALL[name].needs)
    return [name for name in ALL if name in wanted]
