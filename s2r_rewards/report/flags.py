"""What makes a rollout worth looking at: the filters of the report, with their names."""

from __future__ import annotations

from s2r_rewards.judging import JudgedTrajectory

FLAGS: dict[str, str] = {
    "wrong_verdict": "wrong verdict",
    "right_to_wrong": "right → wrong",
    "wrong_to_right": "wrong → right",
    "timeout": "checker timeout",
    "ungradable": "ungradable",
    "deviation": "deviation",
    "no_end": "cut off",
}


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
