import json
from dataclasses import replace

import pytest

from s2r_rewards.adapter.replay import read_stored
from s2r_rewards.answers import CheckResult
from s2r_rewards.answers.gold import gold_text
from s2r_rewards.answers.labels import gold_of, level_of
from s2r_rewards.datasets import formats
from s2r_rewards.datasets.initialization import INITIALIZATION_PRESETS, VerifiedAttempt, assemble, single_attempt
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError
from s2r_rewards.scored import ScoredAction, ScoredRollout
from s2r_rewards.trajectory import Verdict

PROBLEM = Problem("p1", "What is 2 + 2?", "4", "3", "sums")
ATTEMPTS = [
    VerifiedAttempt("It is \\boxed{5}.", "5", False, "Therefore, the answer is incorrect.", Verdict.INCORRECT),
    VerifiedAttempt("It is \\boxed{3}.", "3", False, "Therefore, the answer is incorrect.", Verdict.INCORRECT),
    VerifiedAttempt("It is \\boxed{4}.", "4", True, "Therefore, the answer is correct.", Verdict.CORRECT),
]
SEGMENTS = assemble(ATTEMPTS, INITIALIZATION_PRESETS["paper"])
TEXT = "".join(s.text for s in SEGMENTS)


def test_roles_alternate_where_the_mask_changes():
    row = formats.openrlhf_sft(PROBLEM, SEGMENTS, system=None, end_token="<eos>")
    roles = [m["role"] for m in row["messages"]]
    # Wrong, check, wrong again, then one trained stretch: check, last attempt, check, end.
    assert roles == ["user", "masked", "assistant", "masked", "assistant"]
    assert "".join(m["content"] for m in row["messages"][1:]) == TEXT + "<eos>"
    assert row["messages"][-1]["content"].endswith("correct.<eos>")
    assert row["messages"][3]["content"].startswith("Let me try again.")


def test_single_attempts_are_one_trained_message():
    row = formats.openrlhf_sft(PROBLEM, single_attempt("It is 4.").segments)
    assert [m["role"] for m in row["messages"]] == ["system", "user", "assistant"]
    assert row["messages"][-1]["content"] == "It is 4.<|im_end|>"


def test_spans_tile_the_text():
    spans = formats.segment_spans(SEGMENTS)
    assert [s["start"] for s in spans] == [0, *(s["end"] for s in spans[:-1])]
    assert spans[-1]["end"] == len(TEXT)
    assert [s["trained"] for s in spans] == [False, True, False, True, True, True]


@pytest.fixture(scope="module")
def tokenizer():
    pytest.importorskip("transformers")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        special_tokens=["<|im_end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([TEXT] * 4, trainer)
    template = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant: "
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", chat_template=template)


def test_token_masks_for_trl(tokenizer):
    pytest.importorskip("torch")
    row = formats.trl_sft_tokens(PROBLEM, SEGMENTS, tokenizer, system=None)
    assert len(row["input_ids"]) == len(row["assistant_masks"]) == len(row["completion_mask"])
    pieces = zip(row["input_ids"], row["assistant_masks"], strict=True)
    trained = tokenizer.decode([token for token, mask in pieces if mask], skip_special_tokens=False)
    assert trained == "".join(s.text for s in SEGMENTS if s.trained) + "<|im_end|>"
    whole = tokenizer.decode(row["input_ids"], skip_special_tokens=False)
    assert whole == f"user: {PROBLEM.problem}\nassistant: {TEXT}<|im_end|>"


def test_prompts_of_the_three_frameworks():
    verl = formats.verl_prompt(PROBLEM, 7)
    assert verl["reward_model"] == {"style": "rule", "ground_truth": "4"}
    assert verl["extra_info"]["index"] == 7
    assert verl["prompt"][-1] == {"role": "user", "content": PROBLEM.problem}
    assert formats.openrlhf_prompt(replace(PROBLEM, level=None))["label"] == "4"
    for answer, gold in (("4", "4"), (gold_text(("4", "8/2")), ("4", "8/2"))):  # the label alone reaches the metrics
        label = formats.openrlhf_prompt(replace(PROBLEM, answer=answer))["label"]
        assert (gold_of(label), level_of(label)) == (gold, "3")
    assert formats.trl_prompt(PROBLEM, system=None)["prompt"] == [{"role": "user", "content": PROBLEM.problem}]


def test_replay_has_one_payload_for_both_frameworks():
    solve = ScoredAction("solve", 0, 4, "4", CheckResult("correct", "number"), reward=1.0, baseline=0.5, advantage=0.5)
    scored = ScoredRollout((solve, ScoredAction("end", 4, 4)), outcome=1.0, outcome_advantage=0.25)
    rollout = Rollout("p1", "q", "It 4", "4", finished=False, s2r=scored)
    text = formats.openrlhf_replay(rollout)["label"]
    assert formats.verl_replay(rollout, 0)["extra_info"]["replay"] == text
    assert read_stored(text, "process") == read_stored(text, "outcome") == rollout
    with pytest.raises(ValueError, match="'p1' is not scored"):
        formats.replay_text(replace(rollout, s2r=None))


def test_rows_of_former_releases_for_verl_are_still_read():
    actions = [
        {"kind": "solve", "start": 0, "end": 4, "reward": 1.0, "advantage": 0.5},
        {"kind": "verify", "start": 4, "end": 6, "reward": -1.0, "advantage": -0.25},
    ]
    old = {"problem_id": "p1", "gold": ["4", "four"], "response": "It 4No", "finished": False}
    old |= {"outcome": 1.0, "outcome_advantage": 0.75, "actions": actions}
    rollout = read_stored(json.dumps(old), "process")
    assert (rollout.response, rollout.gold, rollout.finished) == ("It 4No", ("4", "four"), False)
    assert (rollout.s2r.outcome, rollout.s2r.outcome_advantage) == (1.0, 0.75)
    assert [(a.kind, a.start, a.end, a.reward, a.advantage) for a in rollout.s2r.scored] == [
        tuple(action.values()) for action in actions
    ]
    with pytest.raises(RecordError, match=r"label\.s2r\.outcome_advantage"):
        read_stored(json.dumps({**old, "outcome_advantage": None}), "outcome")


def test_several_accepted_answers_travel_as_a_label():
    solve = ScoredAction("solve", 0, 4, "4", CheckResult("correct", "number"), reward=1.0)
    rollout = Rollout("p1", "q", "It 4", ("4", "four"), s2r=ScoredRollout((solve,), outcome=1.0))
    row = formats.verl_replay(rollout, 0)
    assert gold_of(row["reward_model"]["ground_truth"]) == ("4", "four")
