"""s2r replay: score again with other rules and show what changed."""

from __future__ import annotations

import importlib
import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli import _options as options
from s2r_rewards.cli._rollouts import batches, load_rollouts, score_batches, to_file_record, without_score
from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.presets import PRESETS
from s2r_rewards.rollouts import Rollout


@click.command("replay")
@options.paths_argument
@click.option("-o", "--output", type=click.Path(path_type=Path), default=None, help="Keep the new scores.")
@click.option(
    "--checker",
    default=None,
    metavar="MODULE:FUNCTION",
    help="Another checker: (gold, answer) → CheckResult. Default: the installed one.",
)
@click.option(
    "--examples", type=click.IntRange(0), default=5, show_default=True, help="Changes shown in full."
)
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for other programs.")
@click.option("--fail-on-change", is_flag=True, help="End with exit code 1 if any reward changed.")
@options.scoring_options
@options.reading_options
@options.readable_errors
def command(
    paths: tuple[Path, ...],
    output: Path | None,
    checker: str | None,
    examples: int,
    as_json: bool,
    fail_on_change: bool,
    grammar: str | None,
    preset: str | None,
    workers: int,
    fields: Mapping[str, str] | None,
    skip_bad: bool,
) -> None:
    """Score scored rollouts again, with another grammar, preset or checker, and show what changed.

    What is not given stays as it was, so that without options only a new checker version can change anything.

    Exit codes: 0 fine, 1 something changed and --fail-on-change was given, 2 bad input.

    \b
    Examples:
      s2r replay scored.jsonl --fail-on-change
      s2r replay scored.jsonl --preset released -o rescored.jsonl
      s2r replay scored.jsonl --checker s2r_rewards.answers:check --json
    """
    before = load_rollouts(paths, fields, skip_bad)
    for number, rollout in enumerate(before, 1):
        if not rollout.s2r:
            raise click.ClickException(f"rollout {number} of {paths[0]} is not scored; run `s2r score` first")
    rules: dict[str, Any] = _rules_for(before, grammar, preset)
    if checker:
        rules["checker_many"] = _each(_load(checker))
    parts = batches(without_score(before), "step")
    after = [one for part in score_batches(parts, rules, workers) for one in part]
    if output:
        from s2r_rewards.records import write_records

        write_records(output, (to_file_record(one, output) for one in after))
    summary = compare(before, after, examples)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _show(summary)
    if fail_on_change and summary["changed"]:
        options.fail(f"{summary['changed']:,} rollouts changed")


def _rules_for(before: Sequence[Rollout], grammar: str | None, preset: str | None) -> dict[str, Any]:
    """The rules asked for; what is not asked for stays as it was when the rollouts were scored."""
    old = {name: {str((r.s2r or {}).get(name)) for r in before} for name in ("grammar", "preset")}
    if preset is None:
        preset = _only(old["preset"], PRESETS) or "paper"
        if old["preset"] != {preset}:
            named = ", ".join(sorted(old["preset"]))
            click.echo(
                f"scored with preset {named}, which has no name here; replaying with {preset}", err=True
            )
        grammar = grammar or _only(old["grammar"], GRAMMARS)
    return {"grammar": grammar, "preset": preset}


def _only(names: set[str], known: Mapping[str, Any]) -> str | None:
    return next(iter(names)) if len(names) == 1 and names <= set(known) else None


