import importlib.util
import json
from pathlib import Path

import pytest

DATASETS = Path(__file__).parent.parent / "datasets"
spec = importlib.util.spec_from_file_location("datasets_conftest", DATASETS / "conftest.py")
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)

server, s2r, sums, read = shared.server, shared.s2r, shared.sums, shared.read_fixture


@pytest.fixture(scope="session")
def schemas():
    """Benchmark name -> records in the set's published schema; the questions are our own."""
    return json.loads((Path(__file__).parent / "schemas.json").read_text())
