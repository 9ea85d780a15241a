"""The notebooks run, one after the other, at a budget that teaches nothing."""

import json
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")
ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "docs" / "notebooks"
ORDER = ("a-tiny-run", "reading-a-run")


def test_none_is_left_out():
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(ORDER)


def test_they_run(tmp_path, monkeypatch, small_settings):
    monkeypatch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'integrations'}")
    for name in ORDER:
        notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
        (given,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ())]
        given.source = given.source.replace('["--quick"]', repr(["--jobs=1", *small_settings]))
        nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize("name", ORDER)
def test_stored_outputs_are_of_a_whole_run(name):
    cells = [c for c in json.loads((NOTEBOOKS / f"{name}.ipynb").read_text())["cells"] if c["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert not [out for cell in cells for out in cell["outputs"] if out["output_type"] == "error"]
    assert "/work/" not in json.dumps(cells)
