"""One seed's folder. A stage's record is written last and atomically, so a killed run resumes at a stage's start.

config.json, metrics.jsonl, summary.json, stages/<stage>.json (the records), checkpoints/<model>.pt,
data/*.jsonl, rollouts/*.jsonl (the library's format: `s2r report`, `s2r stats` and `s2r replay` read them).
"""

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .config import Config


class RunFolderError(RuntimeError):
    """The folder belongs to another run; the message says what to do."""


@dataclass(frozen=True)
class RunFolder:
    path: Path
    config: Config

    def open(self) -> None:
        """Create the folder, or check that it was made with this very config."""
        stored, text = self.path / "config.json", dumps(asdict(self.config), indent=1) + "\n"
        if stored.exists() and stored.read_text() != text:
            raise RunFolderError(
                f"{stored} differs from the settings of this run: choose another --out, "
                "repeat the earlier settings to resume, or start over with --fresh"
            )
        self.path.mkdir(parents=True, exist_ok=True)
        write_atomically(stored, text)

    def home(self, stage: str) -> Path:
        """The folder that a stage writes to; a stage is finished once its record is there."""
        return self.path

    def record(self, stage: str) -> dict[str, Any] | None:
        """What a finished stage left behind: wall_s, cpu_s, metrics; None if it has not finished."""
        path = self.home(stage) / "stages" / f"{stage}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def finish(self, stage: str, record: dict[str, Any]) -> None:
        write_atomically(_ready(self.home(stage) / "stages" / f"{stage}.json"), dumps(record) + "\n")

    def rollouts(self, stage: str, name: str = "") -> Path:
        """The file of a stage's rollouts; `name` tells apart several of them."""
        return _ready(self.home(stage) / "rollouts" / f"{name or stage}.jsonl")

    def checkpoint(self, stage: str) -> Path:
        return _ready(self.home(stage) / "checkpoints" / f"{stage}.pt")

    def documents(self, kind: str) -> Path:
        """Training documents that the stage `data` wrote: `bi` or `plain`."""
        return _ready(self.home("data") / "data" / f"{kind}.jsonl")


def _ready(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_atomically(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text)
    os.replace(temporary, path)


def dumps(value: Any, indent: int | None = None) -> str:
    """JSON with null for what is undefined; Python would write NaN, which no other reader takes."""
    return json.dumps(_defined(value), indent=indent, allow_nan=False)


def _defined(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {k: _defined(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_defined(v) for v in value]
    return value
