import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # harness.py and tiny.py, under --import-mode=importlib


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """A folder with the tiny base model, trajectories and prompts."""
    import tiny

    folder = tmp_path_factory.mktemp("openrlhf")
    tiny.write_all(folder)
    return folder


@pytest.fixture(scope="session")
def sft_model(workspace):
    """The tiny model after OpenRLHF's real train_sft on masked trajectories, its own chat template restored."""
    import harness
    from click.testing import CliRunner

    from s2r_openrlhf.sft import main

    def sft(*arguments):
        result = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
        assert result.exit_code == 0, result.output

    data, template = workspace / "sft.jsonl", workspace / "sft.jinja"
    sft("prepare", workspace / "trajectories.jsonl", "-o", data, "--model", workspace / "model", "--template", template)
    model = harness.train_sft(workspace / "sft", workspace / "model", data, template.read_text())
    sft("restore", model, "--model", workspace / "model")
    return model


@pytest.fixture(scope="session")
def tokenizer():
    import tiny

    return tiny.tokenizer()


@pytest.fixture(autouse=True)
def default_options(monkeypatch):
    """No option of an earlier test or of the shell."""
    from s2r_openrlhf.options import ENVIRONMENT

    monkeypatch.delenv(ENVIRONMENT, raising=False)
