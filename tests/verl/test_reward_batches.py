"""The reward manager scores what waits together, and gives what each response earns alone."""

import asyncio
import threading
import time

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_module
from s2r_verl_cpu.assets import response
from tensordict import TensorDict
from verl import DataProto

from s2r_rewards.adapter import Options, score_response
from s2r_rewards.answers import check
from s2r_verl import reward_manager
from s2r_verl.records import reward_info

PROMPT = [5, 6, 7]
ENTERED = threading.Event()


def slow_checker(gold, answer):
    """An answer that takes its time, and any other."""
    if answer == "1000":
        ENTERED.set()
        time.sleep(1.5)
    return check(gold, answer)


def manager_of(tokenizer, *overrides):
    from verl.trainer.ppo.reward import load_reward_manager

    with initialize_config_module("verl.trainer.config", version_base=None):
        config = compose(
            "ppo_trainer",
            overrides=[
                "algorithm.adv_estimator=s2r_process",
                "actor_rollout_ref.rollout.name=vllm",
                "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
                "reward.reward_manager.name=s2r",
                "trainer.v1.trainer_mode=s2r_sync",
                *overrides,
            ],
        )
    return load_reward_manager(config, tokenizer)


def row(ids, pad, width=400, gold="3", **columns):
    """As an agent loop hands one response over: padded at the left of its prompt and behind its end."""
    padding = width - len(ids)
    return DataProto(
        batch=TensorDict(
            {
                "prompts": torch.tensor([[pad, pad, *PROMPT]]),
                "responses": torch.tensor([ids + [pad] * padding]),
                "attention_mask": torch.tensor([[0, 0, 1, 1, 1] + [1] * len(ids) + [0] * padding]),
            },
            batch_size=1,
        ),
        non_tensor_batch={
            "reward_model": np.array([{"ground_truth": gold}], dtype=object),
            **{name: np.array([value], dtype=object) for name, value in columns.items()},
        },
    )


@pytest.fixture(scope="module")
def answers(tokenizer):
    """Token ids of responses: byte-level tokens that split characters, special tokens inside, cut off, empty."""
    texts = [response((str(i % 5), i % 2 == 0), ("3", True)) for i in range(60)]
    texts += [f"Größe ≈ 3 µm 🙂<|endoftext|> \\boxed{{3}} {response(('3', True))}", "", "no answer"]
    rows = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
    return [[*ids, tokenizer.eos_token_id] if i % 3 else ids for i, ids in enumerate(rows)]


def test_together_as_alone(tokenizer, answers):
    manager = manager_of(tokenizer)
    golds = ["3" if i % 7 else None for i in range(len(answers))]
    calls = []
    score = manager._score
    manager._score = lambda batch: calls.append(len(batch)) or score(batch)

    async def every():
        rows = [
            row(ids, tokenizer.pad_token_id, gold=gold, extra_info={"level": i % 3})
            for i, (ids, gold) in enumerate(zip(answers, golds, strict=True))
        ]
        return await asyncio.gather(*map(manager.run_single, rows))

    found = manager.loop.run_until_complete(every())
    assert calls == [reward_manager.BATCH] * (len(answers) // reward_manager.BATCH) + [
        rest for rest in [len(answers) % reward_manager.BATCH] if rest
    ]
    prompt = tokenizer.decode(PROMPT, skip_special_tokens=True)
    for i, (ids, gold, given) in enumerate(zip(answers, golds, found, strict=True)):
        alone = score_response(
            ids, gold, Options(), tokenizer=tokenizer, level=i % 3, prompt=prompt,
            finished=bool(ids) and ids[-1] == tokenizer.eos_token_id,
        )  # fmt: skip
        assert given == {"reward_score": alone.outcome, "reward_extra_info": reward_info(alone)}


def test_one_that_takes_its_time_holds_nobody_up(tokenizer):
    manager = manager_of(tokenizer, f"+algorithm.s2r.checker={__name__}:slow_checker")
    ids = [tokenizer.encode(response((answer, True)), add_special_tokens=False) for answer in ("1000", "3")]
    order = []

    async def one(place):
        order.append((place, await manager.run_single(row(ids[place], tokenizer.pad_token_id))))

    async def both():
        first = asyncio.create_task(one(0))
        while not ENTERED.is_set():
            await asyncio.sleep(0.01)
        await asyncio.gather(first, one(1))

    manager.loop.run_until_complete(both())
    assert [(place, info["reward_score"]) for place, info in order] == [(1, 1.0), (0, -1.0)]


def test_one_loop_after_another(tokenizer, answers):
    manager = manager_of(tokenizer)
    loops = [asyncio.new_event_loop() for _ in range(2)]
    for loop in loops:
        found = loop.run_until_complete(manager.run_single(row(answers[1], tokenizer.pad_token_id)))
        assert found["reward_score"] == 1.0
    for loop in loops:
        loop.close()
