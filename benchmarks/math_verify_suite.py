"""Math-Verify's own test suite, run by our drop-in: where do we disagree with what it expects?

    git clone https://github.com/huggingface/Math-Verify
    python benchmarks/math_verify_suite.py Math-Verify/tests

Its tests are read from its files at run time; they are not kept here. Tests that patch or call Math-Verify's internals
have no counterpart. Who is right in each disagreement is in math_verify_suite.json: "ours", "theirs", or "policy" (both can
be meant); the table is results/math_verify.md.
"""

import argparse
import importlib
import json
import sys
import types
from collections import Counter
from pathlib import Path
from typing import Any

import kit

from s2r_rewards import dropin

VERDICTS = Path(__file__).with_suffix(".json")
INTERNALS = {"test_timeout", "test_raise_on_error", "test_configs", "test_precision"}


def shim() -> None:
    """Puts our drop-in where ``math_verify`` would be imported from."""
    package = types.ModuleType("math_verify")
    package.__dict__.update({name: getattr(dropin, name) for name in dropin.__all__})
    parser, grader = types.ModuleType("math_verify.parser"), types.ModuleType("math_verify.grader")
    parser.__dict__.update(package.__dict__)
    grader.verify, grader.sympy_expr_eq = dropin.verify, None
    sys.modules.update({"math_verify": package, "math_verify.parser": parser, "math_verify.grader": grader})


def cases(folder: Path) -> list[tuple[str, Any, dict[str, Any]]]:
    """(name, test function, its arguments) of every parametrised test."""
    sys.path.insert(0, str(folder.parent))
    found = []
    for path in sorted(folder.glob("test_*.py")):
        if path.stem in INTERNALS:
            continue
        module = importlib.import_module(f"{folder.name}.{path.stem}")
        for name, function in vars(module).items():
            if (
                not name.startswith("test_")
                or name in INTERNALS
                or not callable(function)
                or function.__module__ != module.__name__
            ):
                continue
            marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
            if not marks:
                found.append((f"{path.stem}::{name}", function, {}))
            for mark in marks:
                names = [one.strip() for one in mark.args[0].split(",")]
                for index, values in enumerate(mark.args[1]):
                    values = getattr(values, "values", values)
                    found.append((f"{path.stem}::{name}[{index}]", function, dict(zip(names, values, strict=True))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    shim()
    disagreements, total = [], 0
    for name, function, arguments in cases(options.folder.resolve()):
        total += 1
        try:
            function(**arguments)
        except AssertionError:
            shown = {key: value for key, value in arguments.items() if isinstance(value, (str, int, bool))}
            disagreements.append({"case": name, **shown})
    judged = json.loads(VERDICTS.read_text(encoding="utf-8"))
    rows, sides = [], Counter()
    for one in disagreements:
        side, why = judged.get(one["case"], ("not judged yet", ""))
        sides[side] += 1
        rows.append([one["case"], short(one["gold"]), short(one["pred"]), side, why])
    lines = [
        "# Math-Verify's own tests through our drop-in",
        "",
        f"{total} cases, {total - len(rows)} agree, {len(rows)} do not; who is right: "
        f"{', '.join(f'{side} {count}' for side, count in sides.most_common())}.",
        "",
        *kit.table(["case", "gold", "prediction", "right", "why"], rows),
    ]
    kit.publish(lines, kit.RESULTS / "math_verify.md")


def short(text: str) -> str:
    """As code in a table, its end where it is long."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return f"`{flat if len(flat) <= 90 else '…' + flat[-90:]}`"


if __name__ == "__main__":
    main()
