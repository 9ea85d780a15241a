"""These tests need their own environment (suite.json); elsewhere the whole folder is left out."""

import importlib.util

if importlib.util.find_spec("verl") is None or importlib.util.find_spec("s2r_verl_cpu") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    import os

    os.environ.setdefault("VERL_PLATFORM", "cpu")

    import pytest

    @pytest.fixture(scope="session")
    def tokenizer():
        from s2r_verl_cpu.assets import build_tokenizer

        return build_tokenizer()

    @pytest.fixture(scope="session")
    def warm_model(tmp_path_factory):
        """A tiny policy that writes readable trajectories with random answers and verdicts."""
        from s2r_verl_cpu.assets import build_model

        return build_model(tmp_path_factory.mktemp("warm"), warm_steps=150)
