"""s2r init writes a folder whose test passes and whose commands exist; s2r completion gives scripts that shells take."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from s2r_rewards.cli.init import FRAMEWORKS


@pytest.fixture(params=list(FRAMEWORKS))
def project(request, s2r):
    result = s2r("init", "mine", "--framework", request.param, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_its_test_passes_and_can_fail(project, work):
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_method.py"]
    done = subprocess.run(run, cwd="mine", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    method = Path("mine/method.py")
    method.write_text(method.read_text().replace("action_rewards(judged)", "map(abs, action_rewards(judged))"))
    assert subprocess.run(run, cwd="mine", capture_output=True).returncode == 1


def test_its_files_are_whole(project, work):
    assert {"README.md", "data.sh", "method.py", "test_method.py", "recipe/run.sh"} <= set(project["files"])
    for name in project["files"]:
        assert not re.search(r"@[A-Z_]+@", Path("mine", name).read_text()), name
    text = Path("mine/README.md").read_text()
    assert "method:METHOD" in text
    for stage, model in re.findall(r"recipe/run.sh (\S+) --model (\S+)", text):
        assert Path(f"mine/recipe/{stage}.yaml").is_file()
        assert Path(f"mine/recipe/models/{model}.yaml").is_file()
    assert subprocess.run(["bash", "-n", "mine/data.sh"]).returncode == 0


def test_its_data_commands_know_their_options(project, s2r):
    """Every `s2r …` line of data.sh parses: the first thing that is wrong with it is the file that is not there."""
    lines = re.findall(r"^s2r (.+)$", Path("mine/data.sh").read_text(), re.MULTILINE)
    assert len(lines) == 7
    for line in lines:
        words = (
            line.replace('"${server[@]}"', "--url http://127.0.0.1:9/v1").replace('"$@"', "").replace('"$model"', "m")
        )
        words = re.sub(r"\$\{\w+:-[^}]*\}", "nothing.jsonl", words).split()
        result = s2r(*words)
        assert result.exit_code == 2
        assert re.search(r"(nothing|data/\w+)\.jsonl: no such file|No such file", result.stderr), (line, result.stderr)


def test_nothing_is_overwritten(s2r, work):
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("x")
    result = s2r("init", "mine")
    assert result.exit_code == 2
    assert "exists and is not empty" in result.stderr
    assert [path.name for path in Path("mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(s2r, shell):
    script = s2r("completion", shell).stdout
    assert "_S2R_COMPLETE" in script
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=script, text=True).returncode == 0


def test_completion_completes(monkeypatch, s2r):
    environment = {"_S2R_COMPLETE": "bash_complete", "COMP_WORDS": "s2r sc", "COMP_CWORD": "1"}
    code = "from s2r_rewards.cli import main; main(prog_name='s2r')"
    import os

    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )
    assert done.stdout.split() == ["plain,score"]
