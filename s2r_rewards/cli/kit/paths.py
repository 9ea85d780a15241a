"""Files that a verb writes: no output is an input, or another output, of the same command."""

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from s2r_rewards.rollouts.records import SUFFIXES, check_suffix


class OutputFile(click.Path):
    """A file to write. ``suffixes``: what its name may end with."""

    def __init__(self, *suffixes: str) -> None:
        super().__init__(dir_okay=False, path_type=Path)
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value).lower().endswith(self.suffixes):
            expected = " or ".join(self.suffixes)
            self.fail(f"{value}: this writes {expected}; give the file a name that ends so", param, ctx)
        return super().convert(value, param, ctx)


class RecordFile(OutputFile):
    """A file of records to write: JSONL or parquet, by its name."""

    def __init__(self) -> None:
        super().__init__(*SUFFIXES)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            check_suffix(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)


RECORD_FILE = RecordFile()
FOLDER = click.Path(file_okay=False, path_type=Path)


class Verb(click.Command):
    """A command that refuses to run where one of its outputs would destroy an input or another output."""

    def invoke(self, ctx: click.Context) -> Any:
        check_outputs(ctx)
        return super().invoke(ctx)


verb = partial(click.command, cls=Verb)


def check_outputs(ctx: click.Context) -> None:
    """Raises UsageError where two parameters of the command name one file and one of them is written.

    Two names are one file where they lead to it by any way: links, ``..``, another case on such a disk.
    """
    outputs = [(p, path) for p, path in _paths(ctx) if isinstance(p.type, OutputFile)]
    for number, (parameter, output) in enumerate(outputs):
        flag = parameter.get_error_hint(ctx)
        for other, path in outputs[:number]:
            if same_file(path, output):
                raise click.UsageError(
                    f"{flag} and {other.get_error_hint(ctx)} are one file, {output}; give it two names", ctx
                )
        for _, path in _paths(ctx, inputs=True):
            if same_file(path, output):
                raise click.UsageError(f"{flag} is {output}, which is read here too; write to another file", ctx)
            if isinstance(parameter.type, RecordFile) and path.is_dir() and path.resolve() in output.resolve().parents:
                raise click.UsageError(
                    f"{flag} is {output}, inside of the folder {path} that is read here; write outside of it", ctx
                )


def same_file(one: Path, other: Path) -> bool:
    """Whether both names lead to one file, be it there already or not."""
    try:
        return one.samefile(other)
    except OSError:
        return one.resolve() == other.resolve()


def _paths(ctx: click.Context, inputs: bool = False) -> Iterator[tuple[click.Parameter, Path]]:
    """Every value that can be a path. ``inputs``: of parameters that do not write, and only what is there."""
    for parameter in ctx.command.params:
        value = ctx.params.get(parameter.name or "")
        if not inputs and isinstance(parameter.type, OutputFile) and isinstance(value, Path):
            yield parameter, value
        if inputs and not isinstance(parameter.type, OutputFile):
            for item in value if isinstance(value, tuple) else (value,):
                # `--data NAME=PATH` and the like carry their path behind a sign.
                names = [item] if isinstance(item, Path) else _parts(item) if isinstance(item, str) else []
                yield from ((parameter, Path(name)) for name in names if os.path.exists(name))


def _parts(text: str) -> list[str]:
    if not text or len(text) > 4096 or "\0" in text:
        return []
    return [part for part in (text, text.partition("=")[2], text.rpartition(":")[2]) if part]
