"""s2r audit: compare golden-answer checkers over stored rollouts or cases."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from s2r_rewards.answers.gold import Gold, accepted
from s2r_rewards.cli.kit.commands import fail
from s2r_rewards.cli.kit.finding import find_files
from s2r_rewards.cli.kit.options import json_option, output_option, workers_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Paths, Reading, reading_options
from s2r_rewards.cli.kit.show import Progress, print_table, say
from s2r_rewards.evaluation.audit_page import write_page
from s2r_rewards.evaluation.auditing import Audit, AuditPair, audit, checker_named, pairs_of
from s2r_rewards.rollouts.records import RecordError, read_records, with_fields, write_records


@verb()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="FILES...")
@output_option("Write every disagreement, as JSONL or parquet.", required=False)
@click.option(
    "--ask",
    "others",
    metavar="C",
    multiple=True,
    help="A further opinion where A and B differ, e.g. judge:url=http://…/v1,model=NAME. Repeatable.",
)
@click.option(
    "--page", type=click.Path(dir_okay=False, path_type=Path), help="Write the disagreements as an HTML page."
)
@click.option("--show", type=click.IntRange(0), default=20, show_default=True, help="Disagreements to print.")
@json_option
@click.option(
    "--max-disagreement",
    type=click.FloatRange(0, 1),
    help="End with exit code 1 if more than this share of the answers is judged differently.",
)
@workers_option
@reading_options
def command(
    first: str,
    second: str,
    paths: Paths,
    output: Path | None,
    others: tuple[str, ...],
    page: Path | None,
    show: int,
    as_json: bool,
    max_disagreement: float | None,
    workers: int,
    reading: Reading,
) -> None:
    """Compare checkers over the same answers and show where they disagree, the worst first.

    A and B are each one of: ours; ours:parameter=value,… (our checker under another policy); math_verify;
    latex2sympy2; stored (the verdicts that scored rollouts already carry, for instance from another version);
    judge:url=http://…/v1,model=NAME (a language model; dear, so rather with --ask); package.module:function.

    FILES are rollouts (every attempt is one question) or cases with the fields gold, pred and perhaps expected, in
    JSONL or parquet. Exit codes: 0 fine, 1 too many disagreements, 2 bad input.

    \b
    Examples:
      s2r audit ours stored scored.jsonl
      s2r audit ours ours:order=strict,percent=strict rollouts.jsonl
      s2r audit ours math_verify rollouts.jsonl --max-disagreement 0.5
      s2r audit ours math_verify rollouts.jsonl --ask judge:url=http://localhost:8000/v1,model=qwen --page audit.html
      s2r audit stored ours:rounded_places=0 scored.jsonl --json
    """
    one, other = checker_named(first, workers), checker_named(second, workers)
    further = {name: checker_named(name, workers) for name in others}
    result = audit(_load(paths, reading), one, other, further)
    found = result.worst_first
    if page is not None:
        write_page(page, result, first, second)
        say(f"{len(found):,} disagreements → {page}")
    if output is not None:
        write_records(output, map(result.record, found))
        say(f"{len(found):,} disagreements → {output}")
    sides = {
        side: (name, result.errors(results))
        for side, name, results in (("a", first, result.first), ("b", second, result.second))
    }
    share = len(found) / len(result.pairs)
    if as_json:
        body: dict[str, Any] = {
            "answers": len(result.pairs),
            **{side: name for side, (name, _) in sides.items()},
            "disagreements": len(found),
            "counts": [{"a": a, "b": b, "n": n} for (a, b), n in result.counts.most_common()],
        }
        for side, (_, errors) in sides.items():
            if errors is not None:
                body[f"{side}_errors"] = {"false_positives": errors[0], "false_negatives": errors[1]}
        click.echo(json.dumps(body, indent=2))
    else:
        click.echo(f"{len(result.pairs):,} answers, {len(found):,} judged differently ({share:.2%})")
        rows = ((a, b, f"{n:,}") for (a, b), n in result.counts.most_common())
        print_table((f"A: {first}", f"B: {second}", "answers"), rows, text=2, box=None)
        for side, (name, errors) in sides.items():
            if errors is not None:
                wrong = f"{errors[0]} false positives, {errors[1]} false negatives by the labels"
                click.echo(f"{side.upper()}: {name}: {wrong}")
        _show(result, show)
    if max_disagreement is not None and share > max_disagreement:
        fail(f"failed: {share:.2%} of the answers are judged differently, allowed {max_disagreement:.2%}")


def _load(paths: Paths, reading: Reading) -> list[AuditPair]:
    pairs: list[AuditPair] = []
    with reading, Progress("reading") as bar:
        for path in find_files(paths):
            for line, raw in bar.over(read_records(path, reading)):
                record = with_fields(raw, () if "pred" in raw else ("gold", "response"), reading.fields)
                if isinstance(record.get("s2r"), str):  # as parquet holds it
                    record["s2r"] = json.loads(record["s2r"])
                name = str(record.get("id") or record.get("problem_id") or f"{path.name}:{line}")
                try:
                    pairs.extend(replace(pair, where=f"{path}:{line}") for pair in pairs_of(record, name))
                except (ValueError, KeyError, TypeError) as error:
                    reading(RecordError(path, line, "", str(error)))
    if not pairs:
        raise ValueError("there are no answers in the files given")
    return pairs


def _show(result: Audit, most: int) -> None:
    found = result.worst_first
    for index in found[:most]:
        pair, one, two = result.pairs[index], result.first[index], result.second[index]
        label = "" if pair.expected is None else f"   expected: {'correct' if pair.expected else 'incorrect'}"
        click.echo(
            f"\n{pair.name}   {pair.where}{label}\n  gold   {_short(pair.gold)}\n  answer {_short(pair.answer)}\n"
            f"  A      {one.verdict} ({one.tier}: {one.reason})\n  B      {two.verdict} ({two.tier}: {two.reason})"
        )
        for name, given in result.others.items():
            if index in given:
                click.echo(f"  {name.partition(':')[0]:6} {given[index].verdict} ({given[index].reason})")
    if len(found) > most:
        click.echo(f"\n… and {len(found) - most:,} more; -o FILE writes them all")


def _short(text: Gold | None) -> str:
    if text is None:
        return "(none)"
    flat = " ".join(" or ".join(accepted(text)).split())
    return flat if len(flat) <= 160 else flat[:157] + "…"
