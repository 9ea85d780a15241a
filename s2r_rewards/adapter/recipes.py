"""Recipes: where they lie, and how a framework's launcher turns one into commands and runs them.

A recipe is a folder with a ``run.sh`` or a ``__main__.py``. Where YAML files lie beside ``run.sh``, each is a stage and
a recipe of its own ("verl/prl"); files that begin with ``_`` are what stages share. The facts of the models, one file
each, lie in ``models/``, in the folder itself (a copied recipe) or beside it.
"""

import argparse
import functools
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from s2r_rewards.adapter.tracking import wandb_problem

PACKAGE = Path(__file__).resolve().parents[1]
ENTRY_POINTS = ("run.sh", "__main__.py")
#: Environment variable with the names of those that are for workers on every node.
FOR_WORKERS = "S2R_WORKER_ENV"
SKIPPED = ("__pycache__", "runs")


class RecipeError(ValueError):
    """A recipe, stage or model that does not exist, or a recipe file that cannot be read; says what would be right."""


@dataclass(frozen=True)
class Recipe:
    """Something that can be run; its name is its path below the recipes folder, "tiny" or "verl/prl"."""

    name: str
    folder: Path
    entry: str
    stage: str | None = None

    @property
    def readme(self) -> str:
        """Its folder's README.md, "" when there is none."""
        path = self.folder / "README.md"
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    @property
    def description(self) -> str:
        """One line: the first of its stage's file, or the first paragraph of its README."""
        if self.stage:
            head, *_ = (self.folder / f"{self.stage}.yaml").read_text(encoding="utf-8").split("\n", 1)
            return head.strip("# .") if head.startswith("#") else ""
        paragraphs = map(str.strip, self.readme.replace("\r\n", "\n").split("\n\n"))
        prose = (p for p in paragraphs if p and p[0] not in "#!|<[" and not p.startswith("```"))
        return " ".join(next(prose, "").split())

    @property
    def models(self) -> list[str]:
        """What ``--model`` takes; nothing for a recipe without stages."""
        return _names(models_folder(self.folder)) if self.stage else []

    def files(self, model: str | None = None) -> dict[Path, Path]:
        """Place in a copy → file, for all that a copy of the recipe holds; of ``models/`` one file or all.

        Raises:
            RecipeError: there is no such model.
        """
        if self.stage is None:
            inside = sorted(p.relative_to(self.folder) for p in self.folder.rglob("*") if p.is_file())
            return {p: self.folder / p for p in inside if not set(p.parts) & set(SKIPPED)}
        models = models_folder(self.folder)
        chosen = [known(self.models, model, f"model in {models}")] if model else self.models
        stages = [f"{name}.yaml" for name in _with_bases(self.folder, self.stage)]
        own = [self.folder / name for name in (self.entry, "README.md", *stages)]
        places = {Path(p.name): p for p in (*own, *sorted(self.folder.glob("_*.yaml"))) if p.is_file()}
        return places | {Path("models", f"{name}.yaml"): models / f"{name}.yaml" for name in chosen}


def recipes_folder() -> Path:
    """``s2r_rewards/_recipes`` of an installed wheel, or ``recipes/`` of a checkout. RecipeError if there is neither."""
    for folder in (PACKAGE / "_recipes", PACKAGE.parent / "recipes"):
        if folder.is_dir():
            return folder
    raise RecipeError(f"no recipes beside {PACKAGE}; reinstall s2r-rewards or run inside a checkout")


def all_recipes() -> list[Recipe]:
    """Every recipe that comes with the library, by name. RecipeError if there is no folder of recipes."""
    found = []
    for folder in sorted(p for p in recipes_folder().iterdir() if p.is_dir()):
        entry = next((e for e in ENTRY_POINTS if (folder / e).is_file()), None)
        if entry:
            stages = [Recipe(f"{folder.name}/{s}", folder, entry, s) for s in _names(folder)]
            found += stages or [Recipe(folder.name, folder, entry)]
    return found


def find_recipe(name: str) -> Recipe:
    """The recipe of that name; RecipeError names those that exist."""
    recipes = {r.name: r for r in all_recipes()}
    return recipes[known(recipes, name.strip("/"), "recipe")]


def models_folder(folder: Path) -> Path:
    """Where the facts of models lie that the stages in ``folder`` can train."""
    own = folder / "models"
    return own if own.is_dir() else folder.parent / "models"


