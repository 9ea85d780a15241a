"""Chat templates and end tokens that agree, and those that do not."""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from s2r_rewards.adapter.chat import chat_problem, lacks_template, local_chat_problem

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA = "{% for m in messages %}{{ '<|head|>' + m['role'] + '\n\n' + m['content'] | trim + '<|eot_id|>' }}{% endfor %}"
END = "{% for m in messages %}{{ m['content'] }}{% if m['role'] == 'assistant' %}{{ eos_token }}{% endif %}{% endfor %}"
NONE = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"
REFUSES = "{{ raise_exception('roles must alternate') }}"
LOUD = "{% for m in messages %}{{ m['content'] | upper + '<|im_end|>' }}{% endfor %}"


def made(end, template):
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(letters, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|head|>", "<|eot_id|>"]
    tokenizer.add_special_tokens(special)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end)
    fast.chat_template = template
    return fast


@pytest.mark.parametrize(
    ("end", "template"), [("<|im_end|>", CHATML), ("<|eot_id|>", LLAMA), ("<|endoftext|>", END)], ids=str
)
def test_those_that_agree(end, template):
    assert chat_problem(made(end, template), "m") == ""


@pytest.mark.parametrize(
    ("end", "template", "said"),
    [
        (
            "<|endoftext|>",
            CHATML,
            "ends a turn with '<|im_end|>', and its end token is '<|endoftext|>'",
        ),  # Qwen2.5 base
        ("<|endoftext|>", LLAMA, "ends a turn with '<|eot_id|>'"),
        (None, CHATML, "its end token is None"),
        ("<|im_end|>", NONE, "writes no end behind an answer"),
        ("<|im_end|>", None, "no chat template"),
        ("<|im_end|>", REFUSES, "cannot write a conversation"),
        ("<|im_end|>", LOUD, "changes what the assistant says"),
    ],
)
def test_those_that_do_not(end, template, said):
    problem = chat_problem(made(end, template), "models/mine")
    assert problem.startswith("models/mine: ")
    assert said in problem


def test_the_way_out_is_one(tmp_path):
    tokenizer = made("<|endoftext|>", CHATML)
    problem = chat_problem(tokenizer, "m")
    assert '"eos_token": "<|im_end|>" in its tokenizer_config.json' in problem
    assert f'"eos_token_id": {tokenizer.convert_tokens_to_ids("<|im_end|>")} in its generation_config.json' in problem
    tokenizer.save_pretrained(tmp_path)
    assert local_chat_problem(str(tmp_path)) == problem.replace("m: ", f"{tmp_path}: ", 1)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(path.read_text().replace('"eos_token": "<|endoftext|>"', '"eos_token": "<|im_end|>"'))
    assert local_chat_problem(str(tmp_path)) == ""


@pytest.mark.parametrize(("end", "template", "lacks"), [("<|im_end|>", CHATML, False), ("<|im_end|>", None, True)])
def test_a_missing_template_is_seen_in_the_files(tmp_path, end, template, lacks):
    made(end, template).save_pretrained(tmp_path)
    assert lacks_template(tmp_path) == lacks
    assert not lacks_template(tmp_path / "elsewhere")


def test_another_template_than_its_own():
    assert chat_problem(made("<|endoftext|>", CHATML), "m", template=END) == ""


def test_a_model_that_is_not_here_is_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert local_chat_problem("nobody/no-such-model") is None
    assert "cannot be read" in local_chat_problem(str(tmp_path))


def test_a_tokenizer_with_code_of_its_own_is_read_where_the_run_trusts_it(tmp_path, monkeypatch):
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "cache"))
    model = tmp_path / "model"
    made("<|im_end|>", CHATML).save_pretrained(model)
    (model / "mine.py").write_text(
        "from transformers import PreTrainedTokenizerFast as Mine\n\n\nclass Own(Mine):\n    pass\n"
    )
    path = model / "tokenizer_config.json"
    own = {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": [None, "mine.Own"]}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **own}))
    assert "trust_remote_code" in local_chat_problem(str(model))
    assert local_chat_problem(str(model), trust_remote_code=True) == ""
