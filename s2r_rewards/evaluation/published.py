"""The paper's own figures (arXiv:2502.12853), to stand beside a run's. All of them are in ``published.json``, each once.

Tables are numbered as in version 1 of the paper; in the ACL version those from 4 on have the next number.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FIGURES: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class PaperRow:
    """One printed row. ``cells``: column → number, None where the paper prints none."""

    label: str
    cells: Mapping[str, float | None]
    base: str | None = None
    """The base model that it belongs to; None for other models."""
    stage: str | None = None
    """``base``, ``BI``, ``PRL``, ``ORL``, ``PRL-offline`` or ``ORL-offline``; None for other rows."""
    cited: bool = False
    """The paper took the row from another report."""


@dataclass(frozen=True, slots=True)
class PaperTable:
    """One printed table; ``columns`` are names of benchmarks (and ``average``), of metrics, or of styles asked for."""

    number: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[PaperRow, ...]


def _table(number: str, title: str) -> PaperTable:
    for part in _FIGURES["rows"]:
        columns = tuple(part["columns"])
        rows = tuple(
            PaperRow(
                row["in"][number],
                dict(zip(columns, row["cells"], strict=True)),
                row.get("base"),
                row.get("stage"),
                row.get("cited", False),
            )
            for row in part["rows"]
            if number in row["in"]
        )
        if rows:
            return PaperTable(number, title, columns, rows)
    raise KeyError(number)


TABLES: dict[str, PaperTable] = {number: _table(number, title) for number, title in _FIGURES["titles"].items()}
"""By number: 2, 3, 5, 10, 11 (accuracy), 4 (verification styles of trained models), 6 (styles of single verifications)."""
BEHAVIOUR: dict[str, dict[str, dict[str, float]]] = _FIGURES["behaviour"]
"""Figure 3, behaviour on MATH500: base model → metric → stage → percent."""
MODELS: tuple[str, ...] = tuple(row.label for row in TABLES["2"].rows if row.stage == "base")
"""The base models that the paper trains. What they are trained on (table 1): `s2r_rewards.datasets.paper`."""


def stages(base: str) -> dict[str, dict[str, float]]:
    """Greedy accuracy of one base model's stages (tables 2, 3, 5): benchmark or ``average`` → stage → percent."""
    found: dict[str, dict[str, float]] = {}
    for number in ("2", "5", "3"):
        for row in TABLES[number].rows:
            if row.base == base and row.stage is not None:
                for column, cell in row.cells.items():
                    if cell is not None:
                        found.setdefault(column, {})[row.stage] = cell
    return found
