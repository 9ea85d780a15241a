"""What the benchmarks share: command line, Markdown tables and result files."""

import argparse
import platform
from collections.abc import Iterable
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"
PYTHON = f"Python {platform.python_version()}"


def arguments(about: str | None, **numbers: int) -> argparse.ArgumentParser:
    """A parser that shows the benchmark's docstring, with an integer option and its default for each of `numbers`."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    return parser


def row(cells: Iterable[str]) -> str:
    return "|" + "".join(f" {cell} |" if cell else " |" for cell in cells)


def table(head: list[str], rows: Iterable[Iterable[str]], numbers: int = 0) -> list[str]:
    """The lines of a Markdown table; the last `numbers` columns are aligned to the right."""
    rule = "|---" * (len(head) - numbers) + "|---:" * numbers + "|"
    return [row(head), rule, *map(row, rows)]


def publish(lines: Iterable[str], path: Path | None) -> None:
    """Prints the result and, where there is a path, writes it there."""
    text = "\n".join(lines) + "\n"
    print(text)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
