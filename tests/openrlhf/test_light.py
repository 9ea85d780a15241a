"""Executor, reward function and Experience on the real classes; needs neither vLLM nor DeepSpeed."""

import asyncio
import inspect
import math
import pickle
import re
import shutil
from importlib import metadata, util
from types import SimpleNamespace

import pytest
import scripted
from hypothesis import given
from hypothesis import strategies as st
from openrlhf.trainer.ppo_utils.experience import Experience
from openrlhf.utils.agent import AgentExecutorBase, SingleTurnAgentExecutor

from s2r_openrlhf import AGENT_FILE, REWARD_FILE, require_supported
from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.checks.contract import broken
from s2r_openrlhf.options import ENVIRONMENT
from s2r_openrlhf.reward import reward_func
from s2r_rewards.adapter import FAILED_METRIC
from s2r_rewards.server.protocol import COUNT_FIELDS, COUNT_PREFIX

KEYS = {COUNT_PREFIX + name for name in COUNT_FIELDS} | {FAILED_METRIC}


def test_signatures_that_the_executors_rely_on():
    names = ["self", "prompt", "label", "sampling_params", "max_length", "hf_tokenizer", "llm_engine"]
    for cls in (AgentExecutorBase, SingleTurnAgentExecutor):
        assert list(inspect.signature(cls.execute).parameters)[:7] == names
    assert list(inspect.signature(SingleTurnAgentExecutor.__init__).parameters) == ["self", "remote_rm_url"]
    assert Experience.__dataclass_fields__["labels"].type == list[str]


