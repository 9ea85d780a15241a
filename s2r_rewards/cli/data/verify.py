"""``s2r data verify``."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.data.classifying import Classifying, classifying_options
from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.options import json_option, output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.serving import Model, model_options
from s2r_rewards.cli.kit.show import counts_table, finite, say_json, show_table
from s2r_rewards.datasets.llm.requests import Request
from s2r_rewards.datasets.resume import fingerprint
from s2r_rewards.datasets.verification import (
    FREE,
    STYLES,
    StyleCounts,
    checked_attempts,
    style_table,
    verification_requests,
    verified_row,
)
from s2r_rewards.rollouts.records import RecordError, read_records

BOTH = "both"
SIDES = {"accuracy": (True, False), "attempt_right": (True,), "attempt_wrong": (False,)}


@verb()
@click.argument("samples")
@output_option("Every verification with its verdict; `kept` says whether it is of use. JSONL or parquet.")
@click.option(
    "--style",
    "asked",
    type=click.Choice([*STYLES, FREE, BOTH]),
    multiple=True,
    default=("confirmative",),
    show_default=True,
    help=f"Style to ask for; {FREE}: none is named; {BOTH}: the first two. Repeatable.",
)
@click.option(
    "--tries", default=1, type=click.IntRange(1), show_default=True, help="Verifications of each attempt and style."
)
@classifying_options
@json_option
@reading_options
@model_options(required=False)
def command(
    samples: str,
    output: Path,
    asked: tuple[str, ...],
    tries: int,
    classifying: Classifying,
    as_json: bool,
    reading: Reading,
    model: Model | None,
) -> None:
    """Verifications of the attempts in SAMPLES, by the model itself or by a teacher.

    A verification is kept if it ends in exactly one verdict that agrees with the golden check. Resumes like
    `s2r data sample`. Models tend to solve again whatever they are asked for: --classify counts the confirmative
    verifications (table 6 of the paper). Its table 4, on models *trained* on either style, belongs to `s2r eval`.

    \b
    Example:
      s2r data verify samples.jsonl -o verified.jsonl --style both --url http://localhost:8000/v1 --model my-model
    """
    styles = list(dict.fromkeys(one for style in asked for one in (STYLES if style == BOTH else (style,))))

    def requests() -> Iterator[Request]:
        with reading:
            attempts = checked_attempts(list(reading.rollouts(samples)))
        usable = sum(a.unusable is None for a in attempts)
        needed(usable, f"{samples}: no attempt in it can be verified", "`s2r data sample` makes such files.")
        if not as_json:
            counts_table("attempts", Counter(a.unusable or "usable" for a in attempts))
        return verification_requests(attempts, styles, tries)

    summary: dict[str, Any] = {}
    if model is not None:
        settings = {"command": "verify", "samples": fingerprint(samples), "styles": styles, "tries": tries}
        summary = model.write(output, settings, requests, reading, verified_row)
    elif not classifying.classify:
        raise click.UsageError("give --model and either --url or --launch-vllm; --classify alone counts what -o holds")
    elif not output.is_file():
        raise click.UsageError(
            f"-o {output}: no such file. Without --model nothing is asked: --classify counts the verifications that an "
            "earlier run of `s2r data verify` wrote to -o. Name that file, or give --model and either --url or --launch-vllm"
        )
    table = style_table(_rows(output))
    classified = classifying.run(output, _rows(output), reading) if classifying.classify else None
    if as_json:
        shown = {"styles": {name: _record(counts) for name, counts in table.items()}}
        say_json({**summary, **shown, **({} if classified is None else classified.record())})
    else:
        _show(table)
        if classified is not None:
            classifying.show(classified)
    if classified is not None:
        classifying.check(classified, output)


def _rows(output: Path) -> Iterator[Mapping[str, Any]]:
    for line, row in read_records(output):
        missing = [
            name for name in ("style", "verification", "verdict", "correct", "reason", "problem") if name not in row
        ]
        if missing:
            raise RecordError(output, line, missing[0], "is missing; expected a row of `s2r data verify`")
        yield row


def _show(table: Mapping[str, StyleCounts]) -> None:
    """Accuracy of the verifications by style, and by whether the attempt is right; and what was not kept."""
    rows = [
        (
            name,
            *(f"{100 * counts.accuracy(*right):.2f}" for right in SIDES.values()),
            str(counts.tried.total()),
            str(counts.agree.total()),
        )
        for name, counts in table.items()
    ]
    columns = ("style", "accuracy %", "attempt right %", "attempt wrong %", "verifications", "kept")
    show_table("verifications", columns, rows)
    reasons = sum((counts.reasons for counts in table.values()), Counter[str]())
    if reasons:
        counts_table("not kept", dict(reasons.most_common()))


def _record(counts: StyleCounts) -> dict[str, Any]:
    """The same of one style, for --json."""
    accuracy = finite({name: counts.accuracy(*right) for name, right in SIDES.items()})
    numbers = {"verifications": counts.tried.total(), "kept": counts.agree.total()}
    return {**numbers, **accuracy, "not_kept": dict(counts.reasons)}
