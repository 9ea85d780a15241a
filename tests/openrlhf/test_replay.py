"""Offline replay: stored rollouts with stored advantages, through OpenRLHF's real experience classes."""

import asyncio
import json
import unicodedata
from dataclasses import replace
from types import SimpleNamespace

import pytest
import scripted
import torch
from test_maker import experiences, make_maker, per_sample

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.checks.flags import Flags
from s2r_openrlhf.checks.rules import data_problems
from s2r_openrlhf.options import ENVIRONMENT, Options
from s2r_rewards.adapter import FAILED_METRIC
from s2r_rewards.adapter.replay import check_file, in_tokens
from s2r_rewards.datasets.formats import openrlhf_replay
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.records import RecordError
from s2r_rewards.rollouts.scoring import score_rollouts

METHODS = {"process": "s2r-offline-prl", "outcome": "s2r-offline-orl"}


def stored_rows():
    """The worked batch as stored rollouts; outcome advantages that no estimator would come up with."""
    rollouts = [
        Rollout(f"p{i}", "What is 2 + 2?", scripted.response(plan, end=""), scripted.GOLD, finished=True)
        for i, plan in enumerate(scripted.PLANS)
    ]
    rows = []
    for i, rollout in enumerate(score_rollouts(rollouts)):
        scored = replace(rollout.s2r, outcome_advantage=0.25 * (i + 1))
        rows.append(openrlhf_replay(replace(rollout, s2r=scored)))
    return rows


def replay(tokenizer, labels, level, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, json.dumps({"method": METHODS[level], "offline": True}))
    executor = AgentExecutor()

    async def each():
        params = SimpleNamespace(max_tokens=8, logprobs=None)
        return [
            await executor.execute(
                prompt=scripted.PROMPT, label=label, sampling_params=params, max_length=512,
                hf_tokenizer=tokenizer, llm_engine=None, images=None,
            )
            for label in labels
        ]  # fmt: skip

    return asyncio.run(each())


def advantages_of(outputs, level, kl=0.0, kl_coefficient=0.0):
    maker = make_maker(
        Options(METHODS[level], offline=True), kl_coefficient, samples_per_prompt=1, estimator="reinforce"
    )
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs, kl))
    return maker, per_sample(batches)


def test_process_advantages_are_the_stored_ones_token_by_token(tokenizer, monkeypatch):
    outputs = replay(tokenizer, [row["label"] for row in stored_rows()], "process", monkeypatch)
    maker, samples = advantages_of(outputs, "process")
    for output, (sequence, advantages, mask), expected, plan in zip(
        outputs, samples, scripted.ADVANTAGES, scripted.PLANS, strict=True
    ):
        first, end = output["action_ranges"][0]
        assert tokenizer.decode(sequence[first:end]) == scripted.response(plan)
        for value, (start, stop) in zip([*expected, 0.0], output["label"].scored.spans, strict=True):  # `end` is last
            given = advantages[first - 1 :][start:stop]
            assert given == pytest.approx(torch.full_like(given, value), abs=1e-6)
        assert not advantages[~mask].any()
    assert maker.metrics["s2r/verify/accuracy"] == pytest.approx(6 / 9)


def test_outcome_advantages_cover_the_whole_response(tokenizer, monkeypatch):
    outputs = replay(tokenizer, [row["label"] for row in stored_rows()], "outcome", monkeypatch)
    _, samples = advantages_of(outputs, "outcome")
    for i, (_, advantages, mask) in enumerate(samples):
        assert advantages[mask] == pytest.approx(torch.full((int(mask.sum()),), 0.25 * (i + 1)), abs=1e-6)


def test_the_kl_term_joins_stored_advantages(tokenizer, monkeypatch):
    outputs = replay(tokenizer, [row["label"] for row in stored_rows()], "outcome", monkeypatch)
    _, samples = advantages_of(outputs, "outcome", kl=0.01, kl_coefficient=0.1)
    for i, (_, advantages, mask) in enumerate(samples):
        assert float(advantages[mask][0]) == pytest.approx(0.25 * (i + 1) - 0.1 * 0.01 * int(mask.sum()), abs=1e-5)


def test_a_row_that_cannot_be_replayed_is_counted_and_has_no_gradient(tokenizer, monkeypatch):
    labels = [stored_rows()[0]["label"], "not json", json.dumps({"response": "x"})]
    outputs = replay(tokenizer, labels, "process", monkeypatch)
    maker, samples = advantages_of(outputs, "process")
    assert maker.metrics[FAILED_METRIC] == pytest.approx(2 / 3)
    assert samples[0][1].any()
    assert not samples[1][1].any()
    assert not samples[2][1].any()


def spoilt(row, *path, value=None):
    payload = json.loads(row["label"])
    holder = payload
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return {**row, "label": json.dumps(payload)}


