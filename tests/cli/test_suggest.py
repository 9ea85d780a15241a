"""s2r score --suggest-grammar: what each grammar would catch, and the one that fits."""

import json

import pytest

from s2r_rewards.rollouts import Rollout, write_rollouts
from s2r_rewards.rollouts.suggesting import suggest_grammar
from s2r_rewards.testing import ORACLE

OWN_WORDS = [
    "So the sum is 4.\n\nLet me double-check that. 2 + 2 = 4. Yes, that is correct.\n\nThe answer is 4.",
    "Therefore, x = 3.\n\nWait, let me verify this. 3 + 3 is 6, so that is wrong.\n\nLet me try again.\n\n\\boxed{2}",
]


def test_a_file_in_the_papers_words(s2r, work):
    result = s2r("score", "rollouts.jsonl", "--suggest-grammar")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("--grammar paper: it reads")
    assert not (work / "out.jsonl").exists()


def test_a_file_in_a_models_own_words(s2r, work):
    write_rollouts("own.jsonl", [Rollout(str(i), "?", text, "4") for i, text in enumerate(OWN_WORDS)])
    result = s2r("score", "own.jsonl", "--suggest-grammar", "--json")
    found = json.loads(result.stdout)
    assert found["grammar"] == "natural"
    by_name = {c["grammar"]: c for c in found["catches"]}
    assert (by_name["natural"]["verifications"], by_name["natural"]["verdicts"], by_name["natural"]["retries"]) == (
        2,
        2,
        1,
    )
    assert (by_name["paper"]["verifications"], by_name["paper"]["answered"]) == (0, 2)


def test_scoring_still_wants_an_output(s2r, work):
    result = s2r("score", "rollouts.jsonl")
    assert result.exit_code == 2
    assert "--output" in result.stderr


def test_tags_and_nothing_at_all():
    tagged = [case.script.end().text("tags") for case in ORACLE.cases]
    assert suggest_grammar(tagged).grammar == "tags"
    nothing = suggest_grammar(["The answer is 4."])
    assert nothing.grammar == "paper"
    assert "no grammar finds" in nothing.reason
    with pytest.raises(ValueError, match="no responses"):
        suggest_grammar([])
