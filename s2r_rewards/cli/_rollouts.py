"""What the verbs on rollouts share: finding files, reading them under anyone's field names, scoring, progress."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from s2r_rewards.records import JSONL_SUFFIXES, RecordError, raise_error, read_records
from s2r_rewards.rollouts import Rollout

#: Names that other tools give to our fields: verl's rollout dumps (input, output, gts), OpenRLHF's data (label).
ALIASES: dict[str, tuple[str, ...]] = {
    "prompt": ("input", "question", "problem", "query"),
    "response": ("output", "completion", "generation"),
    "gold": ("gts", "label", "ground_truth", "golden", "target", "answer"),
    "problem_id": ("id",),  # verl's uid names a sample, not a problem
    "step": ("global_step",),
}
CHECKS_AT_ONCE = 4_000
SUFFIXES = (*JSONL_SUFFIXES, ".parquet")


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and those of directories in natural order (verl writes one file a step)."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in path.iterdir() if p.name.endswith(SUFFIXES) and not p.name.startswith(".")]
            found.extend(sorted(inside, key=_natural))
        else:
            found.append(path)
    if not found:
        raise click.UsageError("no .jsonl, .jsonl.gz or .parquet file in the directories given")
    return found


def load_rollouts(
    paths: Iterable[Path], fields: Mapping[str, str] | None = None, skip_bad: bool = False
) -> list[Rollout]:
    """All rollouts of the files. Bad records end the command with exit code 2, or are counted and skipped."""
    bad: list[RecordError] = []
    rollouts: list[Rollout] = []
    with progress("Reading") as advance:
        for path in find_files(paths):
            for rollout in read_any(path, fields or {}, bad.append if skip_bad else raise_error):
                rollouts.append(rollout)
                advance(1)
    if bad:
        click.echo(f"skipped {len(bad)} bad records, the first: {bad[0]}", err=True)
    if not rollouts:
        raise click.ClickException("there are no rollouts in the files given")
    return rollouts


def read_any(
    path: Path, fields: Mapping[str, str], on_error: Callable[[RecordError], None]
) -> Iterator[Rollout]:
    """Rollouts of one file, with the names of ALIASES understood where ours are missing."""
    theirs = {other: ours for ours, other in fields.items()}
    for line, record in read_records(path, on_error):
        known = {theirs.get(name, name): value for name, value in record.items()}
        for ours, others in ALIASES.items():
            if known.get(ours) is None:
                found = next((other for other in others if known.get(other) is not None), None)
                if found is not None:
                    known[ours] = known.pop(found)
        if known.get("gold") is None and {"gold", *ALIASES["gold"]} & known.keys():
            known["gold"] = ""  # verl writes null where a row has no ground truth: ungradable, not unreadable
        if isinstance(known.get("gold"), (int, float)):
            known["gold"] = str(known["gold"])
        if known.get("problem_id") is None and isinstance(known.get("prompt"), str):
            # Samples of one prompt belong together even where the dump does not number its problems.
            known["problem_id"] = (
                "p" + hashlib.sha256(known["prompt"].encode("utf-8", "replace")).hexdigest()[:8]
            )
        if isinstance(known.get("s2r"), str):
            known["s2r"] = json.loads(known["s2r"])
        try:
            yield Rollout.from_record(known, str(path), line)
        except RecordError as error:
            on_error(error)


def to_file_record(rollout: Rollout, path: Path) -> dict[str, Any]:
    """As JSON; in parquet the nested s2r record becomes a JSON text, since its shape varies from row to row."""
    record = rollout.to_record()
    if path.suffix == ".parquet" and record.get("s2r") is not None:
        record["s2r"] = json.dumps(record["s2r"])
    return record


def batches(rollouts: Sequence[Rollout], size: str) -> list[list[Rollout]]:
    """Cut into the batches over which baselines are taken: by `step`, `all` at once, or so many at a time."""
    if size == "all":
        return [list(rollouts)]
    if size == "step":
        return [list(group) for _, group in groupby(rollouts, key=lambda rollout: rollout.step)]
    if not re.fullmatch(r"[1-9]\d*", size):
        raise click.BadParameter(f"{size!r}: expected 'step', 'all' or a number", param_hint="--batch")
    n = int(size)
    return [list(rollouts[i : i + n]) for i in range(0, len(rollouts), n)]


def score_batches(
    parts: Sequence[Sequence[Rollout]], rules: dict[str, Any], workers: int
) -> Iterator[list[Rollout]]:
    """Score one batch after the other, showing how many rollouts are done.

    `rules`: grammar and preset, and where wanted `checker_many` and `spans` (rollouts → their token spans).
    """
    from s2r_rewards.answers import check_many
    from s2r_rewards.scoring import score_rollouts

    rules = dict(rules)
    checker = rules.pop("checker_many", None) or (lambda pairs: check_many(pairs, workers=workers))
    spans = rules.pop("spans", lambda part: None)
    with progress("Scoring", sum(map(len, parts))) as advance:
        for part in parts:
            counted = _counted(checker, advance, len(part))
            yield score_rollouts(part, checker_many=counted, token_spans=spans(part), **rules)


def _counted(
    checker: Callable[[list], Sequence], advance: Callable[[float], None], size: int
) -> Callable[[Sequence], list]:
    """The batch checker in pieces, each different pair once, so that a long batch shows how far it is."""

    def check(pairs: Sequence) -> list:
        different = list(dict.fromkeys(pairs))
        results: dict = {}
        for i in range(0, len(different), CHECKS_AT_ONCE):
            piece = different[i : i + CHECKS_AT_ONCE]
            results.update(zip(piece, checker(piece), strict=True))
            advance(size * len(piece) / len(different))
        if not different:
            advance(size)
        return [results[pair] for pair in pairs]

    return check


def scored(rollouts: list[Rollout], grammar: str | None, preset: str | None, workers: int) -> list[Rollout]:
    """The rollouts as they are where all are scored and no rules are asked for, otherwise scored by step."""
    if all(rollout.s2r for rollout in rollouts) and grammar is preset is None:
        return rollouts
    rules = {"grammar": grammar, "preset": preset or "paper"}
    parts = batches(without_score(rollouts), "step")
    return [one for part in score_batches(parts, rules, workers) for one in part]


def without_score(rollouts: Iterable[Rollout]) -> list[Rollout]:
    """The rollouts as they were before scoring."""
    return [replace(rollout, s2r=None) for rollout in rollouts]


@contextmanager
def progress(what: str, total: int | None = None) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error, gone when done; silent where that is not a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]
