"""Choices, truth values and literals through OpenRLHF's own executor and reward function, out of a JSONL file."""

import json
from pathlib import Path

import pytest
import scripted
import tiny

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.options import Options
from s2r_openrlhf.reward import reward_func
from s2r_rewards.answers.labels import ungradable
from s2r_rewards.datasets.formats import openrlhf_prompt
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, read_item
from s2r_rewards.rollouts import read_rollouts
from s2r_rewards.rollouts.scoring import score_rollouts

CASES = json.loads((Path(__file__).parents[1] / "core" / "cross_domain.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def labels(tmp_path_factory):
    """The labels of the four tasks, as OpenRLHF reads them."""
    path = tmp_path_factory.mktemp("data") / "cross_domain.jsonl"
    rows = [openrlhf_prompt(read_item(BENCHMARKS[case["source"]], case["record"])) for case in CASES]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = [json.loads(line)["label"] for line in path.read_text().splitlines()]
    assert ungradable(found) == []
    return found


def samples(labels):
    for case, label in zip(CASES, labels, strict=True):
        for name, reward in (("right", 1.0), ("wrong", -1.0)):
            for answer in case[name]:
                text = f"So \\boxed{{{answer}}}.\n\n{tiny.RECHECK}Therefore, the answer is correct.<|im_end|>"
                yield text, label, reward


def test_the_executor_checks_every_row_by_its_kind(tokenizer, labels):
    texts, golds, rewards = zip(*samples(labels), strict=True)
    outputs = scripted.execute(AgentExecutor(), tokenizer, list(texts), label=list(golds))
    assert [output["reward"] for output in outputs] == list(rewards)
    scored = [output["label"].scored for output in outputs]
    assert [one.rewards for one in scored] == [(reward, reward) for reward in rewards]
    assert {one.level for one in scored} == {None, "physics", "math"}


def test_the_reward_function_does_too(labels):
    for text, label, reward in samples(labels):
        found = reward_func([scripted.PROMPT + text], [scripted.PROMPT], [label])
        assert found["rewards"] == [reward], (text, label)


LABELS = ["B", "b", json.dumps({"gold": "B", "level": 2}), json.dumps({"gold": "B", "kind": "math"})]


def test_rollouts_on_disk_are_of_the_kind_that_the_policy_says(tokenizer, tmp_path):
    """They are graded again as they were in the run: a choice, where a label names no kind; math, where it does."""
    pytest.importorskip("deepspeed")
    from test_maker import experiences, make_maker

    from s2r_openrlhf.trainer import append_rollouts

    text = f"So \\boxed{{(B)}}.\n\n{tiny.RECHECK}Therefore, the answer is correct.<|im_end|>"
    options = Options(policy="kind=choice", rollouts=str(tmp_path / "rollouts.jsonl"))
    outputs = [output_of(tokenizer, text, label, options) for label in LABELS]
    maker = make_maker(options, samples_per_prompt=1)
    batch = [sample for output in outputs for sample in experiences(maker, [output])]
    for sample in batch:
        sample.prompts = [scripted.PROMPT]
    append_rollouts(options.rollouts, batch, tokenizer, 3, options)
    records = [json.loads(line) for line in (tmp_path / "rollouts.jsonl").read_text().splitlines()]
    assert [(r["gold"], r.get("kind")) for r in records] == [
        ("B", "choice"), ("b", "choice"), ("B", "choice"), ("B", None)
    ]  # fmt: skip
    again = score_rollouts(list(read_rollouts(tmp_path / "rollouts.jsonl")))
    trained = [output["label"].scored.rewards for output in outputs]
    assert [rollout.s2r.rewards for rollout in again] == trained


def output_of(tokenizer, text, label, options):
    """What the executor of a run with these options makes of one response."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in options.to_environment().items():
            patch.setenv(name, value)
        (output,) = scripted.execute(AgentExecutor(), tokenizer, [text], label=[label])
    return output
