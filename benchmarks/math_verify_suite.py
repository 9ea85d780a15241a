"""Math-Verify's own test suite, run by our drop-in: where do we disagree with what it expects?

    git clone https://github.com/huggingface/Math-Verify
    python benchmarks/math_verify_suite.py Math-Verify/tests [-o disagreements.json]

Its cases are read from its files at run time; none of them is kept here. A case is one call of its helper
``compare_strings`` (golden text, prediction, expected). Tests that patch Math-Verify's internals have no counterpart.
"""

import argparse
import importlib
import json
import sys
import types
from pathlib import Path
from typing import Any

import kit

from s2r_rewards import dropin

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
    parser.add_argument("-o", "--output", type=Path)
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
    print(f"{total} cases, {total - len(disagreements)} agree, {len(disagreements)} disagree")
    rows = [
        [one["case"], f"`{one.get('gold', '')}`", f"`{one.get('pred', '')}`", str(one.get("expected", ""))]
        for one in disagreements
    ]
    print("\n".join(kit.table(["case", "gold", "prediction", "expected"], rows)))
    if options.output:
        options.output.write_text(json.dumps(disagreements, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
