"""s2r audit: compare two golden-answer checkers over stored rollouts or cases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from s2r_rewards.cli import _options as options

if TYPE_CHECKING:
    from s2r_rewards.auditing import Audit, AuditPair


@click.command("audit")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILES..."
)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write every disagreement as JSONL.")
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, help="Disagreements to print.")
@click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for other programs.")
@click.option(
    "--max-disagreement",
    type=click.FloatRange(0, 1),
    default=None,
    help="End with exit code 1 if more than this share of the answers is judged differently.",
)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Checker processes.")
@options.reading_options
@options.readable_errors
def command(
    first: str,
    second: str,
    paths: tuple[Path, ...],
    output: Path | None,
    show: int,
    as_json: bool,
    max_disagreement: float | None,
    workers: int,
    fields: Mapping[str, str] | None,
    skip_bad: bool,
) -> None:
    """Compare two checkers over the same answers and show where they disagree.

    A and B are each one of: ours; ours:parameter=value,… (our checker under another policy); math_verify;
    latex2sympy2; stored (the verdicts that scored rollouts already carry, for instance from another version).

    FILES are rollouts (every attempt is one question) or cases with the fields gold, pred and perhaps expected, in
    JSONL or parquet. Exit codes: 0 fine, 1 too many disagreements, 2 bad input.

    \b
    Examples:
      s2r audit ours stored scored.jsonl
      s2r audit ours ours:order=strict,percent=strict rollouts.jsonl
      s2r audit ours math_verify rollouts.jsonl --max-disagreement 0.5
      s2r audit stored ours:rounded_places=0 scored.jsonl --json
    """
    from s2r_rewards.auditing import audit, checker_named

    one, other = checker_named(first, workers), checker_named(second, workers)
    pairs = _load(paths, fields, skip_bad)
    result = audit(pairs, one, other)
    if output is not None:
        from s2r_rewards.records import write_records

        write_records(output, (result.record(i) for i in result.disagreements))
        click.echo(f"{len(result.disagreements):,} disagreements → {output}", err=True)
    if as_json:
        click.echo(json.dumps(_summary(result, first, second), indent=2))
    else:
        _print(result, first, second, show)
    share = len(result.disagreements) / len(pairs)
    if max_disagreement is not None and share > max_disagreement:
        options.fail(
            f"failed: {share:.2%} of the answers are judged differently, allowed {max_disagreement:.2%}"
        )


def _load(paths: tuple[Path, ...], fields: Mapping[str, str] | None, skip_bad: bool) -> list[AuditPair]:
    from s2r_rewards.auditing import pairs_of
    from s2r_rewards.cli._rollouts import ALIASES, find_files, progress
    from s2r_rewards.records import RecordError, raise_error, read_records

    bad: list[RecordError] = []
    on_error = bad.append if skip_bad else raise_error
    theirs = {other: ours for ours, other in (fields or {}).items()}
    pairs: list[AuditPair] = []
    with progress("Reading") as advance:
        for path in find_files(paths):
            for line, raw in read_records(path, on_error):
                record = {theirs.get(name, name): value for name, value in raw.items()}
                for ours in ("gold", "response"):
                    known = next((n for n in ALIASES[ours] if record.get(n) is not None), None)
                    if record.get(ours) is None and known and "pred" not in record:
                        record[ours] = record[known]
                if isinstance(record.get("s2r"), str):  # as parquet holds it
                    record["s2r"] = json.loads(record["s2r"])
                name = str(record.get("id") or record.get("problem_id") or f"{path.name}:{line}")
                try:
                    pairs.extend(pairs_of(record, name))
                except (ValueError, KeyError, TypeError) as error:
                    on_error(RecordError(path, line, "", str(error)))
                advance(1)
    if bad:
        click.echo(f"skipped {len(bad)} bad records, the first: {bad[0]}", err=True)
    if not pairs:
        raise click.ClickException("there are no answers in the files given")
    return pairs


def _summary(result: Audit, first: str, second: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "answers": len(result.pairs),
        "a": first,
        "b": second,
        "disagreements": len(result.disagreements),
        "counts": [{"a": a, "b": b, "n": n} for (a, b), n in result.counts.most_common()],
    }
    for side, results in (("a", result.first), ("b", result.second)):
        errors = result.errors(results)
        if errors is not None:
            body[f"{side}_errors"] = {"false_positives": errors[0], "false_negatives": errors[1]}
    return body


def _print(result: Audit, first: str, second: str, show: int) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    found = result.disagreements
    console.print(
        f"{len(result.pairs):,} answers, {len(found):,} judged differently ({len(found) / len(result.pairs):.2%})"
    )
    counts = Table(box=None)
    for title in (f"A: {first}", f"B: {second}"):
        counts.add_column(title)
    counts.add_column("answers", justify="right")
    for (a, b), n in result.counts.most_common():
        counts.add_row(a, b, f"{n:,}")
    console.print(counts)
    for side, name, results in (("A", first, result.first), ("B", second, result.second)):
        errors = result.errors(results)
        if errors is not None:
            text = f"{side}: {name}: {errors[0]} false positives, {errors[1]} false negatives by the labels"
            console.print(text, markup=False, highlight=False, soft_wrap=True)
    for index in found[:show]:
        pair, one, two = result.pairs[index], result.first[index], result.second[index]
        label = "" if pair.expected is None else f"   expected: {'correct' if pair.expected else 'incorrect'}"
        console.print(
            f"\n{pair.name}{label}\n  gold   {_short(pair.gold)}\n  answer {_short(pair.answer)}\n"
            f"  A      {one.verdict} ({one.tier}: {one.reason})\n  B      {two.verdict} ({two.tier}: {two.reason})",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if len(found) > show:
        console.print(f"\n… and {len(found) - show:,} more; -o FILE writes them all")


def _short(text: str | None) -> str:
    if text is None:
        return "(none)"
    flat = " ".join(text.split())
    return flat if len(flat) <= 160 else flat[:157] + "…"
