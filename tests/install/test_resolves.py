"""Every `pip install` line of the documents resolves on a fresh machine, after the lines above it on its page.

pip does not install anything (`--dry-run`). What a line would bring is noted as installed, for the lines below it.
"""

import json
import os
import re
import subprocess
import sys
import venv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from documented_installs import ROOT, pages

pytestmark = pytest.mark.skipif(not os.environ.get("S2R_NETWORK"), reason="needs a package index: S2R_NETWORK=1")
LIMIT = 600
#: Its metadata are made by code that imports torch and asks nvcc, which a dry run does not have.
BUILT_AGAINST_TORCH = "flash-attn"


def pip(environment, *arguments):
    command = [sys.executable, "-m", "pip", "--python", str(environment), "--disable-pip-version-check", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)


def note(environment, name, version, requires=(), extras=()):
    """Makes a distribution look installed."""
    (packages,) = environment.glob("lib/python*/site-packages")
    folder = packages / f"{re.sub(r'[-_.]+', '_', name)}-{version}.dist-info"
    folder.mkdir(exist_ok=True)
    head = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *(f"Requires-Dist: {r}" for r in requires)]
    head += [f"Provides-Extra: {extra}" for extra in extras]
    (folder / "METADATA").write_text("\n".join(head) + "\n")
    (folder / "RECORD").write_text("")


def resolve(environment, line):
    """What went wrong with one line, "" for nothing."""
    words = [re.sub(r"^dist/.*\.whl$", ".", word) for word in line]
    words = [f"{ROOT}{word[1:]}" if re.match(r"\.(\[|$)", word) else word for word in words if word != "-e"]
    if "--no-build-isolation" in words:
        (need,) = [word for word in words if not word.startswith("-")]
        name, _, version = need.partition("==")
        assert name == BUILT_AGAINST_TORCH, f"{name} builds in isolation like everything else"
        found = pip(environment, "index", "versions", name)
        known = re.findall(r"[\w.]+", found.stdout.partition("Available versions:")[2])
        if version not in known:
            return f"{need} is not on the index: {found.stdout}{found.stderr}"
        note(environment, name, version, ["torch", "einops"])
        return ""
    report = environment / "report.json"
    done = pip(environment, "install", "--dry-run", "--quiet", "--report", str(report), *words)
    if done.returncode:
        return done.stderr[-2000:]
    for entry in json.loads(report.read_text())["install"]:
        about = entry["metadata"]
        note(
            environment,
            about["name"],
            about["version"],
            about.get("requires_dist", ()),
            about.get("provides_extra", ()),
        )
    return ""


def resolve_page(folder, lines):
    venv.create(folder, with_pip=False)
    note(folder, "pip", "25.0")
    note(folder, "setuptools", "80.0")
    for line in lines:
        if why := resolve(folder, line):
            return f"pip install {' '.join(line)}\n{why}"
    return ""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Page → what went wrong. Pages wait for the network at the same time."""
    reachable = pip(Path(sys.prefix), "index", "versions", "pip")
    if reachable.returncode:
        pytest.skip("no package index is reachable")
    lines = {page: tuple(map(tuple, these)) for page, these in pages().items()}
    different = sorted(set(lines.values()))
    places = [tmp_path_factory.mktemp("fresh") for _ in different]
    with ThreadPoolExecutor(len(places)) as pool:
        wrong = dict(zip(different, pool.map(resolve_page, places, different), strict=True))
    return {page: wrong[these] for page, these in lines.items()}


@pytest.mark.parametrize("page", pages())
def test_every_line_resolves(found, page):
    assert found[page] == ""
