"""The files with rollouts of what a user names: files, folders of them, and whole output folders of a run."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import click

from s2r_rewards.cli.kit.show import say
from s2r_rewards.datasets.resume import fingerprint
from s2r_rewards.rollouts.records import FIELD_NAMES, SUFFIXES, read_records

RECEIPT = ".receipt.json"
_REMEMBERED = 100_000
_RESPONSES = {*next(names for names in FIELD_NAMES if names[0] == "response"), "pred"}


def find_files(paths: Iterable[Path]) -> list[Path]:
    """The files themselves, and those of folders in natural order (verl writes one file a step).

    Of a folder, files that hold something else than rollouts are left out, and so is what `s2r score` made another
    file of the folder from. Where rollouts lie deeper (a run of recipes/tiny, a trainer's output), the folder with
    the newest ones is read: the steps of a run as a whole, or one stage.
    """
    found: list[Path] = []
    for path in paths:
        found.extend(_in_folder(path) if path.is_dir() else [path])
    return found


def waiting_files(path: Path) -> list[Path]:
    """The same of a run that is still going, without a word: none as long as there is none."""
    if not path.is_dir():
        return [path] if path.exists() else []
    with suppress(click.UsageError, OSError):
        return _in_folder(path, lambda message: None)
    return []


def _in_folder(folder: Path, tell: Callable[[str], None] = say) -> list[Path]:
    files = [path for path in folder.iterdir() if _is_rollouts(path)]
    if files:
        return _without_sources(sorted(files, key=natural), tell)
    deeper = [path for path in folder.rglob("*") if not _hidden(path, folder) and _is_rollouts(path)]
    if not deeper:
        raise click.UsageError(f"{folder}: no .jsonl, .jsonl.gz or .parquet file with responses in it")
    newest = max(deeper, key=lambda path: (path.stat().st_mtime_ns, natural(path)))
    steps = sorted((p for p in deeper if p.parent == newest.parent and p.name[0].isdigit()), key=natural)
    chosen = steps if newest.name[0].isdigit() else [newest]
    if len(deeper) > len(chosen):
        others = sorted({str(p.parent if p.name[0].isdigit() else p) for p in {*deeper} - {*chosen}})
        rest = f" and {len(others) - 8} more" if len(others) > 8 else ""
        tell(
            f"{folder}: reading {newest.parent if chosen is steps else newest}, the newest; name another: {', '.join(others[:8])}{rest}"
        )
    return chosen


def _is_rollouts(path: Path) -> bool:
    """Whether the file's first record has a response."""
    if not path.name.endswith(SUFFIXES) or path.name.startswith(".") or path.name.endswith(RECEIPT):
        return False
    return path.is_file() and _has_responses(path, *_state(path))


def _state(path: Path) -> tuple[int, int, int]:
    """What a file is known by: while it is the same, a folder that is followed is not read again to see what is in it."""
    now = path.stat()
    return now.st_ino, now.st_size, now.st_mtime_ns


@lru_cache(_REMEMBERED)
def _fingerprint(path: Path, *state: int) -> str:
    return fingerprint(path)


@lru_cache(_REMEMBERED)
def _has_responses(path: Path, *state: int) -> bool:
    with suppress(ValueError, OSError, EOFError, ImportError):
        records = [record for _, record in islice(read_records(path, lambda error: None), 1)]
        return bool(records) and not _RESPONSES.isdisjoint(records[0])
    return path.suffix != ".json"  # something of it is broken, which the reader says


def _without_sources(files: list[Path], tell: Callable[[str], None]) -> list[Path]:
    """The files but those that `s2r score` read to write another one of them, by its receipt."""
    sources: dict[str, Path] = {}
    for path in files:
        receipt: Any = None
        with suppress(OSError, ValueError):
            receipt = json.loads(path.with_name(path.name + RECEIPT).read_text(encoding="utf-8"))
        settings = receipt.get("settings", {}) if isinstance(receipt, dict) else {}
        if settings.get("command") == "score":
            sources.update(dict.fromkeys(settings.get("rollouts", ()), path))
    if not sources:
        return files
    kept = []
    for path in files:
        scored = sources.get(_fingerprint(path, *_state(path)), path)
        if scored == path:
            kept.append(path)
        else:
            tell(f"{path}: left out; {scored} holds the same rollouts, scored")
    return kept


def _hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def natural(path: Path) -> list[tuple[int, int, str]]:
    """A key by which 10.jsonl comes behind 2.jsonl."""
    parts: list[Any] = re.findall(r"\d+|\D+", path.name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Short names that tell paths apart: the last parts in which they differ, without the ending of a file.

    `a/scored.jsonl b/scored.jsonl` are `a` and `b`. A path that is named twice is numbered.
    """
    whole = [path.resolve().parts[1:] or ("rollouts",) for path in paths]
    shorter = [(*parts[:-1], _without_ending(path)) for parts, path in zip(whole, paths, strict=True)]
    different = len({*whole})
    if len({*shorter}) == different:
        whole = shorter
    if different > 1 and len({parts[-1] for parts in whole}) == 1:
        return distinct_names([Path(*parts[:-1]) for parts in whole])
    depth = 1
    while len({parts[-depth:] for parts in whole}) < different:
        depth += 1
    names: list[str] = []
    for parts in whole:
        name = again = "/".join(parts[-depth:])
        number = 1
        while again in names:
            number += 1
            again = f"{name} ({number})"
        names.append(again)
    return names


def _without_ending(path: Path) -> str:
    name = path.resolve().name
    ending = next((suffix for suffix in SUFFIXES if name.endswith(suffix) and not path.is_dir()), "")
    return name.removesuffix(ending) or name or "rollouts"
