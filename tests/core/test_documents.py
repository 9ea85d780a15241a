"""What the documents show runs: Python is executed, commands and their options exist."""

import contextlib
import doctest
import importlib.util
import io
import os
import re
import shlex
from pathlib import Path

import click
import pytest

from s2r_rewards.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "recipes").rglob("README.md"), ROOT / "README.md"])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
FRAMEWORKS = ("verl", "openrlhf", "trl", "torch", "transformers", "datasets", "lighteval", "lm_eval", "math_verify")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_python_runs(page, tmp_path, monkeypatch):
    """All blocks of a page, one after the other, in one namespace. A block that cannot run here skips the page's rest."""
    monkeypatch.chdir(tmp_path)
    space = {"__name__": "page"}
    for code in blocks(page, "python"):
        needs = [
            name for name in FRAMEWORKS if re.search(rf"^\s*(?:from|import) (?:s2r_)?{name}\b", code, re.MULTILINE)
        ]
        missing = [name for name in needs if importlib.util.find_spec(name) is None]
        if missing or "GRPOTrainer(" in code or "my_reward" in code:
            continue
        if code.startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(code, space, page.name, str(page), 0)
            assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test).failed == 0
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            exec(compile(code, str(page), "exec"), space)  # noqa: S102 - our own text


def command_lines(page):
    for code in blocks(page, "(?:bash|sh|console)"):
        for line in code.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|&& |\$ |; )((?:\S*/)?s2r [a-z].*)", line)
            if found:
                yield re.split(r"\s+#|\s+&&|\s+&$|\s*;|\s+\|", found[1])[0]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_and_options_exist(page):
    for line in command_lines(page):
        words = [word for word in shlex.split(line)[1:] if word not in ("…", "...")]
        command, context = main, click.Context(main, info_name="s2r")
        while isinstance(command, click.Group) and words and not words[0].startswith("-"):
            found = command.get_command(context, words[0])
            assert found is not None, f"{line!r}: no command {words[0]!r}"
            command, context = found, click.Context(found, info_name=words[0], parent=context, **found.context_settings)
            words = words[1:]
        if os.environ.get("S2R_STRICT") is None and command is main:
            continue
        try:
            command.make_parser(context).parse_args(args=words)
        except click.UsageError as error:
            raise AssertionError(f"{line!r}: {error}") from error