def test_the_agent_file_is_loaded_as_openrlhf_does_it():
    import importlib.util

    spec = importlib.util.spec_from_file_location("agent_module", AGENT_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert issubclass(module.AgentExecutor, AgentExecutorBase)
    module.AgentExecutor()


def test_executor_scores_every_action_from_token_ids(tokenizer):
    texts = [scripted.response(plan) for plan in scripted.PLANS]
    outputs = scripted.execute(AgentExecutor(), tokenizer, texts)
    for output, text, rewards, plan in zip(outputs, texts, scripted.REWARDS, scripted.PLANS, strict=True):
        carried = output["label"]
        assert list(carried.scored.rewards) == rewards
        assert carried.label == scripted.GOLD
        assert pickle.loads(pickle.dumps(carried)) == carried  # it travels between Ray's processes
        assert output["reward"] == (1.0 if plan[-1][0] else -1.0)
        assert output["scores"] == float(plan[-1][0])
        first, end = output["action_ranges"][0]
        spans = carried.scored.spans
        assert (spans[0][0], spans[-1][1]) == (0, end - first)
        pieces = [tokenizer.decode(output["observation_tokens"][first:end][a:b]) for a, b in spans]
        assert "".join(pieces) == text
        assert pieces[-1] == "<|im_end|>"
        for k, piece in enumerate(pieces[:-1]):
            assert ("recheck" in piece) == bool(k % 2)


def test_a_poisoned_sample_earns_the_failing_reward_on_all_its_tokens(tokenizer):
    good = scripted.response([(1, 1)])
    labels = [scripted.GOLD, "", None, {"value": 4}]
    outputs = scripted.execute(AgentExecutor(), tokenizer, [good] * 4, label=labels)
    assert [o["reward"] for o in outputs] == [1.0, -1.0, -1.0, -1.0]
    assert [o["label"].scored.failure is not None for o in outputs] == [False, True, True, True]
    assert [o["label"].scored.rewards for o in outputs[1:]] == [(-1.0,)] * 3
    first, end = outputs[1]["action_ranges"][0]
    assert outputs[1]["label"].scored.spans == ((0, end - first),)


def test_a_tokenizer_that_fails_does_not_end_the_run(tokenizer, monkeypatch):
    def broken(*_):
        raise IndexError("no such id")

    monkeypatch.setattr("s2r_rewards.adapter.scoring.decode_with_offsets", broken)
    (output,) = scripted.execute(AgentExecutor(), tokenizer, [scripted.response([(1, 1)])])
    assert (output["reward"], output["scores"]) == (-1.0, 0.0)
    assert output["label"].scored.rewards == (-1.0,)
    assert output["label"].scored.failure == "IndexError: no such id"


def test_a_cut_off_response_is_known_as_such(tokenizer):
    text = scripted.response([(0, 0), (1, 1)], end="")
    (output,) = scripted.execute(AgentExecutor(), tokenizer, [text], finish="length")
    scored = output["label"].scored
    assert scored.ended is False
    assert scored.codes == ("no_end",)


def test_options_reach_the_executor_through_the_environment(tokenizer, monkeypatch):
    monkeypatch.setenv(ENVIRONMENT, '{"method": "released-prl"}')
    (output,) = scripted.execute(AgentExecutor(), tokenizer, [scripted.response([(1, 1)])])
    scored = output["label"].scored
    assert (scored.method, scored.grammar) == ("released-prl", "released")


@pytest.mark.parametrize("url", [str(REWARD_FILE), None], ids=["reward file", "no reward"])
def test_openrlhfs_own_executor_takes_the_reward_file(tokenizer, url):
    texts = [scripted.response(plan) for plan in scripted.PLANS]
    outputs = scripted.execute(SingleTurnAgentExecutor(url), tokenizer, texts)
    if url is None:
        assert [o["reward"] for o in outputs] == [None] * 5
        return
    assert [o["reward"] for o in outputs] == [[1.0], [1.0], [-1.0], [1.0], [-1.0]]
    assert [o["extra_logs"][COUNT_PREFIX + "attempts"] for o in outputs] == [[1.0], [2.0], [1.0], [3.0], [2.0]]


anything = st.one_of(st.none(), st.text(), st.integers(), st.floats(), st.dictionaries(st.text(), st.text()))


@given(query=st.text(), prompt=st.text(max_size=40), label=anything, joined=st.booleans())
def test_a_reward_never_raises_is_finite_and_has_the_same_keys(query, prompt, label, joined):
    result = reward_func([prompt + query if joined else query], [prompt], [label])
    assert result["rewards"][0] in (-1.0, 1.0)
    assert result["scores"][0] in (0.0, 1.0)
    assert set(result["extra_logs"]) == KEYS
    assert all(math.isfinite(values[0]) for values in result["extra_logs"].values())


def test_rewards_come_from_threads_too(tokenizer):
    """OpenRLHF calls the reward off the main thread, many at once."""
    query = scripted.PROMPT + scripted.response([(0, 0), (1, 1)])

    async def many():
        calls = [asyncio.to_thread(reward_func, [query], [scripted.PROMPT], ["4"]) for _ in range(64)]
        return await asyncio.gather(*calls)

    assert {tuple(r["rewards"]) for r in asyncio.run(many())} == {(1.0,)}


@pytest.mark.parametrize(("version", "fine"), [("0.10.1", False), ("0.10.2", True), ("0.11.2.post1", True)])
def test_versions_that_were_tested_and_older_ones(version, fine, monkeypatch, caplog):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    if fine:
        assert require_supported() == version
        assert not caplog.records
        return
    with pytest.raises(RuntimeError, match=re.escape(f"found openrlhf {version}; ") + ".*>=0.10.2,<0.12"):
        require_supported()


@pytest.mark.parametrize("version", ["0.12.0", "1.0"])
def test_a_newer_version_runs_with_one_warning_where_the_contract_holds(version, monkeypatch, caplog):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    assert require_supported() == version
    [record] = caplog.records
    assert f"openrlhf {version} is newer than what s2r_openrlhf was tested with" in record.getMessage()
    assert require_supported(warn=False) == version
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("module", "before", "after", "told"),
    [
        ("utils/agent", "remote_rm_url=None", "urls=None", r"__init__ takes \(self, urls\); expected \(self, remote_rm_url"),
        ("trainer/ppo_trainer", "def train_step(self, rollout_samples,", "def train_step(self, batch, rollout_samples,",
         r"BasePPOTrainer.train_step takes \(self, batch, rollout_samples"),
        ("trainer/ppo_trainer_async", "def _run_eval", "def _evaluate", "_run_eval does not exist"),
        ("trainer/ppo_utils/experience", "    labels: list", "    targets: list", "Experience has no labels"),
    ],
)  # fmt: skip
def test_a_newer_version_of_another_form_is_refused(module, before, after, told, tmp_path, monkeypatch):
    """A copy of the installed OpenRLHF with one thing changed."""
    [folder] = util.find_spec("openrlhf").submodule_search_locations
    shutil.copytree(folder, tmp_path / "openrlhf", ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / "openrlhf" / f"{module}.py"
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))
    spec = SimpleNamespace(submodule_search_locations=[str(tmp_path / "openrlhf")])
    monkeypatch.setattr("s2r_openrlhf.checks.contract.util.find_spec", lambda name: spec)
    monkeypatch.setattr(metadata, "version", lambda name: "0.12.0")
    with pytest.raises(RuntimeError, match="found openrlhf 0.12.0; .*>=0.10.2,<0.12, and this one differs: .*" + told):
        require_supported()


def test_the_installed_openrlhf_keeps_the_contract():
    assert broken() == []
