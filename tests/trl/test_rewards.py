"""TRL's calling convention: keyword arguments, text or messages, None for what cannot be graded."""

import inspect

import pytest

from s2r_rewards.adapter import Options
from s2r_rewards.testing import SHELF, solve
from s2r_trl import S2RReward, action_reward, outcome_reward, require_gradable, verification_reward

TEXTS = [case.text for case in SHELF]
GOLDS = [case.gold for case in SHELF]


def test_outcomes_of_the_shelf():
    rewards = outcome_reward(prompts=["2 + 3?"] * len(TEXTS), completions=TEXTS, gold=GOLDS, trainer_state=None)
    assert rewards == [case.outcome for case in SHELF]


def test_messages_and_other_column_names():
    messages = [[{"role": "assistant", "content": text}] for text in TEXTS]
    boxed = [f"So it is \\boxed{{{gold}}}." for gold in GOLDS]
    assert outcome_reward(completions=messages, solution=boxed) == [case.outcome for case in SHELF]
    named = S2RReward(gold_column="target")
    assert named(completions=messages, target=GOLDS, answer=["0"] * len(GOLDS)) == [case.outcome for case in SHELF]


GSM8K = "She has 3 + 2 eggs.\n#### 5"


@pytest.mark.parametrize(
    "columns",
    [
        {"answer": [GSM8K]},
        {"answer": ["5"], "solution": ["Adding 2 and 3 gives 5."]},
        {"solution": ["Adding 2 and 3, the answer is 5."]},
        {"gold": [["4", GSM8K]], "answer": ["6"]},
        {"answer": [{"value": None, "answer": "5"}]},
    ],
)
def test_golden_answers_as_data_sets_have_them(columns):
    assert outcome_reward(completions=[solve("5").text()], **columns) == [1.0]
    assert outcome_reward(completions=[solve("6").text()], **columns) == [-1.0]


def test_only_what_the_model_wrote_is_read():
    """A tool's or user's message earns nothing, whatever is boxed in it."""
    five, parts = "So \\boxed{5}.", [{"type": "text", "text": "So \\boxed{5}."}]
    call = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "add"}}]}
    for role in ("tool", "user", "system", "function"):
        completion = [call, {"role": role, "content": five}, {"role": "assistant", "content": "I do not know."}]
        assert outcome_reward(completions=[completion], gold=["5"]) == [-1.0]
    assert outcome_reward(completions=[[call, {"role": "assistant", "content": parts}]], gold=["5"]) == [1.0]


def test_a_dataset_that_cannot_be_graded_is_told_by_its_rows():
    rows = [{"prompt": "2 + 3?", "answer": gold} for gold in (GSM8K, "", 5, "We add and get 5.")]
    with pytest.raises(ValueError, match=r"column answer: 2 of 4 golden answers cannot be graded \(rows 2, 4\)"):
        require_gradable(rows)
    require_gradable(rows[:1])
    require_gradable([])
    with pytest.raises(ValueError, match="expected a column named 'target'"):
        require_gradable(rows, "target")


def test_means_over_actions():
    script = solve("4").verify("incorrect").solve("5").verify("incorrect")
    columns = {"completions": [script.text()], "gold": ["5"]}
    assert action_reward(**columns) == [pytest.approx((-1 + 1 + 1 - 1) / 4)]
    assert verification_reward(**columns) == [pytest.approx(0.0)]
    assert verification_reward(completions=[solve("5").text()], gold=["5"]) == [None]


def test_ungradable_is_none_not_zero():
    assert outcome_reward(completions=[solve("5").text()] * 2, gold=["", "5"]) == [None, 1.0]


