"""`s2r recipes`: find, read, copy and run the recipes that come with the library."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

PACKAGE = Path(__file__).resolve().parent.parent
ENTRY_POINTS = ("run.sh", "__main__.py")  # a directory with one of these is a recipe
SKIPPED = ("__pycache__", "*.pyc", "runs")


@dataclass(frozen=True)
class Recipe:
    """A directory that can be run; its name is its path below the recipes folder, "verl/qwen2-7b" for example."""

    name: str
    path: Path
    entry: str

    @property
    def readme(self) -> str:
        """The recipe's README.md, or that of the nearest folder above it; "" when there is none."""
        parents = [self.path, *self.path.parents][: self.name.count("/") + 1]
        return next((_read(p / "README.md") for p in parents if (p / "README.md").is_file()), "")

    @property
    def description(self) -> str:
        """One line: the first paragraph of its own README.md, or the first comment of its files, or a README above."""
        if not (self.path / "README.md").is_file():
            for name in ("config.yaml", "recipe.flags", self.entry):
                comment = _first_comment(self.path / name)
                if comment:
                    return comment
        paragraphs = self.readme.replace("\r\n", "\n").split("\n\n")
        prose = (p for p in map(str.strip, paragraphs) if p and p[0] not in "#!|<`[")
        return " ".join(next(prose, "").split())

    def command(self) -> list[str]:
        if self.entry == "run.sh":
            return ["bash", str(self.path / "run.sh")]
        return [sys.executable, str(self.path)]


def recipes_folder() -> Path:
    """`s2r_rewards/_recipes` of an installed wheel, or `recipes/` of a checkout."""
    for folder in (PACKAGE / "_recipes", PACKAGE.parent / "recipes"):
        if folder.is_dir():
            return folder
    raise click.ClickException(f"no recipes beside {PACKAGE}; reinstall s2r-rewards or run inside a checkout")


def all_recipes() -> list[Recipe]:
    root = recipes_folder()
    found = []
    for directory, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith((".", "_")))
        entry = next((e for e in ENTRY_POINTS if e in files), None)
        path = Path(directory)
        if entry and path != root:
            found.append(Recipe(path.relative_to(root).as_posix(), path, entry))
    return sorted(found, key=lambda r: r.name)


def find_recipe(name: str) -> Recipe:
    recipes = all_recipes()
    for recipe in recipes:
        if recipe.name == name.strip("/"):
            return recipe
    known = ", ".join(r.name for r in recipes)
    raise click.UsageError(f"no recipe named {name!r}; there are: {known}. See `s2r recipes list`.")


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _first_comment(path: Path) -> str:
    """The first sentence of the comment that a YAML file or a shell script opens with."""
    if not path.is_file() or path.suffix == ".py":
        return ""
    lines = (line for line in _read(path).splitlines()[:3] if line.startswith("#") and line[1:2] != "!")
    return next(lines, "").lstrip("# ").split(". ")[0].rstrip(".")


class _RecipeName(click.ParamType[str]):
    name = "recipe"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        names = (r.name for r in all_recipes())
        return [click.shell_completion.CompletionItem(n) for n in names if n.startswith(incomplete)]


RECIPE = _RecipeName()


@click.group(name="recipes")
def command() -> None:
    """Training recipes: list, read, copy and run them.

    \b
    Examples:
      s2r recipes list
      s2r recipes run tiny --quick
      s2r recipes copy tiny my-tiny && python my-tiny --quick
    """


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
def list_recipes(as_json: bool) -> None:
    """All recipes, with one line about each.

    \b
    Examples:
      s2r recipes list
      s2r recipes list --json
    """
    recipes = all_recipes()
    if as_json:
        rows = [{"name": r.name, "description": r.description, "path": str(r.path)} for r in recipes]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("recipe", style="bold", no_wrap=True)
    table.add_column("what it does")
    for recipe in recipes:
        table.add_row(recipe.name, recipe.description)
    Console().print(table)


@command.command()
@click.argument("name", type=RECIPE)
@click.option("--raw", is_flag=True, help="The README as it is written, without formatting.")
def show(name: str, raw: bool) -> None:
    """The README, the files and the place of one recipe.

    \b
    Example:
      s2r recipes show tiny
    """
    recipe = find_recipe(name)
    if raw:
        click.echo(recipe.readme)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    console.print(Markdown(recipe.readme))
    console.print(f"\n[bold]files[/bold] in {recipe.path}", highlight=False)
    for file in sorted(p for p in recipe.path.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        console.print(f"  {file.relative_to(recipe.path)}", highlight=False)


@command.command()
@click.argument("name", type=RECIPE)
@click.argument("destination", type=click.Path(path_type=Path), required=False)
@click.option("--force", is_flag=True, help="Write over files that exist.")
def copy(name: str, destination: Path | None, force: bool) -> None:
    """Copy a recipe to DESTINATION (default: a folder of its name here), to change it and run it from there.

    \b
    Example:
      s2r recipes copy tiny my-tiny
    """
    recipe = find_recipe(name)
    target = destination or Path(recipe.path.name)
    if target.exists() and not force and (not target.is_dir() or any(target.iterdir())):
        raise click.ClickException(f"{target} exists; choose another destination or add --force")
    shutil.copytree(recipe.path, target, ignore=shutil.ignore_patterns(*SKIPPED), dirs_exist_ok=True)
    start = f"bash {target / 'run.sh'}" if recipe.entry == "run.sh" else f"python {target}"
    click.echo(f"copied {recipe.name} to {target}; run it with: {start}")


@command.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
)
@click.argument("name", type=RECIPE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(name: str, arguments: tuple[str, ...]) -> None:
    """Run a recipe; everything after NAME goes to the recipe itself.

    \b
    Examples:
      s2r recipes run tiny --help
      s2r recipes run tiny --quick --out runs/first
    """
    recipe = find_recipe(name)
    try:
        done = subprocess.run([*recipe.command(), *arguments], env=_environment(), check=False)
    except FileNotFoundError as error:
        raise click.ClickException(
            f"{recipe.name} needs {error.filename!r}, which is not installed"
        ) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(done.returncode)


def _environment() -> dict[str, str]:
    """The child finds this very interpreter and this very library, installed or not."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if (PACKAGE / "_recipes").is_dir():
        return {**os.environ, "PATH": path}
    ours = [str(p) for p in (PACKAGE.parent, PACKAGE.parent / "integrations") if p.is_dir()]
    inherited = os.environ.get("PYTHONPATH")
    modules = os.pathsep.join([*ours, *([inherited] if inherited else [])])
    return {**os.environ, "PATH": path, "PYTHONPATH": modules}
