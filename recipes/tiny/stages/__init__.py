"""What runs in which order. A stage reads and writes the run folder alone, so it can run in any process."""

from typing import NamedTuple


class Stage(NamedTuple):
    about: str
    function: str  # module:function, here; imported when the stage runs, since listing the stages must not load torch
    needs: tuple[str, ...] = ()


STAGES = {
    "base": Stage("a base model that solves and divides, but never verifies", "supervised:base"),
    "data": Stage("behaviour-initialisation data from its own samples", "initialization:run", ("base",)),
    "plain": Stage("control: SFT on right solutions only", "supervised:sft", ("data",)),
    "bi": Stage("behaviour initialisation: SFT with the mask of eq. 1", "supervised:sft", ("data",)),
    "orl": Stage("online outcome-level RL (RLOO)", "reinforced:online", ("bi",)),
    "prl": Stage("online process-level RL (reward context)", "reinforced:online", ("bi",)),
    "rollouts": Stage("stored rollouts for offline RL", "reinforced:store", ("bi",)),
    "offline-orl": Stage("offline outcome-level RL", "reinforced:offline", ("rollouts",)),
    "offline-prl": Stage("offline process-level RL", "reinforced:offline", ("rollouts",)),
}


def with_needs(names: list[str]) -> list[str]:
    """The stages asked for and everything that they build on, in order."""
    wanted = set(names)
    for name in reversed(STAGES):
        if name in wanted:
            wanted.update(STAGES[name].needs)
    return [name for name in STAGES if name in wanted]
