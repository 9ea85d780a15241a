import json
from pathlib import Path

import pytest

from s2r_rewards.evaluation.grading import KINDS, checker_of

CASES = json.loads((Path(__file__).parent / "grading.json").read_text())


@pytest.mark.parametrize(("kind", "gold", "answer", "verdict"), CASES)
def test_graders(kind, gold, answer, verdict):
    (result,) = checker_of(kind)([(gold, answer)])
    assert result.verdict == verdict, result


@pytest.mark.parametrize(
    "hostile", ["(" * 5000, "[" * 300 + "]" * 300, "-" * 4000 + "1", "9" * 9999, "1" * 20000, "\x00"]
)
@pytest.mark.parametrize("kind", KINDS[1:])
def test_hostile_answers_get_a_verdict(kind, hostile):
    (result,) = checker_of(kind)([("1", hostile)])
    assert result.verdict in ("incorrect", "malformed")


def test_mathematics_goes_to_the_checker():
    assert [r.verdict for r in checker_of("math")([("1/2", "0.5"), ("1/2", "0.6")])] == [
        "correct",
        "incorrect",
    ]
    with pytest.raises(ValueError, match="expected one of"):
        checker_of("music")
