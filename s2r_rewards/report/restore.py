"""A scored rollout as it lies on disk, back as a judged trajectory: nothing is parsed or checked again."""

from __future__ import annotations

from s2r_rewards.answers import CheckResult
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import Action, Deviation, Trajectory, Verdict


def restore(rollout: Rollout) -> JudgedTrajectory:
    """The judged trajectory that `score_rollouts` stored under `s2r`.

    Raises ValueError, naming the problem, where the rollout has no readable `s2r` record.
    """
    record = rollout.s2r
    if not record:
        raise ValueError(
            f"rollout of problem {rollout.problem_id!r} is not scored; run `s2r score` on the file"
        )
    try:
        actions = tuple(
            Action(
                kind=action["kind"],
                start=action["start"],
                end=action["end"],
                answer=action.get("answer"),
                verdict=Verdict(action["verdict"]) if action.get("verdict") else None,
            )
            for action in record["actions"]
        )
        ended = record.get("ended")
        if ended and not any(action.kind == "end" for action in actions):
            last = len(rollout.response)
            actions = (*actions, Action("end", last, last))
        checks = tuple(
            CheckResult(action["check"]["verdict"], action["check"]["tier"], action["check"]["reason"])
            for action in record["actions"]
            if action["kind"] == "solve"
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"rollout of problem {rollout.problem_id!r}: its s2r record cannot be read "
            f"({type(error).__name__}: {error}); score the file again with `s2r score`"
        ) from error
    deviations = tuple(Deviation(code, None, 0, 0) for code in record.get("deviations", ()))
    trajectory = Trajectory(rollout.response, actions, deviations, ended, record.get("grammar", "paper"))
    return JudgedTrajectory(trajectory, rollout.gold, checks)
