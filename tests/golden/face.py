"""The calls that the present code spells otherwise than 7c380af; its counterpart there is make.OldFace."""

from __future__ import annotations

from typing import Any

from s2r_rewards.methods import get_method
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import score_rollouts
from s2r_rewards.scored import ScoredRollout

_PRESETS = {"s2r-prl": "paper", "released-prl": "released"}


def grammar(method: str) -> str:
    return str(get_method(method).grammar)


def rewards(method: str, judged: Any) -> Any:
    return get_method(method).rewards(judged)


def outcome(method: str, judged: Any) -> float:
    return get_method(method).outcome(judged)


def new_state(method: str) -> Any:
    return get_method(method).new_state()


def advantages(method: str, judged: Any, groups: Any, accuracy: Any, state: Any) -> Any:
    """Through the judged trajectories, and through the records that travel in a trainer."""
    rules = get_method(method)
    if state is None:
        travelled = [ScoredRollout.loads(rules.score(item).dumps()) for item in judged]
        given = rules.advantages(travelled, groups, accuracy)
        assert given == rules.advantages(judged, groups, accuracy)
        return given
    return rules.advantages(judged, groups, accuracy, state)


def scored(method: str, items: list[dict[str, Any]], spans: Any, checker_many: Any) -> list[dict[str, Any]]:
    """The records as version 1 wrote them."""
    rollouts = [Rollout(i["problem_id"], i["prompt"], i["response"], i["gold"], finished=i["finished"]) for i in items]
    found = score_rollouts(rollouts, method, checker_many, token_spans=spans)
    records = []
    for rollout, item in zip(found, items, strict=True):
        assert rollout.s2r is not None
        record = rollout.s2r.to_record()
        assert ScoredRollout.from_record(record) == rollout.s2r
        judged = rollout.s2r.judged(item["response"], item["gold"])  # nothing is parsed or checked again
        again = get_method(method).score(judged, rollout.s2r.checker, rollout.s2r.spans or None)
        assert again == rollout.s2r.without_advantages()
        records.append(as_version_1(record))
    return records


def as_version_1(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "grammar": record["grammar"],
        "preset": _PRESETS[record["method"]],
        **{key: record[key] for key in ("checker", "ended", "outcome", "deviations", "actions")},
    }


def read_version_1(record: dict[str, Any]) -> dict[str, Any]:
    """What an old record says, through the present reader and writer."""
    return as_version_1(ScoredRollout.from_record(record).to_record())
