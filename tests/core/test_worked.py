"""The option that pays verdicts only where the verification shows work."""

from __future__ import annotations

import importlib.util
import json
import pickle
import sys
import time
from pathlib import Path
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s2r_rewards.methods import METHODS, get_method
from s2r_rewards.methods.worked import PRL, shows_work, with_work_only, worked
from s2r_rewards.testing import solve

ROOT = Path(__file__).resolve().parents[2]
CASES = json.loads((Path(__file__).parent / "worked.json").read_text())["cases"]
MARKER = "Wait, let me recheck my solution.\n\n"
ATTEMPT = "We add 7 and 8. So we find \\boxed{15}."


@pytest.mark.parametrize("marker", ["", MARKER])
@pytest.mark.parametrize(("expected", "text"), CASES)
def test_what_counts_as_work(expected, text, marker):
    words = text if isinstance(text, str) else text[0] * text[1] + text[2]
    assert shows_work(marker + words, ATTEMPT, "15") is expected


def test_a_verdict_without_work_is_no_verdict():
    bare, honest = "Therefore, the answer is {}.", "7 + 8 = 15 and 15 − 7 = 8. Therefore, the answer is {}."
    for words, right, wrong in ((bare, -1.0, -1.0), (honest, 1.0, -1.0)):
        said_so = solve("15").verify("correct", words.format("correct")).judged("15")
        denied = solve("15").verify("incorrect", words.format("incorrect")).judged("15")
        assert PRL.rewards(said_so) == (1.0, right)
        assert PRL.rewards(denied) == (1.0, wrong)
        assert get_method("s2r-prl").rewards(said_so) == (1.0, 1.0)
    mixed = solve("3").verify("incorrect", honest.format("incorrect")).solve("15").verify("correct", "Yes, correct.")
    assert PRL.rewards(mixed.judged("15")) == (-1.0, 1.0, 1.0, -1.0)


@pytest.mark.parametrize("name", METHODS)
def test_any_method_takes_the_option_and_honest_responses_do_not_notice(name):
    method, option = METHODS[name], worked(METHODS[name])
    work = "7 + 8 = 15, by counting. Therefore, the answer is {}."
    honest = [
        solve("15").verify("correct", work.format("correct")).judged("15", finished=True),
        solve("3").verify("incorrect", work.format("incorrect")).solve("15").verify("correct").judged("15"),
        solve("4").verify("correct", work.format("correct")).judged("15"),
        solve("4").judged("15"),
    ]
    for judged in honest:
        assert with_work_only(judged) == judged
        assert option.rewards(judged) == method.rewards(judged)
        assert option.outcome(judged) == method.outcome(judged)
    lazy = solve("15").verify("correct", "Therefore, the answer is correct.").judged("15")
    unsaid = solve("15").verify(None, "Hm.").judged("15")
    assert option.rewards(lazy) == method.rewards(unsaid)
    assert pickle.loads(pickle.dumps(option)).rewards(lazy) == option.rewards(lazy)


def test_it_goes_by_name_where_a_method_can_be_named():
    assert get_method("s2r_rewards.methods.worked:PRL") is PRL
    assert PRL.name == "s2r-prl, worked"


@given(st.text(max_size=300), st.text(max_size=100), st.none() | st.text(max_size=5))
def test_any_text_is_judged(text, attempt, answer):
    assert shows_work(text, attempt, answer) in (True, False)
    assert not (shows_work(text, text, answer) and not shows_work(text, "", answer)), "a copy is never more work"


@pytest.mark.parametrize("unit", ["a ", "1", ". ", "1+", "(", "1 - ", "a.b", "1       ", "\n+", "="])
def test_time_is_linear_in_the_text(unit):
    def took(count):
        start = time.process_time()
        shows_work(unit * count, unit * count, "1")
        return time.process_time() - start

    short = max(min(took(8_000) for _ in range(3)), 2e-3)
    assert min(took(64_000) for _ in range(3)) < 8 * 6 * short


@pytest.fixture(scope="module")
def attacks():
    """benchmarks/attacks.py, with fewer prompts."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    try:
        spec = importlib.util.spec_from_file_location("s2r_attacks", f"{folder}/attacks.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    module.PROMPTS, module.SEEDS = 6, 6
    return module


@pytest.mark.parametrize("regime", ["able", "weak"])
def test_right_verdicts_for_wrong_reasons_score_below_the_honest_control(attacks, regime):
    control = attacks.gains(attacks.ATTACKS["one attempt, honest verdict (control)"], regime, attacks.WORKED)
    plain, option = control
    assert control[plain] == pytest.approx(control[option])  # honest responses are paid as before
    for name in ("verdict without work", "padded verification"):
        found = attacks.gains(attacks.ATTACKS[name], regime, attacks.WORKED)
        below = [a - b for a, b in zip(found[option], control[option], strict=True)]
        error = stdev(below) / len(below) ** 0.5
        assert fmean(below) < -3 * error < 0
        before = [a - b for a, b in zip(found[plain], control[plain], strict=True)]
        assert fmean(before) > -3 * (stdev(before) / len(before) ** 0.5) - 1e-9, "nothing else sees it"
