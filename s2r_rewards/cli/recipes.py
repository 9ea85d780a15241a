"""`s2r recipes`: find, read, copy and run the recipes that come with the library."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from s2r_rewards.adapter import recipes
from s2r_rewards.adapter.recipes import PACKAGE, Recipe, RecipeError
from s2r_rewards.cli.kit.show import print_table


def _find(ctx: click.Context, _: click.Parameter, name: str) -> Recipe:
    try:
        return recipes.find_recipe(name)
    except RecipeError as error:
        raise click.UsageError(f"{error}. See `s2r recipes list`.", ctx) from None


def _complete(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [recipe.name for recipe in recipes.all_recipes() if recipe.name.startswith(incomplete)]


RECIPE = click.argument("recipe", metavar="NAME", callback=_find, shell_complete=_complete)


@click.group(name="recipes")
def command() -> None:
    """Training recipes: list, read, copy and run them.

    \b
    Examples:
      s2r recipes list
      s2r recipes run tiny --quick
      s2r recipes run verl/prl --model qwen2-7b-instruct --check
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
    try:
        found = recipes.all_recipes()
    except RecipeError as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        rows = [
            {"name": r.name, "description": r.description, "path": str(r.folder), "models": r.models} for r in found
        ]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return
    from rich.console import Console
    from rich.table import Column

    name = Column("recipe", no_wrap=True, style="bold")
    print_table((name, "what it does"), ((r.name, r.description) for r in found), text=2, box=None, pad_edge=False)
    models = dict.fromkeys(model for recipe in found for model in recipe.models)
    if models:
        Console().print("\n--model:", ", ".join(models), highlight=False)


@command.command()
@RECIPE
@click.option("--raw", is_flag=True, help="The README as it is written, without formatting.")
def show(recipe: Recipe, raw: bool) -> None:
    """The README, the files and the place of one recipe.

    \b
    Examples:
      s2r recipes show tiny
      s2r recipes show openrlhf/prl
    """
    if raw:
        click.echo(recipe.readme)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    names = [f"  {os.path.relpath(path, recipe.folder)}" for path in recipe.files().values()]
    console = Console(highlight=False)
    console.print(Markdown(recipe.readme), f"\n[bold]files[/bold] in {recipe.folder}", *names, sep="\n")


@command.command()
@RECIPE
@click.argument("destination", type=click.Path(path_type=Path), required=False)
@click.option("--model", help="Copy the facts of this model only; for recipes with stages.")
@click.option("--force", is_flag=True, help="Write over files that exist.")
def copy(recipe: Recipe, destination: Path | None, model: str | None, force: bool) -> None:
    """Copy a recipe to DESTINATION (default: a folder of its name here), to change it and run it from there.

    \b
    Examples:
      s2r recipes copy tiny my-tiny
      s2r recipes copy verl/prl --model qwen2-7b-instruct my-prl
    """
    target = destination or Path(Path(recipe.name).name)
    if model and not recipe.stage:
        raise click.UsageError(f"{recipe.name} has no models to choose from; drop --model")
    if target.exists() and not force and (not target.is_dir() or any(target.iterdir())):
        raise click.ClickException(f"{target} exists; choose another destination or add --force")
    try:
        files = recipe.files(model)
    except RecipeError as error:
        raise click.UsageError(str(error)) from None
    for place, source in files.items():
        (target / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target / place)
    start = f"python {target}" if recipe.entry == "__main__.py" else f"bash {target / recipe.entry}"
    if recipe.stage:
        start += f" {recipe.stage} --model {model or 'MODEL'}"
    click.echo(f"copied {recipe.name} to {target}; run it with: {start}")


@command.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@RECIPE
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def run(recipe: Recipe, arguments: tuple[str, ...]) -> None:
    """Run a recipe; everything after NAME goes to the recipe itself.

    Recipes with stages take --model MODEL, --check (say what would run and what is wrong with it, and stop), and
    settings of their framework.

    \b
    Examples:
      s2r recipes run tiny --help
      s2r recipes run tiny --quick --out runs/first
      s2r recipes run verl/prl --model qwen2-7b-instruct --check
      s2r recipes run verl/prl --model qwen2-7b-instruct trainer.n_gpus_per_node=4
      s2r recipes run openrlhf/prl --model qwen2-7b-instruct --train.num_episodes 2
    """
    start = [sys.executable, str(recipe.folder)]
    if recipe.entry == "run.sh":
        start = ["bash", str(recipe.folder / recipe.entry), *filter(None, [recipe.stage])]
    try:
        done = subprocess.run([*start, *arguments], env=_environment(), check=False)
    except FileNotFoundError as error:
        raise click.ClickException(f"{recipe.name} needs {error.filename!r}, which is not installed") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(done.returncode)


def _environment() -> dict[str, str]:
    """The child finds this very interpreter and this very library, installed or not."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    if (PACKAGE / "_recipes").is_dir():
        return {**os.environ, "PATH": path}
    ours = [str(p) for p in (PACKAGE.parent, PACKAGE.parent / "integrations") if p.is_dir()]
    modules = os.pathsep.join(filter(None, [*ours, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PATH": path, "PYTHONPATH": modules}
