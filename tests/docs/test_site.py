"""The site builds without a warning and without a network, and has every public name."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

pytest.importorskip("mkdocs", reason="needs the extra docs")
pytest.importorskip("mkdocstrings", reason="needs the extra docs")
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def hooks():
    spec = spec_from_file_location("hooks", ROOT / "docs/site/hooks.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_page_is_in_the_navigation(site):
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")}
    notebooks = [path.name for path in (ROOT / "docs/notebooks").glob("*.ipynb")]
    assert pages - {"index"} <= {path.name for path in site.iterdir()}
    listed = (ROOT / "mkdocs.yml").read_text()
    assert all(f"{page}.md" in listed for page in pages)
    assert notebooks
    assert all(f"notebooks/{name}" in listed for name in notebooks)


def test_every_public_name_is_in_the_reference(site, hooks):
    text = (site / "reference" / "index.html").read_text()
    for module in hooks.MODULES:
        if module.endswith((".tensors", ".losses")):
            continue  # read without torch
        missing = [name for name in hooks.public_names(module) if name not in text]
        assert not missing, module


def test_every_option_and_command_is_listed(site, hooks):
    from dataclasses import fields

    from s2r_rewards.adapter import Options

    text = (site / "options" / "index.html").read_text()
    assert all(f"<code>{one.name}</code>" in text for one in fields(Options))
    assert all(path in text for path, _ in hooks.commands())


def test_nothing_is_loaded_from_elsewhere(site):
    for page in site.rglob("*.html"):
        text = page.read_text()
        for loaded in ('src="http', "@import url(http", 'rel="stylesheet" href="http', 'rel="preconnect"'):
            assert loaded not in text, f"{page}: {loaded}"
