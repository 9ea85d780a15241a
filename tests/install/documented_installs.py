"""The `pip install` lines of the documents, page by page."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "recipes").rglob("*.md")])
_LINE = re.compile(r"(?:^|[\s`(/])pip3? install ([^\n`]+)")


def install_lines(text: str) -> Iterator[list[str]]:
    """The arguments of every `pip install`, in blocks and in the running text, in order."""
    for found in _LINE.finditer(text.replace("\\\n", " ")):
        words = shlex.split(re.split(r"&&|;|\)", found[1])[0], comments=True)
        yield [word for word in words if word not in ("-q", "…")]


def for_a_fresh_machine(text: str) -> Iterator[list[str]]:
    """Those of the blocks, and of the running text all but `s2r-rewards[…]`: extras for whom it is installed already."""
    for i, part in enumerate(re.split(r"^```.*$", text, flags=re.MULTILINE)):
        inside = i % 2
        yield from (line for line in install_lines(part) if inside or not any("s2r-rewards" in word for word in line))


def pages() -> dict[str, list[list[str]]]:
    """Name → lines of every page that has some."""
    found = {str(page.relative_to(ROOT)): list(for_a_fresh_machine(page.read_text())) for page in PAGES}
    return {name: lines for name, lines in found.items() if lines}
