"""These tests need their own environment: see suite.json."""

import os

import pytest

os.environ.setdefault("VERL_PLATFORM", "cpu")


@pytest.fixture(scope="session")
def tokenizer():
    from s2r_verl_cpu.assets import build_tokenizer

    return build_tokenizer()


@pytest.fixture(scope="session")
def warm_model(tmp_path_factory):
    """A tiny policy that writes readable trajectories with random answers and verdicts."""
    from s2r_verl_cpu.assets import build_model

    return build_model(tmp_path_factory.mktemp("warm"), warm_steps=150)
