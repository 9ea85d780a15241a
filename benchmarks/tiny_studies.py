"""Figures of finished tiny studies into docs/tiny-studies.md, and their pictures into docs/images.

    s2r recipes run tiny --study controls --out runs/tiny-studies      # and the others
    python benchmarks/tiny_studies.py runs/tiny-studies

Each study's table stands between two comments with its name; studies that are not finished keep what is there.
"""

import json
import math
import re
import shutil
import statistics
import sys
from pathlib import Path
from typing import Any

import kit

PAGE = Path(__file__).resolve().parents[1] / "docs" / "tiny-studies.md"
FINAL, GLANCES = "s2r/outcome/accuracy", "tiny/glances"
VERIFY, ATTEMPTS = "s2r/verify/accuracy", "s2r/trials/mean"
# Student's t, two-sided 95 %, by the number of seeds.
T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


def main(folder: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name in dict.fromkeys(re.findall(r"<!-- (\w+) -->\n", text)):
        results = folder / name / "results.json"
        found = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {"seeds": []}
        if len(found["seeds"]) < 5:
            print(f"{name}: fewer than five seeds yet")
            continue
        head, rows = rows_of(found)
        table = "\n".join([*kit.table(head, rows, len(head) - 1), "", f"Seeds {', '.join(map(str, found['seeds']))}."])
        marks = f"<!-- {name} -->\n"
        before, _, after = text.split(marks)
        text = f"{before}{marks}{table}\n{marks}{after}"
        for picture in ("accuracy", "curves"):
            if (source := folder / name / f"{picture}.png").exists():
                shutil.copy(source, PAGE.parent / "images" / f"tiny-{name}-{picture}.png")
        print(f"{name}: {len(found['arms'])} rows, {len(found['seeds'])} seeds")
    PAGE.write_text(text, encoding="utf-8")


def rows_of(found: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Head and rows: one row an arm. At T = 1, or where an arm has another temperature only, there."""
    reference = found.get("reference", "")
    arms: dict[str, dict[float, dict[str, list[float | None]]]] = {}
    for row in found["arms"]:
        arms.setdefault(row["label"], {})[row["temperature"]] = row["values"]
    head = ["arm", "final, greedy", "final, T = 1", "verify, T = 1", "glances, T = 1", "attempts, T = 1"]
    if reference in arms:
        head += [f"greedy − {reference}", f"T = 1 − {reference}"]
    rows = []
    for label, at in arms.items():
        sampled = at.get(1.0) or at[max(at)]
        cells = [percent(at.get(0.0, {}).get(FINAL)), *(percent(sampled.get(m)) for m in (FINAL, VERIFY, GLANCES))]
        cells.append(percent(sampled.get(ATTEMPTS), 1))
        if reference in arms:
            cells += [
                against(at.get(t, {}).get(FINAL), arms[reference][t][FINAL], label == reference) for t in (0.0, 1.0)
            ]
        rows.append([label, *cells])
    return head, rows


def percent(values: list[float | None] | None, scale: float = 100) -> str:
    """Mean ± half of the 95 % interval over seeds."""
    defined = [v for v in values or [] if v is not None]
    if not defined:
        return "–"
    mean, half = (
        statistics.fmean(defined) * scale,
        scale * error(defined) * T95.get(len(defined), 1.96 + 2.6 / max(len(defined) - 1, 1)),
    )
    return f"{mean:.1f}" if math.isnan(half) else f"{mean:.1f} ± {half:.1f}"


def against(values: list[float | None] | None, reference: list[float | None], itself: bool) -> str:
    """The mean difference seed by seed, and how many of its standard errors it is away from 0."""
    pairs = [(a, b) for a, b in zip(values or [], reference, strict=False) if a is not None and b is not None]
    differences = [a - b for a, b in pairs]
    if itself or len(differences) < 2:
        return "–"
    mean, standard = statistics.fmean(differences), error(differences)
    text = f"{100 * mean:+.1f} ± {100 * standard * T95.get(len(differences), 1.96 + 2.6 / (len(differences) - 1)):.1f}"
    return (f"{text} ({mean / standard:+.1f} SE)" if standard else text).replace("-", "−")


def error(values: list[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else math.nan


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
