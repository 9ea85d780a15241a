#!/usr/bin/env python3
"""After ``mutmut run``: how many mutants each module's tests caught, and which survivors nobody has explained.

Examples:
  rm -rf mutants; mutmut run --max-children 2; python tests/mutation.py     all modules that pyproject.toml names
  mutmut run "s2r_rewards.metrics*"; python tests/mutation.py               one of them

``tests/mutation.md`` holds the figures that were measured and names every survivor with the reason why no test can
tell it from the original.  Exit 1: fewer than 95 % are caught, or a survivor has no name there.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from pathlib import Path

from mutmut.mutation.diff_apply import get_diff_for_mutant

ROOT = Path(__file__).resolve().parent.parent
NAMED = Path(__file__).with_suffix(".md")
SURVIVED, NO_TESTS, NOT_RUN = 0, 33, None
LEAST = 0.95


def results() -> dict[str, int | None]:
    """mutant → exit status of its tests"""
    found: dict[str, int | None] = {}
    for path in sorted((ROOT / "mutants" / "s2r_rewards").rglob("*.meta")):
        found |= json.loads(path.read_text())["exit_code_by_key"]
    return {name: status for name, status in found.items() if status is not NOT_RUN}


def described(mutant: str) -> str:
    """``tensors.spread: the lines as the mutant has them``"""
    function = re.sub(r"__mutmut_\d+$", "", mutant.removeprefix("s2r_rewards."))
    function = re.sub(r"\.x_|\.xǁ", ".", function).replace("ǁ", ".")
    lines = [line for line in get_diff_for_mutant(mutant).splitlines() if line[:3] not in ("---", "+++")]
    added = [line[1:].strip() for line in lines if line.startswith("+")]
    removed = [line[1:].strip() for line in lines if line.startswith("-")]
    gone = f" [instead of {' '.join(removed)}]" if len(removed) > len(added) else ""
    return f"{function}: {' '.join(added)}{gone}"


def main() -> int:
    named = set(re.findall(r"^- `(.*)`$", NAMED.read_text(encoding="utf-8"), re.MULTILINE))
    counts: Counter[str] = Counter()
    caught: Counter[str] = Counter()
    unnamed = []
    for mutant, status in results().items():
        module = mutant.split(".x", 1)[0].removeprefix("s2r_rewards.")
        counts[module] += 1
        if status not in (SURVIVED, NO_TESTS):
            caught[module] += 1
        elif (text := described(mutant)) not in named:
            unnamed.append(text)
    for module in sorted(counts):
        print(f"{module:28} {caught[module]:5} of {counts[module]:5}   {caught[module] / counts[module]:6.1%}")
    share = caught.total() / max(counts.total(), 1)
    print(f"{'all':28} {caught.total():5} of {counts.total():5}   {share:6.1%}")
    for text in unnamed:
        print(f"survived without a reason: {text}")
    return 1 if unnamed or share < LEAST else 0


if __name__ == "__main__":
    sys.exit(main())
