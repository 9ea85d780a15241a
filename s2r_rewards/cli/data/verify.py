"""``s2r data verify``."""

from collections import Counter

import click

from s2r_rewards.cli.data.common import (
    counts_table,
    friendly_errors,
    on_error_option,
    output_option,
    reading,
    restart_option,
    say,
    seed_option,
    show_table,
)
from s2r_rewards.cli.data.serving import (
    Served,
    Serving,
    run_requests,
    say_summary,
    serving_options,
    usage_summary,
)
from s2r_rewards.datasets.attempts import checked_attempts, verification_requests, verified_row
from s2r_rewards.datasets.resume import WorkLog, fingerprint
from s2r_rewards.datasets.verification import STYLES, StyleCounts, style_table
from s2r_rewards.evaluation.published import STYLES as PUBLISHED
from s2r_rewards.records import read_records, write_records
from s2r_rewards.rollouts import read_rollouts


@click.command()
@click.argument("samples")
@output_option("Every verification with its verdict; `kept` says whether it is of use. JSONL or parquet.")
@click.option("--style", type=click.Choice([*STYLES, "both"]), default="confirmative", show_default=True)
@click.option("--tries", default=1, show_default=True, help="Verifications of each attempt and style.")
@click.option("--paper", type=click.Choice(list(PUBLISHED)), help="Show the paper's figures of this model.")
@seed_option
@on_error_option
@restart_option
@serving_options(temperature=0.7, max_tokens=2048)
@friendly_errors
def command(
    samples: str,
    output: str,
    style: str,
    tries: int,
    paper: str | None,
    seed: int,
    on_error: str,
    restart: bool,
    serving: Serving,
) -> None:
    """Verifications of the attempts in SAMPLES, by the model itself or by a teacher.

    A verification is kept if it ends in exactly one verdict that agrees with the golden check. The table
    compares the paper's two styles (--style both). Resumes like `s2r data sample`.

    \b
    Example:
      s2r data verify samples.jsonl -o verified.jsonl --style both --url http://localhost:8000/v1 --model my-model
    """
    styles = list(STYLES) if style == "both" else [style]
    settings = {
        "command": "verify",
        "samples": fingerprint(samples),
        "styles": styles,
        "tries": tries,
        "seed": seed,
        "on_error": on_error,
        **serving.settings(),
    }
    with WorkLog(output, settings, restart) as log:
        if log.complete:
            say(f"{output} is complete already; --restart does it again")
            say_summary(output, log.summary())
            _show(style_table(row for _, row in read_records(output)), paper)
            return
        with reading(on_error) as errors:
            attempts = checked_attempts(list(read_rollouts(samples, errors)))
        counts_table("attempts", Counter(a.unusable or "usable" for a in attempts))
        requests = list(verification_requests(attempts, styles, tries))
        with Served(serving, output) as server:
            failures = run_requests("verifying", requests, log, server, seed, on_error)
        keys = [r.key for r in requests]
        write_records(output, (verified_row(row) for row in log.rows(keys)))
        summary = usage_summary(log.rows(keys), serving)
        say_summary(output, summary)
        if failures:
            say(f"{len(failures)} verifications failed and are missing; the same command tries them again")
        else:
            log.finish(summary)
    _show(style_table(row for _, row in read_records(output)), paper)


def _show(table: dict[str, StyleCounts], paper: str | None) -> None:
    """The paper's table: accuracy of the verifications, by whether the attempt is right."""
    rows = [
        (
            style,
            *(f"{100 * x:.2f}" for x in (counts.overall, counts.when_right, counts.when_wrong)),
            str(counts.right + counts.wrong),
            str(counts.right_agree + counts.wrong_agree),
        )
        for style, counts in table.items()
    ]
    for style, figures in PUBLISHED.get(paper or "", {}).items():
        rows.append((f"paper, {paper}: {style}", *(f"{x:.2f}" for x in figures), "", ""))
    columns = ("style", "accuracy %", "attempt right %", "attempt wrong %", "verifications", "kept")
    show_table("verifications", columns, rows)
    reasons: Counter[str] = Counter()
    for counts in table.values():
        reasons.update(counts.reasons)
    if reasons:
        counts_table("not kept", dict(reasons.most_common()))
