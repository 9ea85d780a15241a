"""``s2r data verify``."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.options import output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.serving import Model, model_options
from s2r_rewards.cli.kit.show import counts_table, show_table
from s2r_rewards.datasets.llm.requests import Request
from s2r_rewards.datasets.resume import fingerprint
from s2r_rewards.datasets.verification import STYLES, checked_attempts, style_table, verification_requests, verified_row
from s2r_rewards.evaluation.published import STYLES as PUBLISHED
from s2r_rewards.rollouts.records import read_records


@verb()
@click.argument("samples")
@output_option("Every verification with its verdict; `kept` says whether it is of use. JSONL or parquet.")
@click.option("--style", type=click.Choice([*STYLES, "both"]), default="confirmative", show_default=True)
@click.option(
    "--tries", default=1, type=click.IntRange(1), show_default=True, help="Verifications of each attempt and style."
)
@click.option("--paper", type=click.Choice(list(PUBLISHED)), help="Show the paper's figures of this model.")
@reading_options
@model_options()
def command(
    samples: str, output: Path, style: str, tries: int, paper: str | None, reading: Reading, model: Model
) -> None:
    """Verifications of the attempts in SAMPLES, by the model itself or by a teacher.

    A verification is kept if it ends in exactly one verdict that agrees with the golden check. The table
    compares the paper's two styles (--style both). Resumes like `s2r data sample`.

    \b
    Example:
      s2r data verify samples.jsonl -o verified.jsonl --style both --url http://localhost:8000/v1 --model my-model
    """
    styles = list(STYLES) if style == "both" else [style]

    def requests() -> Iterator[Request]:
        with reading:
            attempts = checked_attempts(list(reading.rollouts(samples)))
        usable = sum(a.unusable is None for a in attempts)
        needed(usable, f"{samples}: no attempt in it can be verified", "`s2r data sample` makes such files.")
        counts_table("attempts", Counter(a.unusable or "usable" for a in attempts))
        return verification_requests(attempts, styles, tries)

    settings = {"command": "verify", "samples": fingerprint(samples), "styles": styles, "tries": tries}
    model.write(output, settings, requests, reading, verified_row)
    table = style_table(row for _, row in read_records(output))
    # The paper's table: accuracy of the verifications, by whether the attempt is right.
    rows = [
        (
            name,
            *(f"{100 * counts.accuracy(*right):.2f}" for right in ((True, False), (True,), (False,))),
            str(counts.tried.total()),
            str(counts.agree.total()),
        )
        for name, counts in table.items()
    ]
    for name, figures in PUBLISHED.get(paper or "", {}).items():
        rows.append((f"paper, {paper}: {name}", *(f"{x:.2f}" for x in figures), "", ""))
    columns = ("style", "accuracy %", "attempt right %", "attempt wrong %", "verifications", "kept")
    show_table("verifications", columns, rows)
    reasons = sum((counts.reasons for counts in table.values()), Counter[str]())
    if reasons:
        counts_table("not kept", dict(reasons.most_common()))
