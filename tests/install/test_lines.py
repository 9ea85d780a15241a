"""What the documents tell people to install fits together: names, pins and order; no network."""

import re
from importlib import metadata

import pytest
from documented_installs import PAGES, ROOT, for_a_fresh_machine, install_lines, pages
from packaging.requirements import Requirement

_EXTRAS = (ROOT / "pyproject.toml").read_text().partition("[project.optional-dependencies]\n")[2].partition("\n[")[0]
EXTRAS = set(re.findall(r"^([\w-]+) = ", _EXTRAS, re.MULTILINE))
LINES = pages()
SOURCES = [*(ROOT / "s2r_rewards").rglob("*.py"), *(ROOT / "integrations").rglob("*.py"), *PAGES]


def requirements(line):
    """(name, extras, version pin) of the arguments of one line that name distributions of the index."""
    names = [word for word in line if not word.startswith(("-", ".", "dist/", "/", "'."))]
    return [Requirement(name) for name in names]


def test_the_documents_have_lines_for_every_framework():
    assert {f"recipes/{name}/README.md" for name in ("verl", "openrlhf", "trl", "tiny", "pipeline")} <= set(LINES)
    assert list(install_lines("`pip install '.[a]' && x`\n\npip install \\\n  b==1  # c")) == [[".[a]"], ["b==1"]]
    block = "Needs `pip install 's2r-rewards[a]'` or `pip install c`.\n```bash\npip install 's2r-rewards[b]'\n```\n"
    assert list(for_a_fresh_machine(block)) == [["c"], ["s2r-rewards[b]"]]


@pytest.mark.parametrize("page", LINES)
def test_nothing_is_taken_from_the_index_that_is_not_there(page):
    """s2r-rewards itself comes from a clone or a wheel."""
    assert "s2r-rewards" not in [need.name for line in LINES[page] for need in requirements(line)]


@pytest.mark.parametrize("page", LINES)
def test_flash_attn_comes_after_torch_and_without_build_isolation(page):
    brings_torch = ("torch", "vllm", "verl")
    seen = set()
    for line in LINES[page]:
        names = {need.name for need in requirements(line)}
        if "flash-attn" in names:
            assert "--no-build-isolation" in line
            assert seen.intersection(brings_torch), "torch has to be there first"
            assert "wheel" in seen, "its build imports wheel, which a fresh environment lacks"
        if "openrlhf" in names:
            assert "flash-attn" in seen, "OpenRLHF requires flash-attn, which pip would build without torch"
        seen |= names


def test_extras_that_are_named_exist():
    """In messages, too: `pip install 's2r-rewards[verl]'` asks an installed s2r-rewards for its extra."""
    named = {path: re.findall(r"(?:s2r-rewards|\.)\[([a-z0-9,-]+)\]['\"]", path.read_text()) for path in SOURCES}
    assert sum(map(len, named.values())) > 20
    extras = {(extra, path) for path, groups in named.items() for group in groups for extra in group.split(",")}
    assert [(extra, str(path)) for extra, path in extras if extra not in EXTRAS] == []


@pytest.mark.parametrize(("owner", "extra", "page"), [("verl", "vllm", "recipes/verl/README.md"),
                                                      ("openrlhf", "vllm", "recipes/openrlhf/README.md")])  # fmt: skip
def test_pins_are_those_of_the_framework(owner, extra, page):
    """vLLM, flash-attn and torch where our lines name them; runs where the framework is installed."""
    try:
        stated = metadata.requires(owner)
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs {owner}: see tests/{owner}/suite.json")
    pins = {}
    for need in map(Requirement, stated):
        if need.marker is None or need.marker.evaluate({"extra": extra}) or need.name == "flash-attn":
            pins[need.name] = str(need.specifier) or pins.get(need.name, "")
    named = {need.name: str(need.specifier) for line in LINES[page] for need in requirements(line)}
    assert named[owner] == f"=={metadata.version(owner)}"
    assert named["flash-attn"] == pins["flash-attn"]
    assert named.get("vllm", pins["vllm"]) == pins["vllm"]
