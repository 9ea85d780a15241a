"""For all tests: what cannot run here is skipped and says why, and Hypothesis has no deadline.

A module that imports something that is not installed is skipped, as are the tests of a framework that is not there.
``tests/run.py`` sets ``S2R_STRICT``: in the environments that it builds, nothing may be missing.

``pytest --hypothesis-profile=thorough`` looks much further; ``mutation`` is what ``mutmut`` runs with.
"""

import importlib.util
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
#: folder → what its tests need, beyond what their modules import
NEEDS = {"verl": ("verl", "s2r_verl_cpu"), "openrlhf": ("openrlhf", "torch"), "trl": ("trl",), "tiny": ("torch",)}
OURS = ("s2r_rewards", "s2r_verl", "s2r_openrlhf", "s2r_trl")
os.environ.setdefault("S2R_GUARD", "off")  # errors of our own code come through here: see s2r_rewards/answers/guard.py
STRICT = bool(os.environ.get("S2R_STRICT"))

try:
    from hypothesis import Phase, settings
except ImportError:  # the environments of the trainers have no Hypothesis; their tests need none
    pass
else:
    settings.register_profile("s2r", deadline=None)
    settings.register_profile("thorough", deadline=None, max_examples=5_000)
    # The same examples every time, and no search for a smaller one: a mutant is caught or it is not.
    settings.register_profile(
        "mutation", deadline=None, max_examples=20, derandomize=True, database=None, phases=[Phase.generate]
    )
    settings.load_profile("s2r")


def pytest_configure(config):
    """A mutant may loop and collect without end: it must not take the machine's memory."""
    if config.getoption("--hypothesis-profile", default=None) == "mutation":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, resource.getrlimit(resource.RLIMIT_AS)[1]))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    """A module that imports what is not installed: skipped, with its name."""
    report = yield
    cause = getattr(getattr(report.call.excinfo, "value", None), "__cause__", None)
    missing = cause.name if isinstance(cause, ModuleNotFoundError) else None
    if report.failed and missing and not STRICT and missing.partition(".")[0] not in OURS:
        report.outcome = "skipped"
        report.longrepr = (str(collector.path), 1, f"Skipped: needs {missing}, which is not installed")
    return report


def pytest_collection_modifyitems(items):
    """Tests of a framework that is not installed."""
    missing = {
        folder: [name for name in needed if importlib.util.find_spec(name) is None] for folder, needed in NEEDS.items()
    }
    for item in items:
        folder = item.path.relative_to(HERE).parts[0] if item.path.is_relative_to(HERE) else ""
        if not STRICT and missing.get(folder):
            item.add_marker(pytest.mark.skip(reason=f"needs {', '.join(missing[folder])}: see tests/{folder}"))