def compare(before: Sequence[Rollout], after: Sequence[Rollout], examples: int = 5) -> dict[str, Any]:
    """What differs between two scorings of the same rollouts, as plain data."""
    from s2r_rewards.metrics import behaviour_metrics
    from s2r_rewards.report.restore import restore

    changes: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    shown: list[dict[str, Any]] = []
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        a, b = dict(old.s2r or {}), dict(new.s2r or {})
        kinds = _differences(a, b)
        changes.update(kinds)
        if _spans(a) == _spans(b):
            pairs = zip(_checks(a), _checks(b), strict=True)
            checks.update(f"{x} → {y}" for x, y in pairs if x != y)
        if kinds:
            changes["any"] += 1
            if len(shown) < examples:
                shown.append(
                    {
                        "rollout": number,
                        "problem": old.problem_id,
                        "changed": kinds,
                        "before": _brief(a),
                        "after": _brief(b),
                    }
                )
    metrics = [behaviour_metrics([restore(rollout) for rollout in side]) for side in (before, after)]
    changed = changes.pop("any", 0)
    return {
        "rollouts": len(before),
        "changed": changed,
        "rules": {side: _rules(rollouts) for side, rollouts in (("before", before), ("after", after))},
        "kinds": dict(changes.most_common()),
        "checks": dict(checks.most_common()),
        "metrics": {name: [_finite(metrics[0][name]), _finite(metrics[1][name])] for name in metrics[0]},
        "examples": shown,
    }


def _differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    kinds = []
    if a["outcome"] != b["outcome"]:
        kinds.append(f"outcome {a['outcome']:+g} → {b['outcome']:+g}")
    if _spans(a) != _spans(b):
        kinds.append("segmentation")
    elif _values(a, "verdict") != _values(b, "verdict"):
        kinds.append("verdict")
    if _values(a, "reward") != _values(b, "reward"):
        kinds.append("action rewards")
    if sorted(a["deviations"]) != sorted(b["deviations"]):
        kinds.append("deviations")
    return kinds


def _spans(record: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(action["kind"], action["start"]) for action in record["actions"]]


def _values(record: Mapping[str, Any], name: str) -> list[Any]:
    return [action.get(name) for action in record["actions"]]


def _checks(record: Mapping[str, Any]) -> list[str]:
    return [action["check"]["verdict"] for action in record["actions"] if action["kind"] == "solve"]


def _brief(record: Mapping[str, Any]) -> str:
    """`solve 4 incorrect −1 · verify incorrect +1 · …`"""
    words = []
    for action in record["actions"]:
        if action["kind"] == "solve":
            words.append(f"solve {action.get('answer')} ({action['check']['verdict']}) {action['reward']:+g}")
        elif action["kind"] == "verify":
            words.append(f"verify {action.get('verdict')} {action['reward']:+g}")
    return " · ".join(words) or "nothing"


def _rules(rollouts: Sequence[Rollout]) -> str:
    found = {tuple(str((r.s2r or {}).get(k)) for k in ("grammar", "preset", "checker")) for r in rollouts}
    return "; ".join(f"grammar {g}, preset {p}, checker {c}" for g, p, c in sorted(found))


def _load(name: str) -> Callable[[str, str], Any]:
    module, _, function = name.partition(":")
    try:
        return getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise click.BadParameter(
            f"{name!r}: {error}; expected package.module:function", param_hint="--checker"
        ) from error


def _each(check: Callable[[str, str], Any]) -> Callable[[Sequence[tuple[str, str]]], list[Any]]:
    return lambda pairs: [check(gold, answer) for gold, answer in pairs]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _show(summary: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{summary['changed']:,} of {summary['rollouts']:,} rollouts changed", markup=False, soft_wrap=True
    )
    for side, rules in summary["rules"].items():
        console.print(f"  {side}: {rules}", markup=False, soft_wrap=True)
    for title, counts in (("change", summary["kinds"]), ("checks", summary["checks"])):
        if counts:
            table = Table(title, "count", box=None)
            for name, count in counts.items():
                table.add_row(name, f"{count:,}")
            console.print(table)
    table = Table("metric", "before", "after", box=None)
    for name, (old, new) in summary["metrics"].items():
        style = "bold" if old != new else None
        table.add_row(name, *("–" if v is None else f"{v:.4f}" for v in (old, new)), style=style)
    console.print(table)
    for example in summary["examples"]:
        console.print(
            f"\nrollout {example['rollout']} ({example['problem']}): {', '.join(example['changed'])}",
            markup=False,
            soft_wrap=True,
        )
        console.print(
            f"  before: {example['before']}\n  after:  {example['after']}", markup=False, soft_wrap=True
        )
