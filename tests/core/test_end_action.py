"""Whether ``end`` is one of the |y|_a actions of Eq. 6: one option, with the same default wherever a loss is made."""

from dataclasses import fields, replace

import pytest

from s2r_rewards.adapter import Options, resolve_method, score_response
from s2r_rewards.methods import METHODS, get_method
from s2r_rewards.scored import ScoredAction, ScoredRollout

torch = pytest.importorskip("torch")

SPANS = ((0, 3), (3, 5), (5, 6))
RECORD = ScoredRollout(
    (
        ScoredAction("solve", 0, 3, reward=1.0, tokens=SPANS[0]),
        ScoredAction("verify", 3, 5, reward=1.0, tokens=SPANS[1]),
        ScoredAction("end", 5, 6, tokens=SPANS[2]),
    ),
    outcome=1.0,
)


def loss_of(count_end, advantages=(1.0, 0.5)):
    from s2r_rewards.losses import action_policy_loss
    from s2r_rewards.tensors import action_ids, spread

    spans = [RECORD.objective_spans(count_end)]
    log_probs = torch.full((1, 6), -1.0)
    loss, _ = action_policy_loss(log_probs, log_probs, spread([advantages], spans, 6), action_ids(spans, 6))
    return float(loss)


def test_the_same_advantages_by_hand():
    # (1 + 0.5 + 0) / 3 and (1 + 0.5) / 2
    assert loss_of(True) == pytest.approx(-0.50)
    assert loss_of(False) == pytest.approx(-0.75)


def test_end_has_a_kl_term_of_its_own_or_none():
    from s2r_rewards.losses import kl_penalised
    from s2r_rewards.tensors import action_ids, spread

    log_ratio = torch.tensor([[0.1, 0.1, 0.1, 0.2, 0.2, 0.5]])
    found = {}
    for counted in (True, False):
        spans = [RECORD.objective_spans(counted)]
        plain = spread([RECORD.rewards], spans, 6)
        found[counted] = kl_penalised(plain, log_ratio, torch.zeros(1, 6), action_ids(spans, 6), 0.1)[0].tolist()
    assert found[True] == pytest.approx([0.97, 0.97, 0.97, 0.96, 0.96, -0.05])
    assert found[False] == pytest.approx([0.97, 0.97, 0.97, 0.96, 0.96, 0.0])


def test_the_paper_counts_it_and_the_released_code_does_not():
    assert {name: method.count_end for name, method in METHODS.items()} == {
        name: not name.startswith("released-") for name in METHODS
    }


def test_it_is_one_of_the_options():
    assert "count_end" in {field.name for field in fields(Options)}
    assert resolve_method(Options()) == get_method("s2r-prl")
    assert resolve_method(Options(count_end=False)) == replace(
        get_method("s2r-prl"), name="s2r-prl[count_end=False]", count_end=False
    )
    assert resolve_method(Options("released-prl", count_end=True)).count_end


def test_without_an_end_token_nothing_changes():
    cut = score_response("\\boxed{1}", "1", finished=False)
    assert cut.objective_spans(True) == cut.objective_spans(False) == ()
    some = replace(RECORD, actions=RECORD.actions[:2])
    assert some.objective_spans(True) == some.objective_spans(False) == SPANS[:2]
