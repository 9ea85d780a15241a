"""Choices, truth values and literals through OpenRLHF's own executor and reward function, out of a JSONL file."""

import json
from pathlib import Path

import pytest
import scripted
import tiny

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.reward import reward_func
from s2r_rewards.answers.labels import ungradable
from s2r_rewards.datasets.formats import openrlhf_prompt
from s2r_rewards.evaluation.benchmarks import BENCHMARKS, read_item

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
