"""What the library says of a text, a pair, a batch, …: plain JSON values, asked through its public names.

The same questions are put to the commit that the fixture was made with (make.py) and to the present code
(test_golden.py); ``face`` holds the few calls that the two spell differently.
"""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise
from typing import Any

from s2r_rewards import GRAMMARS as GRAMMARS_BY_NAME
from s2r_rewards import Grammar, behaviour_metrics, judge_many, outcome_advantages, parse, process_advantages
from s2r_rewards.alarms import find_alarms
from s2r_rewards.answers import CheckPolicy, check_many, check_response, extract_answer
from s2r_rewards.baselines import accuracy_group, log_mean_exp, position, reward_context, rloo, running

#: Not `released`: what the authors' code does was told wrongly then. tests/core/authors.json has it.
GRAMMARS = ("paper", "tags")
ONLINE = ("s2r-prl", "s2r-orl")
OFFLINE = ("s2r-offline-prl", "s2r-offline-orl")
#: Markers that begin alike: of overlapping ones the first counts, of those the longest.
OVERLAPPING = Grammar(
    name="overlapping",
    verify_markers=("Wait", "Wait, let me recheck my solution."),
    retry_markers=("Let me", "Let me try again."),
    verdict_tiers=GRAMMARS_BY_NAME["paper"].verdict_tiers,
    max_actions=4,
)
PROCESS = ("s2r-prl",)
POLICIES: dict[str, dict[str, Any]] = {
    "default": {},
    "strict": {"order": "strict", "percent": "strict", "units": "strict", "letter_case": True},
    "lenient": {"order": "free", "units": "ignore", "relative_tolerance": 1e-3, "percent": "value"},
    "exact": {"rounded_places": 0, "machine_digits": 0, "percent": "sign", "symbolic": "never"},
    "small": {"max_length": 12, "max_depth": 2, "max_items": 3},
}


def plain(value: Any) -> Any:
    """As JSON gives it back: lists for tuples, words for nan and inf."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def packed(rows: Any) -> dict[str, Any]:
    """Rows of numbers as a table of the distinct ones and indices into it: small, and still exact."""
    table: dict[str, int] = {}
    indices = [
        [table.setdefault(json.dumps(plain(v)), len(table)) for v in row] if isinstance(row, (list, tuple))
        else table.setdefault(json.dumps(plain(row)), len(table))
        for row in rows
    ]  # fmt: skip
    return {"values": [json.loads(v) for v in table], "rows": indices}


def unpacked(pack: dict[str, Any]) -> list[Any]:
    values = pack["values"]
    return [[values[i] for i in row] if isinstance(row, list) else values[row] for row in pack["rows"]]


# --- text → trajectory → checks -----------------------------------------------------------------------------


def of_text(text: str, finished: bool | None) -> dict[str, Any]:
    """The trajectory in every grammar, and what is extracted from the text as a whole."""
    return {
        "parse": {g: _trajectory(parse(text, g, finished=finished)) for g in GRAMMARS}
        | {"overlapping": _trajectory(parse(text, OVERLAPPING, finished=finished))},
        "extract": {f: _extraction(extract_answer(text, fallback=f)) for f in ("none", "math", "number")},
    }


def _trajectory(trajectory: Any) -> list[Any]:
    actions = [plain((a.kind, a.start, a.end, a.answer, a.verdict)) for a in trajectory.actions]
    deviations = [plain((d.code, d.action, d.start, d.end)) for d in trajectory.deviations]
    return [actions, deviations, trajectory.ended]


def _extraction(found: Any) -> list[Any]:
    return plain((found.answer, found.start, found.end, found.how, found.boxes, found.distinct))


def judged_as(grammar: str, items: list[dict[str, Any]]) -> list[Any]:
    """The items' responses, parsed in a grammar and judged; no item is written by a symbolic worker."""
    trajectories = [parse(item["response"], grammar, finished=item["finished"]) for item in items]
    return judge_many(trajectories, [item["gold"] for item in items], _never_symbolic)


def _never_symbolic(pairs: Any) -> Any:
    return check_many(pairs, policy=CheckPolicy(symbolic="never"))


