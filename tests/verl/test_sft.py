"""The mask of eq. 1 on verl's multi-turn data set."""

import pytest
import torch
from omegaconf import OmegaConf
from s2r_verl_cpu.assets import RECHECK, RETRY, attempt, response, verification, write_parquet
from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

from s2r_rewards.adapter import ConfigError
from s2r_verl.sft import S2RSFTDataset

TEXT = response(("2", False), ("3", True))
QUESTION = {"role": "user", "content": "What is 1 + 2?"}


def dataset(tmp_path, tokenizer, rows, cls=S2RSFTDataset, **config):
    path = write_parquet(tmp_path / "sft.parquet", rows)
    return cls([str(path)], tokenizer, OmegaConf.create({"pad_mode": "no_padding", "max_length": 512, **config}))


def row(text=TEXT, **columns):
    return {"messages": [QUESTION, {"role": "assistant", "content": text}], **columns}


def untrained(tokenizer, tmp_path, rows, **config):
    """The text of the tokens that verl would train and this data set does not."""
    ours = dataset(tmp_path, tokenizer, rows, **config)[0]
    theirs = dataset(tmp_path, tokenizer, rows, cls=MultiTurnSFTDataset, **config)[0]
    assert torch.equal(ours["input_ids"], theirs["input_ids"])
    assert ((ours["loss_mask"] == 0) | (ours["loss_mask"] == 1)).all()
    assert (ours["loss_mask"] <= theirs["loss_mask"]).all()
    return tokenizer.decode(ours["input_ids"][(theirs["loss_mask"] - ours["loss_mask"]) == 1])


def test_the_wrong_attempt_is_masked_and_nothing_else(tokenizer, tmp_path):
    masked = untrained(tokenizer, tmp_path, [row()])
    assert masked.strip() == attempt("2")


@pytest.mark.parametrize("pad_mode", ["no_padding", "right"])
def test_both_padding_modes(tokenizer, tmp_path, pad_mode):
    assert untrained(tokenizer, tmp_path, [row()], pad_mode=pad_mode).strip() == attempt("2")


def test_one_right_attempt_is_all_trained(tokenizer, tmp_path):
    assert untrained(tokenizer, tmp_path, [row(response(("3", True)))]) == ""


def test_stored_segments_decide_over_parsing(tokenizer, tmp_path):
    second = len(attempt("2") + RECHECK + verification(False) + RETRY)
    segments = [
        {"kind": "solve", "start": 0, "end": second, "trained": True},
        {"kind": "solve", "start": second, "end": len(TEXT), "trained": False},
    ]
    assert untrained(tokenizer, tmp_path, [row(segments=segments)]) == TEXT[second:]


def test_a_cut_example_keeps_its_mask(tokenizer, tmp_path):
    masked = untrained(tokenizer, tmp_path, [row()], max_length=60, truncation="right")
    assert masked.strip() == attempt("2")


def test_missing_messages_column(tokenizer, tmp_path):
    with pytest.raises(ConfigError, match="messages"):
        dataset(tmp_path, tokenizer, [{"text": "x"}])