@pytest.mark.parametrize(
    ("broken", "level", "field"),
    [
        (lambda row: {**row, "label": "4"}, "process", "label"),
        (lambda row: spoilt(row, "response"), "process", "label.response"),
        (lambda row: spoilt(row, "s2r"), "process", "label.s2r"),
        (lambda row: spoilt(row, "s2r", "actions", 0), "process", "label.s2r"),
        (lambda row: spoilt(row, "s2r", "actions", 0, "advantage"), "process", "label.s2r.advantage"),
        (
            lambda row: spoilt(row, "s2r", "actions", 0, "advantage", value=float("nan")),
            "process",
            "label.s2r.advantage",
        ),
        (lambda row: spoilt(row, "s2r", "actions", 0, "start"), "process", "label.s2r.start"),
        (lambda row: spoilt(row, "s2r", "outcome_advantage"), "outcome", "label.s2r.outcome_advantage"),
    ],
)
def test_a_bad_file_is_refused_before_training_with_line_and_field(tmp_path, broken, level, field):
    rows = stored_rows()
    rows[2] = broken(rows[2])
    path = tmp_path / "replay.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(RecordError, match=f"replay.jsonl:3: field '{field}'"):
        check_file(path, level)
    flags = Flags(SimpleNamespace(data=SimpleNamespace(prompt_dataset=str(path), label_key="label")))
    [problem] = data_problems(flags, Options(METHODS[level], offline=True))
    assert problem.startswith(f"--data.prompt_dataset {path}: ")
    assert f"replay.jsonl:3: field '{field}'" in problem


def test_a_good_file_is_counted(tmp_path):
    path = tmp_path / "replay.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in stored_rows()))
    assert check_file(path, "process") == check_file(path, "outcome") == 5


NFC, NFD = "caf\u00e9 2 + 2 = ", "cafe\u0301 2 + 2 = "
STEPS = ["\\boxed{5}.\n\n", "Wait, let me recheck my solution.\n\nTherefore, the answer is incorrect.\n\n"]
STEPS += ["Let me try again.\n\n\\boxed{4}."]


class Normalising:
    """A byte-level tokenizer that composes its text first, as many do."""

    def __init__(self, tokenizer):
        self.own, self.eos_token_id, self.backend_tokenizer = tokenizer, tokenizer.eos_token_id, None

    def __getattr__(self, name):
        return getattr(self.own, name)

    def encode(self, text, add_special_tokens=False):
        return self.own.encode(unicodedata.normalize("NFC", text), add_special_tokens=False)

    def decode(self, ids, **settings):
        return self.own.decode(ids, **settings)


def test_actions_are_followed_through_a_tokenizer_that_changes_the_text(tokenizer):
    """In a decomposed text every action lies ten characters further on than in what the tokens read."""
    rollout = Rollout("p", "2 + 2?", NFD * 10 + "".join(STEPS), "4", finished=True)
    [scored] = score_rollouts([rollout])
    ids, record = in_tokens(scored, Normalising(tokenizer))
    pieces = [tokenizer.decode(ids[first:end]) for first, end in record.spans]
    assert pieces == [NFC * 10 + STEPS[0], STEPS[1], STEPS[2], tokenizer.eos_token]
    assert "".join(tokenizer.decode(ids)) == NFC * 10 + "".join(STEPS) + tokenizer.eos_token


def test_stored_token_ids_are_replayed_as_they_are(tokenizer):
    """Sampling rarely takes the tokens that tokenising the text again would."""
    text = "".join(STEPS)
    ids = [i for letter in text for i in tokenizer.encode(letter, add_special_tokens=False)]
    assert ids != tokenizer.encode(text, add_special_tokens=False)
    [scored] = score_rollouts([Rollout("p", "2 + 2?", text, "4", finished=True, token_ids=tuple(ids))])
    found, record = in_tokens(scored, tokenizer)
    assert found == [*ids, tokenizer.eos_token_id]
    assert [tokenizer.decode(found[first:end]) for first, end in record.spans] == [*STEPS, tokenizer.eos_token]
    other = replace(scored, token_ids=tuple(ids[:-1]))  # they read otherwise: tokenised again
    assert in_tokens(other, tokenizer)[0][:-1] == tokenizer.encode(text, add_special_tokens=False)
    ended = replace(scored, token_ids=(*ids, tokenizer.eos_token_id))
    assert in_tokens(ended, tokenizer)[0] == found


def test_text_that_a_tokenizer_loses_is_refused(tokenizer, monkeypatch):
    class Lossy(Normalising):
        def encode(self, text, add_special_tokens=False):
            return self.own.encode("".join(c for i, c in enumerate(text) if i % 7 or len(text) < 60))

    [scored] = score_rollouts([Rollout("p", "2 + 2?", "".join(STEPS), "4", finished=True)])
    with pytest.raises(RecordError, match="tokenised again it reads otherwise around character"):
        in_tokens(scored, Lossy(tokenizer))
