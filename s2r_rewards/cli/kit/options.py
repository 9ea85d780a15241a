"""Single options that several verbs have, under one name and with one meaning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.commands import Function, attached
from s2r_rewards.rollouts.records import check_suffix

seed_option = click.option("--seed", default=0, show_default=True, help="The same seed gives the same output.")
restart_option = click.option("--restart", is_flag=True, help="Throw earlier work on this output away.")
take_option = click.option("--take", "number", type=int, help="Keep so many of them, drawn at random.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for other programs.")
band_option = click.option(
    "--band", nargs=2, type=float, default=(0.1, 0.7), show_default=True, help="Accuracies to keep."
)
WORKERS = click.Option(["--workers"], type=click.IntRange(1), default=2, show_default=True, help="Checker processes.")
workers_option = attached(WORKERS)


class RecordFile(click.Path):
    """A file of records to write: JSONL or parquet, by its name."""

    def __init__(self) -> None:
        super().__init__(dir_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            check_suffix(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)


def output_option(help: str, required: bool = True) -> Callable[[Function], Function]:
    return click.option("-o", "--output", required=required, type=RecordFile(), help=help)
