"""``s2r replay``: score again with other rules and show what changed."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from s2r_rewards.adapter import resolve_method
from s2r_rewards.cli.kit.commands import fail
from s2r_rewards.cli.kit.options import json_option, output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Paths, Reading, paths_argument, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, cut, scoring_options
from s2r_rewards.cli.kit.show import finite, print_table, say
from s2r_rewards.grammar import get_grammar
from s2r_rewards.metrics import behaviour_metrics
from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.scored import ScoredRollout


@verb()
@paths_argument
@output_option("Keep the new scores, as JSONL or parquet.", required=False)
@click.option("--examples", type=click.IntRange(0), default=5, show_default=True, help="Changes shown in full.")
@json_option
@click.option("--fail-on-change", "strict", is_flag=True, help="End with exit code 1 if any reward changed.")
@scoring_options()
@reading_options
def command(
    paths: Paths, output: Path | None, examples: int, as_json: bool, strict: bool, scoring: Scoring, reading: Reading
) -> None:
    """Score scored rollouts again, with another method, grammar or checker, and show what changed.

    What is not given stays as it was, so that without options only a new checker version can change anything.

    Exit codes: 0 fine, 1 something changed and --fail-on-change was given, 2 bad input.

    \b
    Examples:
      s2r replay scored.jsonl --fail-on-change
      s2r replay scored.jsonl --method released-prl -o rescored.jsonl
      s2r replay scored.jsonl --checker s2r_rewards.answers:check --json
    """
    before = reading.all_rollouts(paths)
    for number, rollout in enumerate(before, 1):
        if not rollout.s2r:
            raise ValueError(f"rollout {number} of {paths[0]} is not scored; run `s2r score` first")
    if "method" not in scoring.asked:
        scoring = _as_it_was(scoring, [rollout.s2r for rollout in before if rollout.s2r])
    after = [one for part in scoring.batches(cut(before, "step")) for one in part]
    if output:
        write_rollouts(output, after)
    summary = compare(before, after, examples)
    if as_json:
        click.echo(json.dumps(summary, indent=2))
    else:
        _show(summary)
    if strict and summary["changed"]:
        fail(f"{summary['changed']:,} rollouts changed")


def _as_it_was(scoring: Scoring, before: Sequence[ScoredRollout]) -> Scoring:
    """The options asked for, and method and grammar as the records name them, `name[baseline=…]` for example."""
    methods, grammars = {s.method for s in before}, {s.grammar for s in before}
    name, _, changes = min(methods).removesuffix("]").partition("[")
    old: dict[str, Any] = {"method": name}
    for change in filter(None, changes.split(",")):
        key, _, value = change.partition("=")
        old[key] = int(value) if value.isdigit() else {"True": True, "False": False}.get(value, value)
    try:
        if len(methods) + len(grammars) > 2:
            raise ValueError("they differ")
        options = replace(scoring.options, **{k: v for k, v in old.items() if k not in scoring.asked})
        if options.grammar is None and get_grammar(resolve_method(options).grammar).name != min(grammars):
            options = replace(options, grammar=min(grammars))
        options.check()
    except (ValueError, TypeError):
        now = scoring.method.name
        say(f"scored with method {', '.join(sorted(methods))}, which cannot be had again here; replaying with {now}")
        return scoring
    return replace(scoring, options=options)


def compare(before: Sequence[Rollout], after: Sequence[Rollout], examples: int = 5) -> dict[str, Any]:
    """What differs between two scorings of the same rollouts, as plain data."""
    kinds: Counter[str] = Counter()
    checks: Counter[str] = Counter()
    changed = 0
    shown: list[dict[str, Any]] = []
    for number, (old, new) in enumerate(zip(before, after, strict=True), 1):
        a, b = old.s2r, new.s2r
        if a is None or b is None:
            raise ValueError(f"rollout {number} is not scored")
        found = _differences(a, b)
        kinds.update(found)
        if _cuts(a) == _cuts(b):
            pairs = zip(a.checks, b.checks, strict=True)
            checks.update(f"{x.verdict} → {y.verdict}" for x, y in pairs if x.verdict != y.verdict)
        changed += bool(found)
        if found and len(shown) < examples:
            texts = {"before": _brief(a), "after": _brief(b)}
            shown.append({"rollout": number, "problem": old.problem_id, "changed": found, **texts})
    sides = {"before": before, "after": after}
    metrics = [finite(behaviour_metrics([rollout.judged for rollout in side])) for side in sides.values()]
    return {
        "rollouts": len(before),
        "changed": changed,
        "rules": {name: _rules(side) for name, side in sides.items()},
        "kinds": dict(kinds.most_common()),
        "checks": dict(checks.most_common()),
        "metrics": {name: [values[name] for values in metrics] for name in metrics[0]},
        "examples": shown,
    }


def _differences(a: ScoredRollout, b: ScoredRollout) -> list[str]:
    cut = _cuts(a) != _cuts(b)
    differs = {
        f"outcome {a.outcome:+g} → {b.outcome:+g}": a.outcome != b.outcome,
        "segmentation": cut,
        "verdict": not cut and a.verdicts != b.verdicts,
        "action rewards": a.rewards != b.rewards,
        "deviations": sorted(a.codes) != sorted(b.codes),
    }
    return [kind for kind, found in differs.items() if found]


def _cuts(record: ScoredRollout) -> list[tuple[str, int]]:
    return [(action.kind, action.start) for action in record.actions]


def _brief(record: ScoredRollout) -> str:
    """`solve 4 incorrect −1 · verify incorrect +1 · …`"""
    words = []
    for action in record.scored:
        if action.check is not None:
            what = f"{action.answer} ({action.check.verdict})"
        else:
            what = action.verdict.value if action.verdict else "None"
        words.append(f"{action.kind} {what} {action.reward:+g}")
    return " · ".join(words) or "nothing"


def _rules(rollouts: Sequence[Rollout]) -> str:
    found = {(r.s2r.grammar, r.s2r.method, r.s2r.checker) for r in rollouts if r.s2r}
    return "; ".join(f"grammar {g}, method {m}, checker {c}" for g, m, c in sorted(found))


def _show(summary: Mapping[str, Any]) -> None:
    click.echo(f"{summary['changed']:,} of {summary['rollouts']:,} rollouts changed")
    for side, rules in summary["rules"].items():
        click.echo(f"  {side}: {rules}")
    for title, counts in (("change", summary["kinds"]), ("checks", summary["checks"])):
        if counts:
            print_table((title, "count"), ((name, f"{count:,}") for name, count in counts.items()), text=2, box=None)
    rows = [
        ["[bold]" * (old != new) + text for text in (name, *("–" if v is None else f"{v:.4f}" for v in (old, new)))]
        for name, (old, new) in summary["metrics"].items()
    ]
    print_table(("metric", "before", "after"), rows, text=3, box=None)
    for example in summary["examples"]:
        click.echo(
            f"\nrollout {example['rollout']} ({example['problem']}): {', '.join(example['changed'])}\n"
            f"  before: {example['before']}\n  after:  {example['after']}"
        )
