"""Evaluation over outcomes: OpenRLHF's own figures become accuracies, and every metric stands beside them."""

from types import SimpleNamespace

import pytest
import scripted
import torch
from openrlhf.trainer.ppo_trainer import compute_eval_metrics
from openrlhf.trainer.ppo_utils.samples_generator import SamplesGenerator
from openrlhf.utils.agent import SingleTurnAgentExecutor

from s2r_openrlhf import REWARD_FILE
from s2r_openrlhf.agent import AgentExecutor
from s2r_openrlhf.rollouts.evaluation import Evaluation, sample_metrics
from s2r_openrlhf.trainer import s2r_generator
from s2r_rewards.adapter import FAILED_METRIC
from s2r_rewards.metrics import METRIC_NAMES

PLANS = [[(1, 1)], [(0, 0), (1, 1)], [(0, 1)], [(1, 0), (0, 0), (0, 1)]]  # right, mended, wrong, spoilt


def samples(tokenizer, plans, executor=AgentExecutor, label=scripted.GOLD, **about):
    """As OpenRLHF's sample generator makes them of what an executor returns."""
    texts = [scripted.response(plan) for plan in plans]
    outputs = scripted.execute(executor(), tokenizer, texts, label=label)
    make = SamplesGenerator.__new__(SamplesGenerator)._process_response_into_experience
    found = [make(output, max_len=512) for output in outputs]
    for sample in found:
        sample.prompts = [about.get("prompt", "p")]
    return found


def evaluated(made, dataloader=(((), (), (), ()),)):
    generator = SimpleNamespace(generate_eval_samples=lambda **_: made)
    evaluation = Evaluation(generator)
    assert generator.generate_eval_samples(temperature=0.6) == made
    return evaluation, compute_eval_metrics(dataloader, made, 2)


@pytest.mark.parametrize("executor", [AgentExecutor, lambda: SingleTurnAgentExecutor(str(REWARD_FILE))],
                         ids=["executor", "reward file"])  # fmt: skip
def test_half_right_is_one_half_and_not_zero(executor, tokenizer):
    """Before, pass@1 was the mean of ±1: 0 for half right, −1 for all wrong."""
    evaluation, logs = evaluated(samples(tokenizer, PLANS, executor))
    assert logs["eval_unknown_pass1"] == pytest.approx(0.5)
    assert logs["eval_unknown_pass2"] == pytest.approx(0.5)  # two prompts of two: both right, both wrong
    metrics = evaluation.metrics([])
    assert set(metrics) == {*METRIC_NAMES, FAILED_METRIC}
    assert metrics["s2r/outcome/accuracy"] == 0.5
    assert metrics["s2r/correct/i2c"] == pytest.approx(1 / 2)
    assert metrics[FAILED_METRIC] == 0.0


def test_all_wrong_is_zero(tokenizer):
    _, logs = evaluated(samples(tokenizer, [[(0, 1)]] * 2))
    assert (logs["eval_unknown_pass1"], logs["eval_unknown_pass2"]) == (0.0, 0.0)


def test_levels_and_data_sources(tokenizer):
    easy = samples(tokenizer, PLANS[:2], label={"gold": scripted.GOLD, "level": 1}, prompt="e")
    hard = samples(tokenizer, PLANS[2:], label={"gold": scripted.GOLD, "level": 5}, prompt="h")
    dataloader = [(["math"], ["e"], [""], [None]), (["aime"], ["h"], [""], [None])]
    evaluation, logs = evaluated([*easy, *hard], dataloader)
    metrics = evaluation.metrics(dataloader)
    assert (logs["eval_math_pass1"], logs["eval_aime_pass1"]) == (1.0, 0.0)
    assert metrics["eval_math_s2r/outcome/accuracy"] == 1.0
    assert metrics["eval_aime_s2r/outcome/accuracy"] == 0.0
    assert metrics["s2r/level/1/outcome/accuracy"] == 1.0
    assert metrics["s2r/level/5/outcome/accuracy"] == 0.0


def test_samples_of_other_executors_keep_their_rewards(tokenizer):
    made = samples(tokenizer, PLANS)
    for sample in made:
        sample.labels, sample.scores, sample.rewards = ["4"], None, torch.tensor([0.25])
    _, logs = evaluated(made)
    assert logs["eval_unknown_pass1"] == pytest.approx(0.25)
    assert sample_metrics(made) == {}


def test_asynchronous_runs_evaluate_where_they_generate(tokenizer):
    made = samples(tokenizer, PLANS)

    class Base:
        def __init__(self):
            self.samples_generator = SimpleNamespace(generate_eval_samples=lambda **_: made)
            self.eval_dataloader = []

        def _run_eval(self):
            return compute_eval_metrics(self.eval_dataloader, self.samples_generator.generate_eval_samples(), 2)

    actor = s2r_generator(SimpleNamespace(__ray_metadata__=SimpleNamespace(modified_class=Base)))()
    logs = actor._run_eval()
    assert logs["eval_unknown_pass1"] == logs["s2r/outcome/accuracy"] == 0.5


def test_filters_see_an_outcome(tokenizer):
    """OpenRLHF's dynamic filtering takes the mean of scores, which has to lie strictly between 0 and 1."""
    scores = [sample.scores[0].item() for sample in samples(tokenizer, PLANS)]
    assert scores == [1.0, 1.0, 0.0, 0.0]
