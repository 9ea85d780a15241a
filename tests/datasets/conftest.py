import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from s2r_rewards.cli import main


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


llm_server = load(Path(__file__).parent / "llm_server.py")


@pytest.fixture
def server():
    with llm_server.serving() as (url, script):
        yield url, script


@pytest.fixture
def s2r():
    """Runs ``s2r …`` in this process and returns its output; a failure fails the test."""

    def run(*arguments, status=0):
        result = CliRunner().invoke(main, [str(a) for a in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result.output

    return run


@pytest.fixture
def sums(tmp_path):
    """A file of twelve problems."""
    path = tmp_path / "problems.jsonl"
    rows = [
        {
            "id": f"sum-{a}",
            "problem": f"What is {a} + {a + 3}?",
            "answer": str(2 * a + 3),
            "level": str(1 + a % 5),
            "source": "sums",
        }
        for a in range(12)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


@pytest.fixture(name="read")
def read_fixture():
    return read
