"""``s2r data sample``."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import needed
from s2r_rewards.cli.kit.options import json_option, output_option
from s2r_rewards.cli.kit.paths import verb
from s2r_rewards.cli.kit.reading import Reading, reading_options
from s2r_rewards.cli.kit.serving import Model, asking_options, model_options
from s2r_rewards.cli.kit.show import say_json
from s2r_rewards.datasets.llm.requests import EXTENT, Request, sample_requests
from s2r_rewards.datasets.resume import fingerprint


@verb()
@click.argument("problems")
@output_option("Rollouts, JSONL or parquet.")
@json_option
@asking_options("-k", "Responses to each problem.", samples=5)
@reading_options
@model_options()
def command(problems: str, output: Path, as_json: bool, asking: dict[str, Any], reading: Reading, model: Model) -> None:
    """K responses to every problem of PROBLEMS, from any OpenAI-compatible server.

    Killed or failed runs go on where they stopped when the same command is given again: no sample is lost
    and none is asked for twice. Every request has its own seed, made of --seed, problem and sample number.

    \b
    Example:
      s2r data sample problems.jsonl -o samples.jsonl -k 5 --url http://localhost:8000/v1 --model my-model
    """

    def requests() -> Iterator[Request]:
        found = reading.problems(problems)
        needed(len(found), f"{problems}: no problem in it", "`s2r data problems` makes such files.")
        return sample_requests(found, **asking)

    settings = {"command": "sample", "problems": fingerprint(problems), **asking}
    summary = model.write(output, settings, requests, reading, extent=EXTENT)
    if as_json:
        say_json(summary)
