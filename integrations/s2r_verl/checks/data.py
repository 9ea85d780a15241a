"""What a data set lacks, found by reading it: columns, golden answers, agent loops, stored rollouts."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from s2r_rewards.adapter import ConfigError, resolve_checker
from s2r_rewards.adapter.options import kind_of
from s2r_rewards.adapter.replay import read_stored
from s2r_rewards.answers.labels import TOLERATED, told, ungradable
from s2r_rewards.rollouts.records import RecordError
from s2r_verl.checks.setup import AGENT_LOOPS, CREDIT, LOSS, REPLAY, Setup, uses_s2r

MESSAGES_COLUMNS = ("messages",)


def data_problems(config: Any) -> list[str]:
    """What is wrong with the data files of a composed PPO configuration. Only local files are looked into."""
    setup = Setup.of(config)
    if not uses_s2r(config) or setup.get("data.custom_cls.path") is not None:
        return []  # a data set of one's own: the trainer looks at what it gives
    problems: list[str] = []
    for key in ("train_files", "val_files"):
        for path in _local(setup.get(f"data.{key}")):
            try:
                problems += _problems(path, f"data.{key} {path}", setup, key == "train_files")
            except ConfigError as error:
                problems.append(str(error))
    return problems


def require_good_data(config: Any) -> None:
    """Raises ConfigError that lists every problem."""
    problems = data_problems(config)
    if problems:
        raise ConfigError("this data cannot train with S2R:\n" + "\n".join(f"  - {p}" for p in problems))


def _local(files: Any) -> list[str]:
    paths = [os.path.expanduser(str(path)) for path in ([files] if isinstance(files, str) else files or ())]
    return [path for path in paths if "://" not in path and path.endswith((".parquet", ".json", ".jsonl"))]


def _problems(path: str, where: str, setup: Setup, training: bool) -> Iterator[str]:
    prompt, source = setup.get("data.prompt_key", "prompt"), setup.get("data.reward_fn_key", "data_source")
    require_columns(path, (prompt, source, "reward_model"), where.partition(" ")[0])
    table = _columns(path, ("reward_model", "agent_name", "extra_info"))
    golds = [row.get("ground_truth") if isinstance(row, dict) else None for row in table["reward_model"]]
    bad = ungradable(golds, resolve_checker(setup.options), kind_of(setup.options))
    if bad and len(bad) >= TOLERATED * len(golds):
        yield f"{told(bad, len(golds), f'{where}, reward_model.ground_truth')}. Responses to such rows could only earn -1"
    yield from agent_name_problems(table.get("agent_name", ()), setup, where)
    if training and setup.loop == REPLAY:
        yield from _replay_problems(table.get("extra_info", ()), setup, where)


def agent_name_problems(names: Iterable[Any], setup: Setup, where: str) -> Iterator[str]:
    """verl prefers a column ``agent_name`` to ``default_agent_loop``, row by row."""
    needs = (setup.estimator in CREDIT and setup.method.level == "process") or setup.loss == LOSS
    if not (needs or setup.loop in AGENT_LOOPS):
        return
    others = Counter(str(name) for name in names if name != setup.loop)
    if others:
        name, count = others.most_common(1)[0]
        yield (
            f"{where}: column agent_name={name} in {count} rows goes before default_agent_loop={setup.loop}, and that loop "
            "does not show S2R its actions; drop the column"
        )


def _replay_problems(infos: Iterable[Any], setup: Setup, where: str) -> Iterator[str]:
    for row, info in enumerate(infos, 1):
        stored = info.get("replay") if isinstance(info, dict) else None
        if stored is None:
            yield f"{where}: row {row} has no extra_info.replay; write the file with `s2r data offline … --verl FILE`"
            return
        try:
            read_stored(stored, setup.method.level, where, row, "extra_info.replay")
        except RecordError as error:
            yield str(error)
            return


def _columns(path: str, names: Iterable[str]) -> dict[str, list[Any]]:
    """Those of the columns that a file has."""
    if path.endswith(".parquet"):
        import pyarrow.parquet as pq

        there = [name for name in names if name in pq.read_schema(path).names]
        found: dict[str, list[Any]] = pq.read_table(path, columns=there).to_pydict()
        return found
    rows = _rows(path)
    return {name: [row.get(name) for row in rows] for name in names if any(name in row for row in rows)}


def _rows(path: str) -> list[dict[str, Any]]:
    try:
        text = Path(path).read_text(encoding="utf-8")
        rows = (
            json.loads(text)
            if text.lstrip().startswith("[")
            else [json.loads(line) for line in text.splitlines() if line]
        )
    except ValueError as error:
        raise ConfigError(f"{path}: not JSON ({error})") from None
    return [row for row in rows if isinstance(row, dict)]


def require_columns(files: Any, columns: Iterable[str], what: str) -> None:
    """Raises ConfigError naming the file and the columns it lacks. Only local files are looked into."""
    for path in _local(files):
        if not Path(path).is_file():
            raise ConfigError(f"{what} {path}: no such file; `s2r data rl --help` shows how to make one")
        if path.endswith(".parquet"):
            import pyarrow.parquet as pq

            found = pq.read_schema(path).names
        else:
            found = list((_rows(path) or [{}])[0])
        missing = [column for column in columns if column not in found]
        if missing:
            raise ConfigError(
                f"{what} {path}: missing column(s) {', '.join(missing)}; found {', '.join(found)}. "
                "`s2r data rl … --verl FILE` and `s2r data init … --verl FILE` write the expected form"
            )
