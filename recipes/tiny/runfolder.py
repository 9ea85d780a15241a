"""One seed's folder. A stage's record is written last and atomically, so a killed run resumes at a stage's start.

config.json, metrics.jsonl, summary.json, stages/<stage>.json (the records), checkpoints/<model>.pt,
data/*.jsonl, rollouts/*.jsonl (the library's format: `s2r report`, `s2r stats` and `s2r replay` read them).
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .config import Config, to_json

if TYPE_CHECKING:
    from torch import nn


class RunFolderError(RuntimeError):
    """The folder belongs to another run; the message says what to do."""


class RunFolder:
    def __init__(self, path: Path, config: Config):
        self.path, self.config = path, config

    def open(self) -> None:
        """Create the folder, or check that it was made with this very config."""
        stored = self.path / "config.json"
        if stored.exists() and stored.read_text() != to_json(self.config):
            raise RunFolderError(
                f"{stored} differs from the settings of this run: choose another --out, "
                "repeat the earlier settings to resume, or start over with --fresh"
            )
        for name in ("stages", "checkpoints", "rollouts", "data"):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        if not stored.exists():
            write_atomically(stored, to_json(self.config))

    def record(self, stage: str) -> dict[str, Any] | None:
        """What a finished stage left behind: wall_s, cpu_s, metrics; None if it has not finished."""
        path = self.path / "stages" / f"{stage}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def finish(self, stage: str, record: dict[str, Any]) -> None:
        write_atomically(self.path / "stages" / f"{stage}.json", dumps(record) + "\n")

    def rollouts(self, name: str) -> Path:
        return self.path / "rollouts" / f"{name}.jsonl"

    def save(self, name: str, model: nn.Module) -> None:
        import torch

        path = self._checkpoint(name)
        torch.save(model.state_dict(), path.with_suffix(".tmp"))
        os.replace(path.with_suffix(".tmp"), path)

    def load(self, name: str) -> nn.Module:
        import torch

        from .learn.model import new_model

        model = new_model(self.config.model, self.config.seed)
        model.load_state_dict(torch.load(self._checkpoint(name), weights_only=True))
        return model

    def _checkpoint(self, name: str) -> Path:
        return self.path / "checkpoints" / f"{name}.pt"


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
