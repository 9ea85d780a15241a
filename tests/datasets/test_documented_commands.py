"""Every `s2r data …` and `s2r eval …` line in the documents parses: names, options and required values."""

import re
import shlex
from pathlib import Path

import click
import pytest

from s2r_rewards.cli import main
from s2r_rewards.cli.data import command

ROOT = Path(__file__).parent.parent.parent
FILES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FILES += [*sorted((ROOT / "recipes").rglob("*.md")), *sorted((ROOT / "recipes").rglob("*.sh"))]


def documents():
    """(name, text) of everything that tells people what to type."""
    for file in FILES:
        yield file.relative_to(ROOT), file.read_text()
    yield ("s2r data --help", command.get_help(click.Context(command, info_name="s2r data", max_content_width=200)))


def documented():
    for name, text in documents():
        text = text.replace("\\\n", " ")
        for line in re.findall(r"^\s*(?:\$S2R|s2r) ((?:data|eval) .*)$", text, flags=re.MULTILINE):
            yield pytest.param(line, id=f"{name}: {line[:50]}")


def values(line):
    """Shell variables become words; bundles of options that scripts keep in variables are left out."""
    line = re.sub(r'"\$\{(?:base|sft)\[@\]\}"|\$(?:SAMPLE_ARGS|BENCH)\b', "", line).replace("$BAND", "0 1")
    line = re.sub(r"\$DATA\b", "d.jsonl", line)
    line = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", line)
    return shlex.split(re.sub(r"\$\{?\w+\}?", "1", line), comments=True)


@pytest.mark.parametrize("line", list(documented()))
def test_parses(line):
    context, words = click.Context(main, info_name="s2r"), values(line)
    group: click.Command = main
    while isinstance(group, click.Group):
        name = words.pop(0)
        found = group.get_command(context, name)
        assert found is not None, name
        group = found
    group.make_context(name, words, parent=context)