def of_judged(face: Any, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Per item: the checks by grammar, and rewards and outcome by method."""
    by_grammar = {grammar: judged_as(grammar, items) for grammar in GRAMMARS}
    said: list[dict[str, Any]] = [{"checks": {}, "rewards": {}, "outcome": {}} for _ in items]
    for grammar, judged in by_grammar.items():
        for found, one in zip(said, judged, strict=True):
            found["checks"][grammar] = [[c.verdict, c.tier, c.reason] for c in one.checks]
    for method in PROCESS:
        for found, one in zip(said, by_grammar[face.grammar(method)], strict=True):
            found["rewards"][method] = plain(face.rewards(method, one))
            found["outcome"][method] = plain(face.outcome(method, one))
    return said


def of_pair(gold: str, answers: list[str]) -> list[Any]:
    """(verdict, tier, reason) of each answer under each policy, then of each as a whole response."""
    said: list[Any] = []
    for settings in POLICIES.values():
        policy = CheckPolicy(**{"symbolic": "never", **settings})
        said.append([_check(r) for r in check_many([(gold, a) for a in answers], policy=policy, cache=None)])
    whole = CheckPolicy(symbolic="never")
    said.append([_check(check_response(gold, f"So the answer is {a}.", whole)) for a in answers])
    return said


def _check(result: Any) -> list[str]:
    return [result.verdict, result.tier, result.reason]


# --- rewards → baselines → advantages -----------------------------------------------------------------------


def of_rewards(rows: list[list[float]], groups: list[str], accuracy: list[float]) -> dict[str, Any]:
    """Every baseline, under its settings, over one batch of action rewards."""
    outcomes = [row[-1] if row else -1.0 for row in rows]
    said = {
        "rloo": rloo(outcomes, groups),
        "rloo, one group": rloo(outcomes),
        "rloo, nested": rloo(rows, groups, default=0.25),
        "log_mean_exp": log_mean_exp(outcomes, groups),
        "log_mean_exp, tau 0.5, nested": log_mean_exp(rows, groups, tau=0.5),
        "reward_context of outcomes": reward_context(outcomes, groups),
        "outcome_advantages": outcome_advantages(outcomes, groups),
        "process_advantages": process_advantages(rows),
        "process_advantages, groups": process_advantages(rows, groups),
    }
    for name, baseline in (("reward_context", reward_context), ("position", position)):
        for within in (None, groups):
            for loo in (False, True):
                for least in (1, 3, 10):
                    key = f"{name}, {'groups, ' if within else ''}{'leave one out, ' if loo else ''}min {least}"
                    said[key] = baseline(rows, within, leave_one_out=loo, min_count=least)
        said[f"{name}, default"] = baseline(rows, groups, leave_one_out=True, min_count=2, default=0.5)
    for by in ("position", "context", "outcome"):
        for least in (1, 10):
            said[f"accuracy_group by {by}, min {least}"] = accuracy_group(rows, accuracy, by=by, min_count=least)
        said[f"accuracy_group by {by}, leave one out, 4 bins"] = accuracy_group(
            rows, accuracy, by=by, bins=4, leave_one_out=True
        )
    said["accuracy_group of outcomes"] = accuracy_group(outcomes, accuracy, by="outcome")
    # The old running sums were rounded at every step, today's once: only eighths add up to the same bits.
    eighths = [[round(8 * reward) / 8 for reward in row] for row in rows]
    for by in ("context", "position"):
        for least, decay in ((1, 1.0), (10, 1.0), (1, 0.5)):
            state = running(by, min_count=least, decay=decay)
            for k, part in enumerate(_thirds(len(rows))):
                key = f"running by {by}, min {least}, decay {decay}, batch {k}"
                said[key] = state([eighths[i] for i in part], [groups[i] for i in part] if k % 2 else None)
    return {name: packed(values) for name, values in said.items()}


def _thirds(count: int) -> list[range]:
    size = -(-count // 3)
    return [range(a, min(a + size, count)) for a in range(0, count, size)]


def of_methods(face: Any, items: list[dict[str, Any]]) -> dict[str, Any]:
    """Every method's advantages; a method with a running baseline sees the items as three batches."""
    groups = [item["problem_id"] for item in items]
    accuracy = [item["accuracy"] for item in items]
    judged = {grammar: judged_as(grammar, items) for grammar in GRAMMARS[:1]}
    said = {}
    for method in ONLINE:
        state, rows = face.new_state(method), []
        for part in _thirds(len(items)):
            batch = [judged[face.grammar(method)][i] for i in part]
            rows += face.advantages(method, batch, [groups[i] for i in part], None, state)
        said[method] = packed(rows)
    for method in OFFLINE:
        said[method] = packed(face.advantages(method, judged[face.grammar(method)], groups, accuracy, None))
    return said


def _known_then(metrics: dict[str, float]) -> dict[str, float]:
    """Without the metrics that there were not yet at 7c380af."""
    return {name: value for name, value in metrics.items() if not name.endswith("/check/judge")}


def of_batch(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Behaviour metrics, by level too, and every alarm."""
    said = {}
    for grammar in GRAMMARS[:1]:
        judged = judged_as(grammar, items)
        alarms = find_alarms(judged, [i["prompt"] for i in items])  # steps make windows, which there were not yet
        said[grammar] = {
            "metrics": plain(_known_then(behaviour_metrics(judged, levels=[i["level"] for i in items]))),
            "alarms": [
                plain((a.name, a.value, a.count, a.evidence, a.fired, a.threshold, a.title, a.formula)) for a in alarms
            ],
        }
    return said


# --- tokens → tensors → losses ------------------------------------------------------------------------------


def of_tokens(ids: list[int], tokenizer: Any) -> dict[str, Any]:
    """The text, where each token begins in it, and the token spans of its actions."""
    from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets, token_spans

    text, offsets = decode_with_offsets(ids, tokenizer)
    short, fewer = decode_with_offsets(ids, tokenizer, skip_special_tokens=True)
    spans = [[(a.start, a.end) for a in parse(text, g).actions] for g in ("paper", "released", "tags")]
    halves = [(0, len(text) // 2), (len(text) // 2, len(text))]
    return {
        "text": text,
        "widths": _widths(offsets),
        "without special": [short, _widths(fewer)],
        "spans": [plain(spans_from_offsets(offsets, where)) for where in spans],
        "halves": plain(token_spans(ids, tokenizer, halves)),
    }


def _widths(offsets: Any) -> list[int]:
    return [int(b - a) for a, b in pairwise(offsets)]


def loss_inputs(seed: int, count: int, length: int) -> dict[str, list[list[float]]]:
    """Log-probabilities [count, length] of three policies, the same on every machine."""
    rng = random.Random(seed)

    def noise(width: float, base: list[list[float]] | None = None) -> list[list[float]]:
        return [
            [(base[i][t] if base else -1.5) + rng.uniform(-width, width) for t in range(length)] for i in range(count)
        ]

    old = noise(1.4)
    return {"old": old, "new": noise(0.05, old), "ref": noise(0.3, old)}


def of_tensors(rows: list[list[float]], spans: list[Any], length: int) -> dict[str, Any]:
    """[B, T] tensors of action values, as lists."""
    from s2r_rewards.tensors import action_ids, at_action_ends, spread

    return {
        "action_ids": packed(action_ids(spans, length).tolist()),
        "spread": packed(spread(rows, spans, length).tolist()),
        "at_action_ends": packed(at_action_ends(rows, spans, length).tolist()),
    }


def of_losses(rows: list[list[float]], spans: list[Any], length: int, seed: int) -> dict[str, Any]:
    """Losses, their statistics and their gradients, in float64."""
    import torch

    from s2r_rewards.losses import action_log_ratio, action_policy_loss, kl_penalised, sum_by_action
    from s2r_rewards.tensors import action_ids, spread

    given = loss_inputs(seed, len(rows), length)
    old, new, ref = (torch.tensor(given[name], dtype=torch.float64) for name in ("old", "new", "ref"))
    ids = action_ids(spans, length)
    advantages = spread(rows, spans, length, dtype=torch.float64)
    said: dict[str, Any] = {}
    for ratio in ("action", "action_mean", "token", "trajectory_mean"):
        for clip in (0.2, 0.05):
            log_probs = new.clone().requires_grad_()
            loss, stats = action_policy_loss(log_probs, old, advantages, ids, clip=clip, ratio=ratio)
            loss.backward()
            gradient = log_probs.grad
            assert gradient is not None
            said[f"loss, {ratio}, {clip}"] = [
                float(loss.detach()), float(gradient.abs().sum()), *(float(stats[k]) for k in sorted(stats))
            ]  # fmt: skip
        said[f"log-ratio, {ratio}"] = [float(v) for v in action_log_ratio(new - old, ids, ratio)[:, 0]]
    for name, where in (("process", ids), ("outcome", ids.clamp(max=0))):
        penalised = kl_penalised(advantages, old.clone().requires_grad_(), ref, where, beta=0.05)
        said[f"kl term with a gradient, {name}"] = [float(penalised.requires_grad)]
        said[f"kl penalised, {name}"] = [float(v) for row in penalised for v in row.unique()]
    said["sums"] = sum_by_action(new, ids)[0].tolist()
    said["bfloat16"] = sum_by_action(new.bfloat16(), ids)[0].double().tolist()
    return plain(said)
