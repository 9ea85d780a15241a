"""Every command has examples in its help, and every example runs."""

import importlib
import os
import re
import shlex

import click
import pytest

from s2r_rewards.cli import COMMANDS, main

#: Examples that need more than a few files; each is run by the tests of its own verb.
RUN_ELSEWHERE = (
    "s2r recipes run",  # tests/tiny: minutes of training
    "s2r serve",  # tests/openrlhf: serves until it is stopped
    "s2r data",  # tests/datasets: a model server
    "s2r eval",  # tests/evaluation: a model server
    "s2r doctor",  # tests/verl: its exit code says what the machine lacks
)


def commands(group, path):
    """Every command below a group, with its words."""
    for name in group.list_commands(click.Context(group)):
        if group is main and not importlib.util.find_spec(COMMANDS[name][0]):
            continue  # a verb that this checkout does not carry
        command = group.get_command(click.Context(group), name)
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


def examples(command):
    """The lines of the help that begin with `s2r`, without the remark behind two spaces or more."""
    found = re.findall(r"^\s*(?:\$ )?(s2r .+?)(?:\s{2,}.*)?$", command.help or "", re.MULTILINE)
    return [re.split(r" (?:#|&&?|\|)(?: |$)", line)[0].strip() for line in found]


ALL = [("s2r", main), *commands(main, "s2r")]


@pytest.mark.parametrize(("name", "command"), ALL, ids=[name for name, _ in ALL])
def test_help_has_an_example(name, command):
    if isinstance(command, click.Group) and command is not main:
        assert command.help
        return
    assert any(line.startswith(name) for line in examples(command)), f"{name} --help shows no example"


EXAMPLES = sorted({line for _, command in ALL for line in examples(command) if not line.startswith(RUN_ELSEWHERE)})


@pytest.mark.parametrize("line", EXAMPLES)
def test_example_runs(s2r, work, line):
    if "--tensorboard" in line:
        pytest.importorskip("torch.utils.tensorboard")
    before = set(os.listdir(work))
    result = s2r(*shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    output = re.search(r"(?:-o|--output) (\S+)", line)
    if output:
        assert os.path.getsize(output[1]) > 0
    elif not result.output.strip():
        assert set(os.listdir(work)) - before, "the example neither says nor writes anything"
