"""What makes a rollout worth looking at, and which rollouts go into the page when there are too many."""

from __future__ import annotations

import random
from collections.abc import Sequence

from s2r_rewards.judging import JudgedTrajectory

#: The filters of the report, with their names.
FLAGS: dict[str, str] = {
    "wrong_verdict": "wrong verdict",
    "right_to_wrong": "right → wrong",
    "wrong_to_right": "wrong → right",
    "timeout": "checker timeout",
    "ungradable": "ungradable",
    "deviation": "deviation",
    "no_end": "cut off",
}
TELLING = ("timeout", "right_to_wrong", "wrong_verdict", "ungradable", "deviation")


def flags_of(judged: JudgedTrajectory) -> tuple[str, ...]:
    """The keys of FLAGS that hold for a judged trajectory, in their order."""
    verdicts = {check.verdict for check in judged.checks}
    holds = {
        "wrong_verdict": any(v is None or (v.value == "correct") != ok for ok, v in judged.verified),
        "right_to_wrong": judged.first_correct and not judged.last_correct,
        "wrong_to_right": judged.last_correct and not judged.first_correct,
        "timeout": "timeout" in verdicts,
        "ungradable": "ungradable" in verdicts,
        "deviation": judged.trajectory.malformed,
        "no_end": judged.trajectory.ended is False,
    }
    return tuple(name for name in FLAGS if holds[name])


def choose(
    flags: Sequence[Sequence[str]],
    sizes: Sequence[int],
    limit: int,
    max_bytes: int,
    seed: int = 0,
    wanted: Sequence[int] = (),
) -> list[int]:
    """Indices into `flags`, ascending: at most `limit`, whose `sizes` add up to at most `max_bytes`.

    Half of the room goes to the `wanted` ones, in their order; half of what is left to rollouts with a telling flag,
    in equal parts; the rest is a uniform sample, so that the page still shows what is usual. Everything is kept where
    everything fits.
    """
    total = len(flags)
    if total <= limit and sum(sizes) <= max_bytes:
        return list(range(total))
    order = list(range(total))
    random.Random(seed).shuffle(order)
    first = wanted[: limit // 2]
    quota = max(1, (limit - len(first)) // (2 * len(TELLING)))
    telling: list[int] = []
    for flag in TELLING:
        telling.extend([i for i in order if flag in flags[i]][:quota])
    kept: set[int] = set()
    used = 0
    room_of = ((first, max_bytes // 2), (telling, max_bytes * 3 // 4 if first else max_bytes // 2), (order, max_bytes))
    for candidates, room in room_of:
        for i in candidates:
            if len(kept) >= limit:
                break
            if i not in kept and used + sizes[i] <= room:
                kept.add(i)
                used += sizes[i]
    return sorted(kept)
