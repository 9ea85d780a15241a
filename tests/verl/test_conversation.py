"""Conversations in verl's real trainer: problems and verification prompts in one batch, token by token at the actor."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from s2r_verl_cpu.assets import attempt, rl_rows, verification
from s2r_verl_cpu.trained import steps_of, train
from tensordict import TensorDict

from s2r_rewards import judge, parse_messages
from s2r_rewards.adapter import Options, TokenTurn, score_response
from s2r_rewards.advantages import process_advantages
from s2r_rewards.rewards import action_rewards
from s2r_rewards.tensors import spread
from s2r_rewards.tokens import decode_with_offsets
from s2r_rewards.turns.conversation import Conversation

OUTSIDE = Path(__file__).resolve().parents[1] / "outside"
PROMPTS, SAMPLES, STEPS = 4, 4, 2
CHECK, AGAIN = "Check it.", "Once more."
TALK = Conversation("mine", verify_prompt=CHECK, retry_prompt=AGAIN, max_attempts=2)
GIVEN = attempt("3")


def rows():
    """Three problems and a verification prompt in every batch (RISE's mixed batch)."""
    found = rl_rows(PROMPTS * STEPS)
    for i, row in enumerate(found):
        row["extra_info"]["attempt"] = GIVEN if i % PROMPTS == PROMPTS - 1 else None
        if row["extra_info"]["attempt"]:
            row["prompt"] += [{"role": "assistant", "content": GIVEN}, {"role": "user", "content": CHECK}]
    return found


@pytest.fixture(scope="module")
def run(tmp_path_factory, warm_model):
    folder = tmp_path_factory.mktemp("talk")
    (folder / "my_talk.py").write_text((OUTSIDE / "my_talk.py.txt").read_text())
    script = {
        "What is": [attempt("2"), attempt("3"), attempt("4")],
        CHECK: [verification(False), verification(True), "I cannot tell.", verification(False)],
        AGAIN: [attempt("3"), attempt("2")],
    }
    (folder / "script.json").write_text(json.dumps(script))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
        yield train(
            folder,
            warm_model,
            rows(),
            "algorithm.adv_estimator=s2r_process",
            "+algorithm.s2r.conversation=my_talk:TALK",
            "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_conversation",
            "actor_rollout_ref.actor.policy_loss.loss_mode=s2r_action",
            f"trainer.total_training_steps={STEPS}",
            "trainer.val_before_train=False",
            "trainer.test_freq=-1",
            "trainer.save_freq=-1",
            "data.max_prompt_length=64",
            "data.shuffle=False",
            prompts=PROMPTS,
            n=SAMPLES,
            S2R_VERL_CPU_SCRIPT=str(folder / "script.json"),
        )


def turns_in(row):
    """[first, end) of the runs of the model's tokens."""
    mask = [0, *(int(x) for x in row["response_mask"]), 0]
    edges = [i for i in range(1, len(mask)) if mask[i] != mask[i - 1]]
    return [(a - 1, b - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def conversation_of(row, tokenizer):
    """(messages behind the question, whether it verifies a given attempt), told from the tokens alone."""
    prompt = tokenizer.decode(row["prompts"])
    messages, at = [], 0
    for first, end in turns_in(row):
        if first > at:
            said = tokenizer.decode(row["responses"][at:first])
            messages.append({"role": "user", "content": said.split("user\n")[1].split("<|im_end|>")[0]})
        messages.append({"role": "assistant", "content": tokenizer.decode(row["responses"][first:end])})
        at = end
    assert at == len(row["responses"])  # nothing stands behind the last turn
    return prompt, messages, GIVEN in prompt


def gold_of(prompt):
    golds = {row["prompt"][0]["content"]: row["reward_model"]["ground_truth"] for row in rl_rows(4)}
    (gold,) = (gold for question, gold in golds.items() if question in prompt)
    return gold


def judged_row(row, tokenizer):
    """The judged trajectory, and the token span of each of its actions."""
    prompt, messages, given = conversation_of(row, tokenizer)
    spans = []
    if given:
        messages = [{"role": "assistant", "content": GIVEN}, {"role": "user", "content": CHECK}, *messages]
        spans.append((0, 0))
    trajectory = parse_messages(messages)
    ends = [(end - 1, end) for end in (len(row["responses"]),)] * trajectory.ended
    own = turns_in(row)
    own[-1] = (own[-1][0], own[-1][1] - 1) if trajectory.ended else own[-1]  # its end token is an action of its own
    return judge(trajectory, gold_of(prompt)), [*spans, *own, *ends], prompt


def test_conversations_go_as_they_should(run, tokenizer):
    assert len(run.rows) == STEPS * PROMPTS * SAMPLES
    kinds = set()
    for row in run.rows:
        _, messages, given = conversation_of(row, tokenizer)
        said = [(m["content"], None) for m in messages if m["role"] == "assistant"]
        asked = [m["content"] for m in messages if m["role"] == "user"]
        if given:
            assert (len(said), asked) == (1, [])
            kinds.add("verification prompt")
            continue
        turns = [said[0]]
        for prompt, (text, _) in zip(asked, said[1:], strict=True):
            following = TALK.next(turns)
            assert prompt == following.prompt
            turns.append((text, following.asks))
        assert TALK.next(turns) is None
        kinds.add(len(turns))
    assert kinds == {"verification prompt", 2, 4}


def test_every_token_has_its_action_and_the_users_have_none(run, tokenizer):
    for row in run.rows:
        judged, spans, _ = judged_row(row, tokenizer)
        assert len(spans) == len(judged.trajectory.actions)
        expected = torch.zeros(len(row["responses"]), dtype=torch.long)
        for action, (first, end) in enumerate(spans):
            expected[first:end] = action + 1
        assert torch.equal(row["s2r_action_ids"].long(), expected)
        assert not row["s2r_action_ids"][row["response_mask"] == 0].any()
        assert (row["response_mask"] == 0).any() == (len(turns_in(row)) > 1)


def test_advantages_are_the_librarys(run, tokenizer):
    values = set()
    for rows in steps_of(run.rows, PROMPTS * SAMPLES):
        judged, spans, _ = zip(*(judged_row(row, tokenizer) for row in rows), strict=True)
        rewards = [action_rewards(item) for item in judged]
        values.update(r for earned in rewards for r in earned)
        for row, advantages, where in zip(rows, process_advantages(rewards), spans, strict=True):
            expected = spread([advantages], [where[: len(advantages)]], len(row["responses"]))[0]
            torch.testing.assert_close(
                row["advantages"].float() * row["response_mask"], expected * row["response_mask"]
            )
            assert not (row["advantages"] * (1 - row["response_mask"])).any()
    assert values == {1, -1}


def test_a_verification_prompt_earns_its_verdict(tokenizer):
    ids = [*tokenizer.encode(verification(True), add_special_tokens=False), tokenizer.eos_token_id]
    for gold, reward in (("3", 1.0), ("4", -1.0)):
        scored = score_response(ids, gold, Options(), tokenizer=tokenizer, finished=True, given=GIVEN)
        assert scored.outcome == reward == scored.rewards[1]
        assert scored.spans[0] == (0, 0)
        assert scored.spans[1] == (0, len(ids) - 1)


def test_the_manager_reads_every_output_of_a_trajectory(tokenizer, tmp_path):
    """Two outputs, a turn each, as an agent loop may return them: the attempt in the first counts (verl#6228)."""
    from verl import DataProto

    from s2r_verl.reward_manager import read_outputs

    texts = [attempt("3"), "\n\nWait, let me recheck my solution.\n\n" + verification(True)]
    rows = [[*tokenizer.encode(text, add_special_tokens=False), tokenizer.eos_token_id] for text in texts]
    width = max(map(len, rows))
    batch = TensorDict(
        {
            "responses": torch.tensor([row + [0] * (width - len(row)) for row in rows]),
            "attention_mask": torch.tensor([[1] * (4 + len(row)) + [0] * (width - len(row)) for row in rows]),
        },
        batch_size=2,
    )
    data = DataProto(batch=batch, non_tensor_batch={"tool_extra_fields": np.array([{}, {}], dtype=object)})
    ids, turns, given = read_outputs(data)
    assert (ids, given) == (rows[0] + rows[1], None)
    assert turns == [TokenTurn(0, len(rows[0])), TokenTurn(len(rows[0]), len(ids))]
    scored = score_response(ids, "3", Options(), tokenizer=tokenizer, finished=True, turns=turns)
    assert [a.kind for a in scored.actions] == ["solve", "verify", "end"]
    assert scored.rewards == (1.0, 1.0)
    text, _ = decode_with_offsets(ids, tokenizer)
    assert text.count("<|im_end|>") == 2


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (
            ["+algorithm.s2r.conversation=pag"],
            "set actor_rollout_ref.rollout.agent.default_agent_loop=s2r_conversation",
        ),
        (["+algorithm.s2r.conversation=talk"], "unknown conversation 'talk'"),
    ],
)
def test_a_conversation_that_nobody_holds_is_refused(overrides, says):
    from hydra import compose, initialize_config_module

    from s2r_verl.checks import require_good_config

    given = [
        "algorithm.adv_estimator=s2r_process", "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
        "reward.reward_manager.name=s2r", "trainer.v1.trainer_mode=s2r_sync", *overrides,
    ]  # fmt: skip
    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose("ppo_trainer", overrides=given)
    with pytest.raises(ValueError, match="conversation") as caught:
        require_good_config(config)
    assert says in str(caught.value)


def test_signatures_that_the_conversation_relies_on():
    import inspect

    from verl.experimental.agent_loop.agent_loop import AgentLoopBase
    from verl.workers.rollout.llm_server import LLMServerClient

    wanted = [
        "self",
        "previous_messages",
        "updated_messages",
        "runtime_token_ids",
        "response_mask",
        "response_logprobs",
    ]
    assert list(inspect.signature(AgentLoopBase.ct_merge_context_msg).parameters)[:6] == wanted
    assert list(inspect.signature(AgentLoopBase.ct_build_initial_tokens).parameters)[:2] == ["self", "messages"]
    assert {"request_id", "prompt_ids", "sampling_params"} <= set(
        inspect.signature(LLMServerClient.generate).parameters
    )
