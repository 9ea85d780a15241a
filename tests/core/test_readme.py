"""The README's code runs and prints what the README says it prints."""

import contextlib
import doctest
import io
import re
from pathlib import Path

from s2r_rewards import judge, parse
from s2r_rewards.testing import solve

ROOT = Path(__file__).parents[2]


def test_the_first_example_prints_what_it_says():
    readme = (ROOT / "README.md").read_text()
    code, output = re.search(r"```python\n(.*?)```\n\n```\n(.*?)```", readme, re.DOTALL).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102 - our own text
    assert printed.getvalue() == output


def test_the_method_of_ones_own_works():
    code = re.search(r"```python\n(# my_method.py\n.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)[1]
    space = {}
    exec(compile(code, "README.md", "exec"), space)  # noqa: S102 - our own text
    text = solve("4").verify("incorrect").solve("5").verify("correct").text()
    judged = judge(parse(text), "5")
    assert space["METHOD"].rewards(judged) == (0.0, 0.25, 0.5, 0.25)
    assert space["METHOD"].advantages([judged], ["prompt"]) == ((0.0, 0.25, 0.5, 0.25),)  # nothing to compare with


def test_the_doctests_hold():
    parser = doctest.DocTestParser()
    for block in re.findall(r"```python\n(>>> .*?)```", (ROOT / "README.md").read_text(), re.DOTALL):
        test = parser.get_doctest(block, {}, "README", "README.md", 0)
        assert doctest.DocTestRunner().run(test).failed == 0


def test_links_into_the_repository_lead_somewhere():
    for name in ("README.md", "FIDELITY.md", "CHANGELOG.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / name).read_text()):
            assert (ROOT / target).exists(), f"{name} links to {target}"
