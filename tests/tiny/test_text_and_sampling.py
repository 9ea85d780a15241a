"""Task, tokenizer, model and sampler: text equals tokens, and the sampler equals the plain model."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from s2r_tiny.config import Config, ConfigError, ModelConfig, override
from s2r_tiny.data import task
from s2r_tiny.data.task import END, PAD, TOKENS, decode, encode, tokenizer
from s2r_tiny.learn.model import new_model, pad, response_log_probs
from s2r_tiny.learn.sampler import Sampler
from s2r_tiny.stages.supervised import drill, solution

from s2r_rewards import Verdict, judge, parse
from s2r_rewards.tokens import decode_with_offsets


@given(st.lists(st.integers(0, len(TOKENS) - 1), max_size=60))
def test_any_tokens_survive_the_way_through_text(ids):
    assert tokenizer().encode(decode(ids)) == ids


@given(st.lists(st.integers(0, len(TOKENS) - 1), max_size=60))
def test_the_library_sees_the_same_text_and_offsets(ids):
    text, offsets = decode_with_offsets(ids, tokenizer())
    assert text == decode(ids) == tokenizer().decode(ids)
    assert offsets.tolist() == [len(decode(ids[:t])) for t in range(len(ids) + 1)]


def test_division_written_out():
    assert "".join(task.division(1673, 7)) == "1r1 6r2 7r6 3r0 "
    assert "".join(task.division(1673, 11)) == "1r1 6r5 7r2 3r1 "


def test_problems_have_one_answer_and_splits_share_no_number():
    train = task.Problems(np.random.default_rng(0)).draw(5000)
    test = task.held_out_problems(1000)
    for problem in train + test:
        assert [p for p in task.PRIMES if problem.number % p == 0] == [problem.prime]
    assert not {p.number for p in train} & {p.number for p in test}


@pytest.mark.parametrize("count", [1000, 1500])
def test_held_out_problems_are_all_different_and_every_level_has_150(count):
    problems = task.held_out_problems(count)
    assert len({p.number for p in problems}) == count
    levels = Counter(p.level for p in problems)
    assert set(levels) == {1, 2, 3, 4, 5}
    assert min(levels.values()) >= 150
    assert problems == task.held_out_problems(count)


@pytest.mark.parametrize("count", [1, 7, 20, 333])
def test_any_number_of_held_out_problems_is_that_number(count):
    assert len(set(task.held_out_problems(count))) == count


def test_more_held_out_problems_than_there_are_is_an_error():
    with pytest.raises(ValueError, match="different"):
        task.held_out_problems(5000)


def test_training_problems_repeat_only_after_all_have_come():
    hardest = [p for p in task.Problems(np.random.default_rng(0)).draw(6000) if p.prime == 17]
    pool = len(set(hardest))
    assert len(hardest) > pool > 700
    assert len(set(hardest[:pool])) == pool


@given(st.integers(task.SMALLEST, task.LARGEST), st.sampled_from(task.PRIMES))
def test_verifications_say_the_truth(number, prime):
    text = "".join((*task.attempt(prime), task.BREAK, task.RECHECK, *task.verification(number, prime)))
    judged = judge(parse(text), str(prime) if number % prime == 0 else "0")
    assert judged.trajectory.codes in ((), ("stopped_after_rejection",))
    expected = Verdict.CORRECT if number % prime == 0 else Verdict.INCORRECT
    assert judged.verified == ((number % prime == 0, expected),)


def test_base_documents_hold_no_verdict_and_drills_learn_divisions_and_new_candidates():
    problem = task.Problem(1673, 7)
    document = drill(problem, 4, np.random.default_rng(3))
    learned = [TOKENS[i] for i, m in zip(document.response, document.mask, strict=True) if m]
    proposed = [TOKENS[i] for i in document.response if TOKENS[i] in task.BOXES.values()]
    assert len(set(proposed)) == 4
    assert [t for t in learned if t in task.BOXES.values()] == proposed[1:]
    assert len(learned) == 4 * 8 + 3
    assert set(learned) - set(proposed) <= {*task.DIGITS, *task.REMAINDERS}
    text = decode(document.response + solution(problem).response)
    assert not any(word in text for word in ("Wait", "try again", "correct"))


@pytest.fixture(scope="module")
def model():
    """Random weights large enough that responses differ in length and content."""
    return new_model(ModelConfig(hidden=32, ffn=64, init=0.5), seed=24).eval()


def prompts(count):
    problems = task.Problems(np.random.default_rng(1)).draw(count)
    return [encode(p.prompt) for p in problems]


def test_greedy_sampling_equals_plain_decoding(model):
    rows = prompts(24)
    samples = Sampler(model)(rows, 30, temperature=0.0)
    assert len({len(s.ids) for s in samples}) > 4, "rows must finish at different times"
    for row, sample in zip(rows, samples, strict=True):
        ids = list(row)
        for _ in range(30):
            with torch.no_grad():
                ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
            if ids[-1] == END:
                break
        assert sample.ids == ids[len(row) :]
        assert sample.finished == (ids[-1] == END)


def test_sampled_log_probs_are_the_models(model):
    rows = prompts(40)
    samples = Sampler(model)(rows, 20, temperature=0.7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = response_log_probs(model, torch.tensor(rows), pad([s.ids for s in samples]))
    for sample, row in zip(samples, expected, strict=True):
        assert sample.log_probs == pytest.approx(row[: len(sample.ids)].tolist(), abs=2e-4)


def test_sampling_follows_the_distribution_and_the_generator(model):
    row = prompts(1)[0]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor([row])).logits[0, -1]
    count, temperature = 20000, 1.5
    draw = lambda seed: Sampler(model)(  # noqa: E731
        [row] * count, 1, temperature, torch.Generator().manual_seed(seed), batch=5000
    )
    first = draw(0)
    assert [s.ids for s in first] == [s.ids for s in draw(0)]
    observed = np.bincount([s.ids[0] for s in first], minlength=len(TOKENS)) / count
    expected = (logits / temperature).softmax(-1).numpy()
    assert np.abs(observed - expected).max() < 4.5 * 0.5 / np.sqrt(count)


def test_padding_changes_nothing(model):
    rows = prompts(2)
    short, long = encode(task.attempt(3)), encode((*task.attempt(5), task.BREAK, task.RECHECK))
    together = response_log_probs(model, torch.tensor(rows), pad([short, long]))
    alone = response_log_probs(model, torch.tensor(rows[:1]), torch.tensor([short]))
    assert torch.allclose(together[0, : len(short)], alone[0], atol=1e-5)
    assert pad([short, long])[0].tolist() == short + [PAD] * 2


@settings(max_examples=5)
@given(st.integers(0, 2**31 - 1))
def test_weights_depend_on_the_seed_and_leave_global_randomness_alone(seed):
    before = torch.random.get_rng_state()
    one, two = (new_model(ModelConfig(hidden=16, ffn=16, heads=2, kv_heads=1), seed) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("online.stepz=3", "stepz"),
        ("online=3", "section"),
        ("seed.x=3", "value"),
        ("online.steps=many", "int"),
        ("online.steps", "section.name=value"),
    ],
)
def test_wrong_settings_are_named(setting, named):
    with pytest.raises(ConfigError, match=named):
        override(Config(), [setting])


def test_settings_reach_their_place():
    config = override(Config(), ["online.steps=7", "evaluation.temperatures=0,0.5", "offline.kl=0"])
    assert (config.online.steps, config.evaluation.temperatures, config.offline.kl) == (7, (0.0, 0.5), 0.0)
