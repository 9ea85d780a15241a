"""Models with several end tokens: every one of them ends a response."""

import json
import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")
sys.path.insert(0, str(Path(__file__).parent))
from test_chat import CHATML, made

from s2r_rewards.adapter.chat import chat_problem
from s2r_rewards.adapter.replay import in_tokens
from s2r_rewards.rollouts import Rollout
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tokens import end_tokens, ended
from s2r_rewards.tokens.ends import _of_model


@pytest.fixture(autouse=True)
def nothing_known():
    _of_model.cache_clear()


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({}, []),
        ({"generation_config.json": {"eos_token_id": [7, 8]}}, [7, 8]),
        ({"generation_config.json": {"eos_token_id": 7}}, [7]),
        ({"generation_config.json": {"eos_token_id": None}}, []),
        ({"generation_config.json": {}, "config.json": {"eos_token_id": 9}}, []),
        ({"config.json": {"eos_token_id": [9, 10]}}, [9, 10]),
        ({"generation_config.json": {"eos_token_id": ["7", 8, True]}}, [8]),
        ({"generation_config.json": [1]}, []),
        ({"generation_config.json": "{"}, []),
    ],
)
def test_what_a_model_says(files, found, tmp_path):
    for name, content in files.items():
        (tmp_path / name).write_text(content if isinstance(content, str) else json.dumps(content))
    tokenizer = made("<|im_end|>", CHATML)
    own = tokenizer.eos_token_id
    assert end_tokens(tokenizer) == {own}
    assert end_tokens(tokenizer, str(tmp_path), None, "/no/such/folder", "no model: at all") == {own, *found}
    tokenizer.name_or_path = str(tmp_path)
    assert end_tokens(tokenizer) == {own, *found}


def test_a_file_that_cannot_be_read_is_named(tmp_path, caplog):
    (tmp_path / "generation_config.json").write_text("{")
    end_tokens(made("<|im_end|>", CHATML), str(tmp_path))
    assert str(tmp_path / "generation_config.json") in caplog.text


def test_a_model_in_the_hubs_cache(tmp_path, monkeypatch):
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--some--model"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("abc")
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "snapshots" / "abc" / "generation_config.json").write_text('{"eos_token_id": [5, 6]}')
    assert end_tokens(None, "some/model") == {5, 6}
    assert end_tokens(None, "some/other") == frozenset()


@pytest.mark.parametrize(("ids", "is_it"), [([], False), ([5], True), ([5, 1], False), ([1, 6], True)])
def test_a_response_ends_with_any_of_them(ids, is_it):
    assert ended(ids, frozenset({5, 6})) is is_it


@pytest.fixture
def two_ends(tmp_path):
    """A tokenizer whose end token is one of two that its model stops at."""
    tokenizer = made("<|endoftext|>", CHATML)
    ids = [tokenizer.convert_tokens_to_ids(end) for end in ("<|im_end|>", "<|endoftext|>")]
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": ids}))
    tokenizer.name_or_path = str(tmp_path)
    return tokenizer


def test_a_template_may_end_a_turn_with_any_of_them(two_ends):
    assert chat_problem(two_ends, "m") == ""


@pytest.mark.parametrize("end", ["<|im_end|>", "<|endoftext|>"])
def test_a_stored_response_keeps_its_own_end(two_ends, end):
    text = "The answer is \\boxed{3}."
    stored = [*two_ends.encode(text), two_ends.convert_tokens_to_ids(end)]
    rollout = Rollout("1", "?", text, "3", token_ids=tuple(stored), finished=True, s2r=ScoredRollout((), 1.0))
    assert in_tokens(rollout, two_ends)[0] == stored
