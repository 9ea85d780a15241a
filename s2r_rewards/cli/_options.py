"""Options that several verbs share, and errors as exit codes: 0 fine, 1 a condition failed, 2 bad input."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from s2r_rewards.grammar import GRAMMARS
from s2r_rewards.presets import PRESETS

CONDITION_FAILED = 1
BAD_INPUT = 2

paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="ROLLOUTS..."
)


class Fields(click.ParamType):
    """`response=output,gold=gts` → {"response": "output", "gold": "gts"}."""

    name = "OURS=THEIRS"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Mapping[str, str]:
        if isinstance(value, Mapping):
            return value
        pairs = dict(part.split("=", 1) for part in value.split(",") if "=" in part)
        if len(pairs) != len(value.split(",")):
            self.fail(f"{value!r}: expected pairs such as response=output,gold=gts", param, ctx)
        return pairs


def reading_options(function: Callable) -> Callable:
    """--fields and --skip-bad."""
    for option in (
        click.option("--skip-bad", is_flag=True, help="Count and skip records that cannot be read."),
        click.option(
            "--fields",
            type=Fields(),
            default=None,
            help="Names that the file gives to our fields, e.g. response=output,gold=gts. The names of verl's "
            "rollout dumps and OpenRLHF's data are known.",
        ),
    ):
        function = option(function)
    return function


def scoring_options(function: Callable) -> Callable:
    """--grammar, --preset and --workers."""
    for option in (
        click.option(
            "--workers", type=click.IntRange(1), default=2, show_default=True, help="Checker processes."
        ),
        click.option("--preset", type=click.Choice(list(PRESETS)), default=None, help="Default: paper."),
        click.option(
            "--grammar", type=click.Choice(list(GRAMMARS)), default=None, help="Default: the preset's."
        ),
    ):
        function = option(function)
    return function


def readable_errors(function: Callable) -> Callable:
    """Errors of the input end the command with their message and exit code 2, without a traceback."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except (ValueError, OSError, ImportError) as error:
            click.echo(f"Error: {error}", err=True)
            raise click.exceptions.Exit(BAD_INPUT) from error
        except click.UsageError:
            raise  # click shows the usage and ends with 2 as well
        except click.ClickException as error:
            error.show()
            raise click.exceptions.Exit(BAD_INPUT) from error

    return wrapped


def fail(message: str) -> None:
    """End the command because a condition does not hold."""
    click.echo(message, err=True)
    raise click.exceptions.Exit(CONDITION_FAILED)