def test_nothing_in_a_batch_raises(caplog):
    """A completion that is no text, golds of every shape: the others are graded all the same."""
    five = solve("5").text()
    completions = [None, 5, five, five, five, five, [{"role": "assistant", "content": None}]]
    golds = ["5", "5", ["4", "5.0"], 5, None, {"a": 1}, "5"]
    for reward in (outcome_reward, action_reward):
        assert reward(completions=completions, gold=golds)[2:6] == [1.0, 1.0, None, None]
    assert outcome_reward(completions=completions, gold=golds) == [None, None, 1.0, 1.0, None, None, -1.0]
    assert verification_reward(completions=completions, gold=golds) == [None] * 7
    assert outcome_reward(completions=[five, five], gold=[["4", "\\boxed{5}"], 4]) == [1.0, -1.0]


def test_options_are_those_of_every_trainer():
    cut_off = solve("5").verify("correct").text()
    released = S2RReward("action", Options("released-prl"))
    assert released(completions=[cut_off], gold=["5"]) == [1.0]
    tagged = "<attempt>\\boxed{4}</attempt>"
    assert S2RReward(grammar="tags").options == Options(grammar="tags")
    assert S2RReward("outcome", Options(grammar="tags"))(completions=[tagged], gold=["4"]) == [1.0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (Options(baseline="rloo"), "baseline is 'rloo'; TRL's trainers make their own advantages"),
        (Options(beta=0.1), "beta is 0.1"),
        (Options("s2r-plr"), "unknown method 's2r-plr'"),
        (Options(checker="nowhere:check"), "cannot import 'nowhere'"),
    ],
)
def test_options_that_cannot_work_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        S2RReward("outcome", options)


def test_missing_column_is_named():
    with pytest.raises(
        ValueError, match=r"expected a column named 'gold' or 'solution' or 'answer', found \['level'\]"
    ):
        outcome_reward(completions=["x"], level=[1])
    with pytest.raises(ValueError, match="1 golden answers for 2 completions"):
        outcome_reward(completions=["x", "y"], gold=["1"])


def test_metrics_reach_trls_logger():
    logged = {}
    outcome_reward(completions=TEXTS, gold=GOLDS, log_metric=logged.__setitem__)
    assert logged["s2r/outcome/accuracy"] == pytest.approx(sum(case.outcome > 0 for case in SHELF) / len(SHELF))


def test_names_under_which_trl_logs():
    assert [f.__name__ for f in (outcome_reward, action_reward, verification_reward)] == [
        "s2r_outcome_reward",
        "s2r_action_reward",
        "s2r_verification_reward",
    ]


@pytest.mark.parametrize("algorithm", ["GRPO", "RLOO"])
def test_a_step_with_the_real_trainer(algorithm, tmp_path):
    """One optimiser step on a model of random weights, with two rewards attached."""
    trl = pytest.importorskip("trl", reason="needs TRL: pip install trl")
    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

    config, make_trainer = getattr(trl, f"{algorithm}Config"), getattr(trl, f"{algorithm}Trainer")

    words = ["<pad>", "<eos>", "<unk>", "what", "is", "2", "+", "3", "5", "\\boxed{5}", "\\boxed{4}"]
    backend = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", padding_side="left"
    )
    model = Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(words),
            hidden_size=32,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            eos_token_id=1,
            pad_token_id=0,
        )
    )
    wanted = {
        "output_dir": str(tmp_path), "per_device_train_batch_size": 4, "num_generations": 4, "max_completion_length": 8,
        "max_steps": 1, "logging_steps": 1, "report_to": [], "use_cpu": True, "bf16": False, "save_strategy": "no", "beta": 0.0,
    }  # fmt: skip
    known = inspect.signature(config).parameters
    trainer = make_trainer(
        model=model,
        reward_funcs=[outcome_reward, S2RReward("action")],
        args=config(**{name: value for name, value in wanted.items() if name in known}),
        train_dataset=Dataset.from_list([{"prompt": "what is 2 + 3", "gold": "5"}] * 4),
        processing_class=tokenizer,
    )
    trainer.train()
    logged = {name: value for entry in trainer.state.log_history for name, value in entry.items()}
    assert -1 <= logged["rewards/s2r_outcome_reward/mean"] <= 1
    assert -1 <= logged["rewards/s2r_action_reward/mean"] <= 1
