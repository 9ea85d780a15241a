"""``s2r data turns``."""

from collections import Counter
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.formats import Formats, prompt_formats
from s2r_rewards.cli.kit.options import json_option, output_option, seed_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.scoring import Scoring, scoring_options
from s2r_rewards.cli.kit.show import counts_table
from s2r_rewards.datasets import turns
from s2r_rewards.rollouts.records import write_records
from s2r_rewards.turns import get_conversation


@verb()
@click.argument("rollouts")
@output_option("The rows, JSONL or parquet: input, label.")
@click.option("--problems", help="Problems to mix in, which the model solves itself.")
@click.option("--take", "number", type=click.IntRange(2), default=128, show_default=True, help="Verification prompts.")
@click.option("--any-share", is_flag=True, help="Attempts as they come, instead of half right and half wrong.")
@click.option("--conversation", default="rise", show_default=True, help="Whose words ask for the verification.")
@scoring_options()
@seed_option
@json_option
@reading_options
@prompt_formats
def command(
    rollouts: str,
    output: Path,
    problems: str | None,
    number: int,
    any_share: bool,
    conversation: str,
    scoring: Scoring,
    seed: int,
    as_json: bool,
    reading: Reading,
    formats: Formats,
) -> None:
    """Verification prompts for RL out of sampled ROLLOUTS, mixed with problems (RISE).

    \b
    Example:
      s2r data turns sft-samples.jsonl -o mixed.jsonl --problems rl.jsonl --take 128 --verl mixed.parquet
    """
    if formats.trl is not None:
        raise click.UsageError("TRL has no agent that holds conversations here; use --verl or --openrlhf")
    ask = get_conversation(conversation).verify_prompt
    if ask is None:
        raise click.UsageError(f"--conversation {conversation} asks for no verification; choose rise, s2r or pag")
    found = turns.verification_prompts(
        reading.all_rollouts([Path(rollouts)]),
        number,
        not any_share,
        seed,
        scoring.method.grammar,
        scoring.checker_many,
    )
    needed(len(found), "no attempt can be verified", "Give rollouts with right and wrong attempts, or --any-share.")
    rows = turns.mixed(reading.problems(problems) if problems else (), found, seed)
    counts = Counter({"right attempts": sum(p.right for p in found), "wrong attempts": sum(not p.right for p in found)})
    counts["problems"] = len(rows) - len(found)
    write_records(output, (turns.openrlhf_row(row, formats.system, ask) for row in rows))
    formats.write_rows(
        [turns.verl_row(row, i, formats.system, ask) for i, row in enumerate(rows)],
        [turns.openrlhf_row(row, formats.system, ask) for row in rows],
    )
    counts_table("rows", counts, as_json)
