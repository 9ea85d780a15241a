"""Single options that several verbs have, under one name and with one meaning."""

from collections.abc import Callable
from dataclasses import field, fields
from typing import Any

import click

from s2r_rewards.cli.kit.commands import Function, attached
from s2r_rewards.cli.kit.paths import RECORD_FILE

seed_option = click.option("--seed", default=0, show_default=True, help="The same seed gives the same output.")
restart_option = click.option("--restart", is_flag=True, help="Throw earlier work on this output away.")
take_option = click.option("--take", "number", type=click.IntRange(1), help="Keep so many of them, drawn at random.")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON on standard output, for other programs.")


def _band(ctx: click.Context, parameter: click.Parameter, value: tuple[float, float]) -> tuple[float, float]:
    low, high = value
    if not 0 <= low <= high <= 1:
        hint = "; percentages are written as 0.1 0.7" if max(value) > 1 else ""
        raise click.BadParameter(f"{low:g} {high:g}: expected two accuracies, 0 ≤ LOW ≤ HIGH ≤ 1{hint}", ctx, parameter)
    return value


band_option = click.option(
    "--band", nargs=2, type=float, default=(0.1, 0.7), show_default=True, callback=_band, help="Accuracies to keep."
)
WORKERS = click.Option(["--workers"], type=click.IntRange(1), default=2, show_default=True, help="Checker processes.")
workers_option = attached(WORKERS)


def output_option(help: str, required: bool = True) -> Callable[[Function], Function]:
    return click.option("-o", "--output", required=required, type=RECORD_FILE, help=help)


def option(help: str | None = None, default: Any = None, **settings: Any) -> Any:
    """A field of a dataclass that is an option of the same name as well."""
    if default is not None:
        settings = {"default": default, "show_default": default != "" and default is not False, **settings}
    return field(default=default, metadata={"help": help, **settings})


def options_of(kind: type, *names: str, **changes: dict[str, Any]) -> list[click.Option]:
    """The options of a dataclass, all or some of them; ``changes``: field → settings that differ here."""
    return [
        click.Option([f"--{one.name.replace('_', '-')}"], **{**one.metadata, **changes.get(one.name, {})})
        for one in fields(kind)
        if one.metadata and (one.name in names or not names)
    ]
