"""Reading files of others: --fields and --on-error, with skipped records counted and shown."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from dataclasses import fields as dataclass_fields
from pathlib import Path

import click

from s2r_rewards.cli.kit.commands import bundle
from s2r_rewards.cli.kit.finding import find_files
from s2r_rewards.cli.kit.options import option, options_of
from s2r_rewards.cli.kit.show import Progress, say
from s2r_rewards.datasets.loading import read_problems
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts import Rollout, read_rollouts
from s2r_rewards.rollouts.records import RecordError

SHOWN = 5
#: The fields of rollouts, of problems, and of what `s2r data verify` writes.
OURS = tuple(
    dict.fromkeys(one.name for kind in (Rollout, Problem) for one in dataclass_fields(kind) if one.name != "extra")
)
OURS += ("attempt", "style", "verification", "wrong", "total", "correct", "kept", "pred", "expected")
Paths = tuple[Path, ...]


def _pairs(_: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, str] | None:
    """`response=output,gold=gts` → {"response": "output", "gold": "gts"}."""
    if value is None:
        return None
    pairs = [part.partition("=") for part in value.split(",")]
    if not all(ours and theirs for ours, _, theirs in pairs):
        raise click.BadParameter(f"{value!r}: expected pairs such as response=output,gold=gts")
    names = [ours for ours, _, _ in pairs]
    unknown = [name for name in names if name not in OURS]
    if unknown:
        raise click.BadParameter(f"{unknown[0]!r} is no field of ours; expected one of {', '.join(OURS)}")
    if len({*names}) < len(names):
        raise click.BadParameter(f"{value!r} names a field of ours twice")
    return {ours: theirs for ours, _, theirs in pairs}


@dataclass
class Reading:
    """How a command reads, and its ``on_error``: stops at the first bad record, or counts them and shows a few.

    As a context manager it says at the end of the block what was skipped.
    """

    fields: Mapping[str, str] | None = option(
        "Names that the file gives to our fields, e.g. response=output,gold=gts. The names of verl's rollout "
        "dumps, of OpenRLHF's data and of problem files are known.",
        metavar="OURS=THEIRS,…",
        callback=_pairs,
    )
    on_error: str = option(
        "At a bad record: stop, or go on without it and count it.", "stop", type=click.Choice(["stop", "skip"])
    )
    skipped: int = field(default=0, init=False)
    first: list[str] = field(default_factory=list, init=False)

    def __call__(self, error: RecordError) -> None:
        if self.on_error == "stop":
            raise ValueError(f"{error} (--on-error skip goes on without such records)") from error
        self.skipped += 1
        if len(self.first) < SHOWN:
            self.first.append(str(error))

    def __enter__(self) -> "Reading":
        return self

    def __exit__(self, *exc: object) -> None:
        if self.skipped:
            say("\n  ".join([f"skipped {self.skipped} bad records:", *self.first]))
            self.skipped, self.first = 0, []

    def rollouts(self, path: str | Path) -> Iterator[Rollout]:
        """The rollouts of one file, under anyone's field names."""
        return read_rollouts(path, self, self.fields)

    def problems(self, path: str | Path) -> list[Problem]:
        """The problems of one file, likewise; says what was skipped."""
        with self:
            return read_problems(path, self, self.fields)

    def each_rollout(self, paths: Iterable[Path]) -> Iterator[Rollout]:
        """As :meth:`all_rollouts`, one after the other; none is kept."""
        empty = True
        with self, Progress("reading") as bar:
            for path in find_files(paths):
                for rollout in bar.over(self.rollouts(path)):
                    empty = False
                    yield rollout
        if empty:
            raise ValueError("there are no rollouts in the files given")

    def all_rollouts(self, paths: Iterable[Path]) -> list[Rollout]:
        """The rollouts of files and of directories with files; there must be some."""
        return list(self.each_rollout(paths))


_SKIP_BAD = click.Option(["--skip-bad", "on_error"], flag_value="skip", hidden=True)  # its name in 0.1
reading_options = bundle("reading", Reading, *options_of(Reading), _SKIP_BAD)
on_error_option = bundle("reading", Reading, *options_of(Reading, "on_error"), _SKIP_BAD)
paths_argument = click.argument(
    "paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="ROLLOUTS..."
)