def hub_name(folder: Path, model: str) -> str:
    """The Hugging Face name of a model of the recipes in ``folder``; read without a YAML library."""
    path = models_folder(folder) / f"{model}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    found = next((line.partition(":")[2].strip() for line in lines if line.startswith("model:")), "")
    if not found:
        raise RecipeError(f"{path}: no line 'model: OWNER/NAME'")
    return found


def _names(folder: Path) -> list[str]:
    """The stages or models whose files lie in a folder."""
    return sorted(p.stem for p in folder.glob("*.yaml") if not p.name.startswith("_"))


def _with_bases(folder: Path, stage: str) -> list[str]:
    """A stage and those that it is a variant of; read without a YAML library."""
    path = folder / f"{stage}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    line = next((line for line in lines if line.startswith("defaults: [")), "")
    bases = [name.strip(" []") for name in line.removeprefix("defaults:").split(",")]
    stages = [name for name in bases if name and not name.startswith("_") and (folder / f"{name}.yaml").is_file()]
    return [stage, *(one for base in stages for one in _with_bases(folder, base))]


def known(names: Iterable[str], name: str, what: str) -> str:
    """``name``, if it is one of ``names``; RecipeError names those that exist."""
    if name not in (names := list(names)):
        kind, _, place = what.partition(" ")
        where = f" {place}" if place else ""
        raise RecipeError(f"no {kind} named {name!r}{where}; there are: {', '.join(names) or 'none'}")
    return name


def compose(folder: Path, stage: str, model: str) -> dict[str, Any]:
    """A stage's settings over those that its ``defaults`` name, with the model's facts under ``recipe``, resolved.

    Raises:
        RecipeError: a file cannot be read, or refers to a setting that does not exist.
    """
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    facts = OmegaConf.create({"recipe": _load(models_folder(folder) / f"{model}.yaml")})
    try:
        merged = OmegaConf.merge(facts, *_layers(folder / f"{stage}.yaml"))
        return cast("dict[str, Any]", OmegaConf.to_container(merged, resolve=True))
    except OmegaConfBaseException as error:
        raise RecipeError(f"{folder / stage}.yaml: {error}") from None


def model_facts(folder: Path, model: str) -> dict[str, Any]:
    """What a model's file says. RecipeError if it cannot be read."""
    from omegaconf import OmegaConf

    return cast("dict[str, Any]", OmegaConf.to_container(_load(models_folder(folder) / f"{model}.yaml")))


def _layers(path: Path) -> list[Any]:
    config = _load(path)
    return [layer for base in config.pop("defaults", []) for layer in _layers(path.parent / f"{base}.yaml")] + [config]


def _load(path: Path) -> Any:
    import yaml
    from omegaconf import DictConfig, OmegaConf

    try:
        config = OmegaConf.load(path)
    except (OSError, yaml.YAMLError) as error:
        raise RecipeError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    if not isinstance(config, DictConfig):
        raise RecipeError(f"{path}: expected a mapping of settings, found a list")
    return config


@dataclass(frozen=True)
class Plan:
    """What a recipe runs: commands in order, their additional environment, a folder that has to exist."""

    steps: list[list[str]]
    environment: Mapping[str, Any] = field(default_factory=dict)
    output: Path | None = None


def launch(
    arguments: Sequence[str],
    framework: str,
    plan: Callable[[Path, str, str, list[str]], Plan],
    check: Callable[[Plan], int],
    wandb: Sequence[str] = (),
) -> int:
    """The command line of a framework's launcher: ``FOLDER STAGE --model MODEL [--check] [--wandb] [OVERRIDES …]``.

    ``plan`` gets folder, stage, model and overrides; ``check`` says whether the framework accepts what came out;
    ``wandb`` are the overrides with which the framework logs to Weights & Biases (one's own come behind them).
    Returns the exit status: 2 for what cannot be run, else that of ``check`` or of the last step that ran.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m s2r_{framework}.launch",
        usage=f"s2r recipes run {framework}/STAGE --model MODEL [--check] [--wandb] [OVERRIDES …]",
        description=sys.modules[plan.__module__].__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("folder", type=Path, help="where the files of the stages lie (run.sh and s2r name it)")
    parser.add_argument("stage", help="sft, orl, prl, offline_orl, …: a YAML file of the folder")
    parser.add_argument("--model", help="a YAML file of models/, such as qwen2-7b-instruct")
    parser.add_argument("--check", action="store_true", help="say what would run and what is wrong with it, and stop")
    parser.add_argument("--wandb", action="store_true", help="also log to Weights & Biases")
    given, overrides = parser.parse_known_args(arguments)
    models = models_folder(given.folder)
    try:
        known(_names(given.folder), given.stage, f"stage in {given.folder}")
        if given.model is None:
            raise RecipeError(f"name a model: --model {' | '.join(_names(models))}")
        if given.wandb:
            _require_wandb()
            overrides = [*wandb, *overrides]
        made = plan(given.folder, given.stage, known(_names(models), given.model, f"model in {models}"), overrides)
        if given.check:
            return check(made)
        keys = {name: value for name, value in os.environ.items() if given.wandb and name.startswith("WANDB_")}
        return run_steps(replace(made, environment={**keys, **made.environment}))
    except RecipeError as error:
        print(f"s2r: {error}", file=sys.stderr)
    except ModuleNotFoundError as error:
        print(f"s2r: {error}; pip install 's2r-rewards[{framework}]'", file=sys.stderr)
    return 2


def _require_wandb() -> None:
    """RecipeError where a run cannot log to Weights & Biases; what may go wrong is said."""
    hopeless, problem = wandb_problem()
    if hopeless:
        raise RecipeError(problem)
    if problem:
        print(f"s2r: {problem}", file=sys.stderr)


def checked(framework: str, look: Callable[[], str]) -> int:
    """Prints what ``look`` says of a plan. 0; 2 where it raises a ValueError (refused); 1 for what is not installed."""
    try:
        print(look())
    except ValueError as error:
        print(f"s2r_{framework}: {error}", file=sys.stderr)
        return 2
    except (RuntimeError, ImportError) as error:
        print(f"s2r_{framework}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def run_steps(plan: Plan) -> int:
    """Runs the steps until one fails, and gives its exit status. The last step takes this process's place."""
    environment = {**os.environ, **{name: str(value) for name, value in plan.environment.items()}}
    if plan.environment:
        environment[FOR_WORKERS] = ",".join(dict.fromkeys([*_named_for_workers(), *plan.environment]))
    if plan.output:
        plan.output.mkdir(parents=True, exist_ok=True)
    for step in plan.steps:
        print("$", shlex.join(step), flush=True)
        # @FILE becomes what the file holds: a chat template is known only after the step before.
        words = [Path(word[1:]).read_text(encoding="utf-8") if word.startswith("@") else word for word in step]
        try:
            if step is plan.steps[-1]:
                os.execvpe(words[0], words, environment)
            status = subprocess.run(words, env=environment, check=False).returncode
        except FileNotFoundError:
            print(f"s2r: {words[0]!r} is not installed or does not exist", file=sys.stderr)
            return 127
        if status:
            return status
    return 0


def _named_for_workers() -> list[str]:
    return [name for name in os.environ.get(FOR_WORKERS, "").split(",") if name]


def worker_variables() -> dict[str, str]:
    """What Ray workers need of this process's environment: on a cluster that runs already they have their node's instead.

    That is every ``S2R_*``, the variables that S2R_WORKER_ENV names, and PYTHONPATH with absolute folders, before the
    node's own (Ray fills in ``${PYTHONPATH}`` there). Left out is what the job has been submitted with (``ray job submit
    --runtime-env-json``): it reaches every worker, and Ray refuses a variable that is given twice.
    """
    names = [*_named_for_workers(), *(name for name in os.environ if name.startswith("S2R_"))]
    found = {name: os.environ[name] for name in names if name in os.environ}
    if folders := [os.path.abspath(p) for p in os.environ.get("PYTHONPATH", "").split(os.pathsep) if p]:
        found["PYTHONPATH"] = os.pathsep.join([*folders, "${PYTHONPATH}"])
    job = json.loads(os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") or "{}")
    submitted = (job.get("runtime_env") or {}).get("env_vars") or {}
    return {name: value for name, value in found.items() if name not in submitted}


def with_variables(init: Callable[..., Any], ours: Mapping[str, str], *, first: bool) -> Callable[..., Any]:
    """``ray.init`` that adds variables to the job's environment; ``first``: ours hold where the call names them, too."""

    @functools.wraps(init)
    def started(*args: Any, runtime_env: Mapping[str, Any] | None = None, **kwargs: Any) -> Any:
        given = dict(runtime_env or {})
        theirs = given.get("env_vars") or {}
        variables = {**theirs, **ours} if first else {**ours, **theirs}
        return init(*args, runtime_env={**given, "env_vars": variables}, **kwargs)

    return started
