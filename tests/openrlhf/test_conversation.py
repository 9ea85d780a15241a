"""Conversations through OpenRLHF's real multi-turn executor, and its real experience and maker where they are installed."""

import asyncio
import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
import scripted
import torch

from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.conversation import user_turn
from s2r_openrlhf.options import Options
from s2r_rewards import parse_messages

OUTSIDE = Path(__file__).resolve().parents[1] / "outside"
END = "<|im_end|>"


@pytest.fixture(autouse=True)
def own_conversations(tmp_path, monkeypatch):
    (tmp_path / "my_talk.py").write_text((OUTSIDE / "my_talk.py.txt").read_text())
    monkeypatch.syspath_prepend(tmp_path)


def turns_of(plan, right="4", wrong="5"):
    for is_right, confirmed in plan:
        yield f"2 + 2 = \\boxed{{{right if is_right else wrong}}}.{END}"
        yield f"Therefore, the answer is {'correct' if confirmed else 'incorrect'}.{END}"


class Engine(scripted.ScriptedEngine):
    """Remembers what it was asked, and cuts off what is too long."""

    def __init__(self, tokenizer, texts):
        super().__init__(tokenizer, texts)
        self.asked = []

    async def generate(self, prompt_token_ids, sampling_params, multi_modal_data=None):
        self.asked.append((list(prompt_token_ids), sampling_params.max_tokens))
        found = await super().generate(prompt_token_ids, sampling_params, multi_modal_data)
        turn = found.outputs[0]
        if len(turn.token_ids) > sampling_params.max_tokens:
            turn.token_ids, turn.finish_reason = turn.token_ids[: sampling_params.max_tokens], "length"
        return found


def talk(tokenizer, texts, label=scripted.GOLD, conversation="my_talk:LONG", budget=400, max_length=512, **options):
    executor = AgentExecutor()
    executor.options = Options(conversation=conversation, **options)
    engine = Engine(tokenizer, texts)
    params = SimpleNamespace(max_tokens=budget, logprobs=None)
    output = asyncio.run(
        executor.execute(
            prompt=scripted.PROMPT, label=label, sampling_params=params, max_length=max_length, hf_tokenizer=tokenizer,
            llm_engine=engine, images=None,
        )
    )  # fmt: skip
    assert params.max_tokens == budget  # OpenRLHF shares it between samples
    return output, engine


@pytest.mark.parametrize("plan", range(len(scripted.PLANS)))
def test_a_conversation_token_by_token(plan, tokenizer):
    texts = list(turns_of(scripted.PLANS[plan]))
    output, engine = talk(tokenizer, texts)
    scored = output["label"].scored
    assert list(scored.rewards) == scripted.REWARDS[plan]
    ids, ranges = output["observation_tokens"], output["action_ranges"]
    assert [tokenizer.decode(ids[a:b]) for a, b in ranges] == texts
    for (a, _), (asked, _) in zip(ranges, engine.asked, strict=True):
        assert asked == ids[:a]  # a turn's prompt is every token before it
    between = [tokenizer.decode(ids[a:b]) for (_, a), (b, _) in pairwise(ranges)]
    asks = ["Check it.", "Once more."] * len(texts)
    assert between == [f"\n<|im_start|>user\n{p}{END}\n<|im_start|>assistant\n" for p in asks[: len(texts) - 1]]
    start = ranges[0][0]
    spans = [(a - start, b - start) for a, b in ranges]
    last = spans.pop()
    assert list(scored.spans) == [*spans, (last[0], last[1] - 1), (last[1] - 1, last[1])]
    messages = [
        m
        for i, t in enumerate(texts)
        for m in ({"role": "user", "content": asks[i - 1]}, {"role": "assistant", "content": t})
    ]
    assert [a.kind for a in parse_messages(messages).actions] == [a.kind for a in scored.actions]


def test_limits(tokenizer):
    texts = [t for _ in range(9) for t in turns_of([(0, 0)])]
    output, _ = talk(tokenizer, texts, conversation="my_talk:TALK")
    assert [a.kind for a in output["label"].scored.actions] == ["solve", "verify", "solve", "verify", "end"]
    output, engine = talk(tokenizer, texts, conversation="my_talk:SHORT_TURNS")
    assert len(engine.asked) == 1  # a turn that was cut off is the last one
    assert output["truncated"]
    assert output["label"].scored.ended is False
    first = len(tokenizer(texts[0], add_special_tokens=False)["input_ids"])
    for room in range(first, first + 40):
        output, engine = talk(tokenizer, texts, budget=room)
        start = output["action_ranges"][0][0]
        assert len(output["observation_tokens"]) - start <= room
        assert output["observation_tokens"][-1] == tokenizer.eos_token_id or output["truncated"]
        assert output["action_ranges"][-1][1] == len(output["observation_tokens"])


