"""What the site takes out of the code when it is built: options, commands, the public names, measured results."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

ROOT = Path(__file__).resolve().parents[2]
for folder in (ROOT, ROOT / "integrations"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

#: The modules whose public names are the face of the library.
MODULES = (
    "s2r_rewards",
    "s2r_rewards.answers",
    "s2r_rewards.baselines",
    "s2r_rewards.methods",
    "s2r_rewards.advantages",
    "s2r_rewards.rewards",
    "s2r_rewards.metrics",
    "s2r_rewards.tokens",
    "s2r_rewards.tensors",
    "s2r_rewards.losses",
    "s2r_rewards.scored",
    "s2r_rewards.adapter",
    "s2r_rewards.testing",
)


#: A function with the name of its module hides behind it; named by its full path, it is found.
HIDDEN = ("s2r_rewards.baselines.accuracy_group.accuracy_group",)


def on_files(files: Any, config: Any, **_: Any) -> Any:
    """Adds the pages that are written here."""
    from mkdocs.structure.files import File

    for name, text in {"options.md": options(), "reference.md": reference(), "results.md": results()}.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Links that leave docs/ lead to nothing on the site: only their text stays."""
    return re.sub(r"(?<!!)\[([^\]]+)\]\(\.\./[^)]*\)", r"\1", markdown)


def options() -> str:
    """Every option of a trainer's configuration and of every command."""
    from s2r_rewards.adapter import Options

    lines = ["# Options", "", "Made out of the code when this site was built.", "", "## In a trainer", ""]
    lines += ["`algorithm.s2r.NAME` in verl, `--s2r.NAME` in OpenRLHF, `Options(NAME=…)` in TRL and Python.", ""]
    lines += ["| option | default | |", "|---|---|---|"]
    for one in fields(Options):
        text = " ".join(str(one.metadata.get("help", "")).split()).replace("|", "\\|")
        lines.append(f"| `{one.name}` | `{one.default!r}` | {text} |")
    lines += ["", "## Methods, grammars, baselines", ""]
    lines += [f"- {kind}: {', '.join(f'`{name}`' for name in names)}" for kind, names in _named()]
    for path, command in commands():
        lines += ["", f"## {path}", "", _help(command), ""]
        rows = [p for p in command.params if isinstance(p, click.Option) and not p.hidden]
        if rows:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| `{', '.join(p.opts)}` | {(p.help or '').replace('|', chr(92) + '|')} |" for p in rows]
    return "\n".join(lines) + "\n"


def _named() -> Iterator[tuple[str, list[str]]]:
    from s2r_rewards.baselines import BASELINES
    from s2r_rewards.grammar import GRAMMARS
    from s2r_rewards.methods import METHODS

    yield from (("methods", sorted(METHODS)), ("grammars", sorted(GRAMMARS)), ("baselines", sorted(BASELINES)))


def _help(command: click.Command) -> str:
    """The help text, its \\b parts as code."""
    parts = []
    for part in (command.help or "").split("\n\n"):
        if part.startswith("\b"):
            body = "\n".join(line[2:] if line.startswith("  ") else line for line in part.strip("\b\n").splitlines())
            parts.append(f"```text\n{body}\n```")
        else:
            parts.append(" ".join(part.split()))
    return "\n\n".join(parts)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command, groups taken apart."""
    from s2r_rewards.cli import main

    def below(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
        context = click.Context(group)
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            if isinstance(command, click.Group):
                yield from below(command, f"{path} {name}")
            elif command is not None:
                yield f"{path} {name}", command

    yield from below(main, "s2r")


def public_names(module: str) -> list[str]:
    """What a module offers: its ``__all__``, or what it defines itself without an underscore."""
    found = importlib.import_module(module)
    names = getattr(found, "__all__", None)
    if names is None:
        names = [n for n, v in vars(found).items() if not n.startswith("_") and getattr(v, "__module__", "") == module]
    return sorted(names)


def reference() -> str:
    """A page of every public name, by mkdocstrings."""
    lines = ["# Reference", ""]
    for module in MODULES:
        try:
            names = public_names(module)
        except ImportError:  # torch is not needed to build the site
            names = None
        lines += [f"::: {module}", "    options:", "      show_submodules: false"]
        if names:
            lines += ["      members:", *(f"        - {name}" for name in names)]
        lines.append("")
    lines += [f"::: {name}\n" for name in HIDDEN]
    return "\n".join(lines)


def results() -> str:
    """Every table of benchmarks/results."""
    parts = ["# Measured", "", "Tables that the scripts in `benchmarks/` wrote; each says how it was measured.", ""]
    for path in sorted((ROOT / "benchmarks" / "results").glob("*.md")):
        text = re.sub(r"^(#+) ", r"#\1 ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", text)
        parts += [re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", text), ""]
    return "\n".join(parts)
