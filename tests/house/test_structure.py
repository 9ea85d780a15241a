"""The house keeps its shape: one-way imports, no circle of folders or files, no room too large.

The import graph is read from the text of the modules, at every level of folders.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = {
    "s2r_rewards": ROOT / "s2r_rewards",
    "s2r_verl": ROOT / "integrations/s2r_verl",
    "s2r_openrlhf": ROOT / "integrations/s2r_openrlhf",
    "s2r_trl": ROOT / "integrations/s2r_trl",
    "tiny": ROOT / "recipes/tiny",
}
INTEGRATIONS = {"s2r_verl", "s2r_openrlhf", "s2r_trl"}
MOST_LINES = 350
MOST_MODULES = 12


def modules() -> dict[str, Path]:
    """Dotted name → file, for every module of ours (a package is its ``__init__``)."""
    found = {}
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of ours that a module imports, lazily or not. `from package import name` is `package.name` where
    that is a module, else the package."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            candidates = [f"{base}.{a.name}" if f"{base}.{a.name}" in known else base for a in node.names]
        else:
            continue
        yield from (c for c in candidates if c in known and c != name)


def edges() -> set[tuple[str, str]]:
    """(importer, imported) over all modules of ours."""
    known = modules()
    return {(name, target) for name, path in known.items() for target in imports(name, path, known)}


def siblings(graph: set[tuple[str, str]]) -> dict[str, set[tuple[str, str]]]:
    """folder → arrows between its children (modules and sub-folders). What a folder's own ``__init__`` imports, and
    imports of it, are no arrows between children."""
    found: dict[str, set[tuple[str, str]]] = {}
    for source, target in graph:
        a, b = source.split("."), target.split(".")
        depth = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        if depth is not None and depth > 0:
            found.setdefault(".".join(a[:depth]), set()).add((a[depth], b[depth]))
    return found


def circle(arrows: set[tuple[str, str]]) -> list[str]:
    """One circle of arrows, as the names along it; empty where there is none."""
    after: dict[str, set[str]] = {}
    for a, b in arrows:
        after.setdefault(a, set()).add(b)
    done: set[str] = set()

    def visit(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        for following in sorted(after.get(node, ())):
            if found := visit(following, [*path, node]):
                return found
        done.add(node)
        return []

    for start in sorted(after):
        if found := visit(start, []):
            return found
    return []


GRAPH = edges()
LEVELS = siblings(GRAPH)


def test_circles_are_found():
    assert circle({("a", "b"), ("b", "c"), ("c", "a")}) == ["a", "b", "c", "a"]
    assert circle({("a", "b"), ("a", "c"), ("b", "c")}) == []


def test_the_graph_has_arrows():
    assert ("s2r_rewards.parsing", "s2r_rewards.grammar") in GRAPH
    assert ("parsing", "grammar") in LEVELS["s2r_rewards"]
    assert len(GRAPH) > 300


@pytest.mark.parametrize("folder", sorted(LEVELS))
def test_no_circle_of_folders_or_files(folder):
    found = circle(LEVELS[folder])
    assert not found, f"{folder}: {' → '.join(found)}"


def test_the_core_imports_no_integration_and_no_recipe():
    wrong = {(a, b) for a, b in GRAPH if a.startswith("s2r_rewards") and b.split(".")[0] in {*INTEGRATIONS, "tiny"}}
    assert not wrong


def test_integrations_do_not_know_each_other():
    wrong = {(a, b) for a, b in GRAPH if {a.split(".")[0], b.split(".")[0]} <= INTEGRATIONS and a[:6] != b[:6]}
    assert not wrong


def test_no_module_is_too_long():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("s2r_rewards", "integrations", "recipes", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_no_folder_is_too_full():
    inside = Counter(
        str(path.parent.relative_to(ROOT))
        for path in modules().values()
        if path.name not in ("__init__.py", "__main__.py")
    )
    assert not {folder: count for folder, count in inside.items() if count > MOST_MODULES}