def test_pag_retries_after_a_verification_without_a_verdict(tokenizer):
    texts = [f"\\boxed{{5}}{END}", f"Hm.{END}", f"\\boxed{{4}}{END}"]
    output, _ = talk(tokenizer, texts, conversation="pag", budget=1500, max_length=2000)
    assert [a.kind for a in output["label"].scored.scored] == ["solve", "verify", "solve"]
    assert output["label"].scored.rewards == (-1.0, -1.0, 1.0)


@pytest.mark.parametrize(("gold", "reward"), [("5", 1.0), ("4", -1.0)])
def test_a_verification_prompt_is_one_turn_and_earns_its_verdict(gold, reward, tokenizer):
    label = json.dumps({"gold": gold, "attempt": "2 + 2 = \\boxed{5}."})
    output, engine = talk(tokenizer, [f"Therefore, the answer is correct.{END}"], label=label, conversation="rise")
    scored = output["label"].scored
    assert (output["reward"], len(engine.asked)) == (reward, 1)
    assert scored.spans[0] == (0, 0)
    assert scored.rewards[1] == reward


def test_the_users_turn_follows_the_chat_template(tokenizer):
    whole = f"{END}\n<|im_start|>user\nGo on.{END}\n<|im_start|>assistant\n"
    assert user_turn("Go on.", tokenizer, ended=False) == whole
    assert user_turn("Go on.", tokenizer, ended=True) == whole.removeprefix(END)


def test_advantages_of_the_worked_batch_are_the_hand_computed_ones(tokenizer):
    pytest.importorskip("deepspeed")
    from test_maker import experiences, make_maker, per_sample

    options = Options(conversation="my_talk:LONG")
    maker = make_maker(options, samples_per_prompt=5)
    outputs = [talk(tokenizer, list(turns_of(plan)))[0] for plan in scripted.PLANS]
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    for output, (_, advantages, mask), expected in zip(outputs, per_sample(batches), scripted.ADVANTAGES, strict=True):
        wanted = torch.zeros_like(advantages)
        trained = torch.zeros_like(mask)
        for (first, end), value in zip(output["action_ranges"], expected, strict=True):
            wanted[first - 1 : end - 1] = value
            trained[first - 1 : end - 1] = True
        wanted[output["action_ranges"][-1][1] - 2] = 0.0  # the end token earns nothing
        torch.testing.assert_close(advantages, wanted, atol=1e-6, rtol=0)
        assert torch.equal(mask, trained)  # the user's turns are masked
    for e in batches:
        assert not (e.returns * ~e.action_mask.bool()).any()


def test_the_whole_conversation_is_one_action_at_the_outcome_level(tokenizer):
    pytest.importorskip("deepspeed")
    from test_maker import experiences, make_maker, per_sample

    options = Options(method="s2r-orl", baseline="rloo", groups="batch", loss="method", conversation="my_talk:LONG")
    maker = make_maker(options, samples_per_prompt=5)
    outputs = [talk(tokenizer, list(turns_of(plan)), method="s2r-orl")[0] for plan in scripted.PLANS]
    batches = maker.compute_advantages_and_returns(experiences(maker, outputs))
    rewards = torch.tensor([output["reward"] for output in outputs])
    for i, (_, advantages, mask) in enumerate(per_sample(batches)):
        expected = rewards[i] - (rewards.sum() - rewards[i]) / 4
        torch.testing.assert_close(advantages[mask], torch.full((int(mask.sum()),), float(expected)))
        assert not advantages[~mask].any()


def test_rollouts_on_disk_have_their_turns(tokenizer):
    pytest.importorskip("deepspeed")
    from test_maker import experiences, make_maker

    from s2r_openrlhf.trainer import to_rollout
    from s2r_rewards.rollouts.scoring import score_rollouts

    plan = scripted.PLANS[3]
    maker = make_maker(Options(conversation="my_talk:LONG"), samples_per_prompt=1)
    output, _ = talk(tokenizer, list(turns_of(plan)))
    (sample,) = experiences(maker, [output])
    sample.prompts = [scripted.PROMPT]
    rollout = to_rollout(sample, tokenizer, 1, Options())
    assert [turn["role"] for turn in rollout.turns] == ["assistant", "user"] * 5 + ["assistant"]
    assert "Check it." in rollout.turns[1]["content"]
    assert "Check it." not in rollout.response
    (scored,) = score_rollouts([rollout])
    assert list(scored.s2r.rewards) == scripted.REWARDS[3]
