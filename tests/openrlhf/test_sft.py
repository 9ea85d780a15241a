"""SFT data: masks of Eq. 1 through OpenRLHF's real SFTDataset, on several models' chat templates."""

import json
from types import SimpleNamespace

import pytest
import scripted
import tiny
from click.testing import CliRunner
from datasets import Dataset
from openrlhf.datasets import SFTDataset

from s2r_openrlhf.sft import from_trajectory, main, segment_template
from s2r_rewards.datasets.formats import openrlhf_sft
from s2r_rewards.datasets.initialization import Segment
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.losses import sft_mask
from s2r_rewards.parsing import parse
from s2r_rewards.tokens import decode_with_offsets, token_spans

# In the manner of Llama 3: takes the system message off the list, strips contents, begins with a bos token.
LLAMA_LIKE = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}
    {%- set system_message = messages[0]['content']|trim %}
    {%- set messages = messages[1:] %}
{%- else %}
    {%- set system_message = "" %}
{%- endif %}
{{- "<|im_start|>system\\n\\n" + system_message + "<|im_end|>" }}
{%- for message in messages %}
    {{- '<|im_start|>' + message['role'] + '\\n\\n' + message['content'] | trim + '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n\\n' }}
{%- endif %}
"""
# In the manner of Qwen2.5: a default system message, named in the loop by index.
QWEN_LIKE = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nBe brief.<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant") %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""
TEMPLATES = {"chatml": tiny.CHATML, "llama-like": LLAMA_LIKE, "qwen-like": QWEN_LIKE}


@pytest.fixture(params=TEMPLATES)
def model(request, tokenizer, tmp_path):
    """A model folder with its own chat template; the tokenizer in it."""
    import copy

    own = copy.deepcopy(tokenizer)
    own.chat_template = TEMPLATES[request.param]
    own.bos_token = "<|endoftext|>"
    own.save_pretrained(tmp_path / "model")
    return tmp_path / "model", own


def prepare(folder, rows, *options):
    source, output, template = folder / "in.jsonl", folder / "out.jsonl", folder / "chat.jinja"
    tiny.write_jsonl(source, rows)
    arguments = ["prepare", source, "-o", output, "--model", folder / "model", "--template", template, *options]
    result = CliRunner().invoke(main, [str(a) for a in arguments])
    return result, output, template


def openrlhf_dataset(output, template, tokenizer):
    rows = [json.loads(line)["messages"] for line in output.read_text().splitlines()]
    data = SimpleNamespace(
        input_key="messages", output_key=None, apply_chat_template=True, tokenizer_chat_template=template.read_text()
    )
    strategy = SimpleNamespace(args=SimpleNamespace(data=data))
    columns = Dataset.from_list([{"messages": messages} for messages in rows])
    return SFTDataset(columns, tokenizer, 512, strategy, num_processors=1, multiturn=True)


def test_masks_are_the_librarys_token_by_token(model, tmp_path):
    _, tokenizer = model
    own_template = tokenizer.chat_template
    rows = [{"prompt": "What is 2 + 2?", "response": scripted.response(plan)} for plan in scripted.PLANS]
    result, output, template = prepare(tmp_path, rows)
    assert result.exit_code == 0, result.output
    assert "tokenise differently" not in result.output
    head = tokenizer.apply_chat_template(
        [{"role": "user", "content": "What is 2 + 2?"}], tokenize=False, add_generation_prompt=True
    )
    prompt = tokenizer(head, add_special_tokens=False)["input_ids"]
    dataset = openrlhf_dataset(output, template, tokenizer)
    for i, plan in enumerate(scripted.PLANS):
        ids, _, loss_mask = dataset[i]
        ids = ids[0].tolist()
        assert ids[: len(prompt)] == prompt
        response = ids[len(prompt) :]
        text, _ = decode_with_offsets(response, tokenizer)
        assert text == scripted.response(plan)
        trajectory = parse(text)
        spans = token_spans(response, tokenizer, [(a.start, a.end) for a in trajectory.actions])
        expected = sft_mask(trajectory, spans, len(response))
        assert loss_mask[0, len(prompt) - 1 : -1].tolist() == expected.tolist()  # column t predicts token t + 1
        assert not loss_mask[0, : len(prompt) - 1].any()
    assert tokenizer.chat_template != own_template  # OpenRLHF leaves the training template behind


def test_segments_whose_border_lies_within_a_token_are_cut_beside_it(model, tmp_path):
    """`s2r data` begins a verification with its blank line; these tokenizers join that to the text before it.

    The token that straddles goes with the action that it opens, as everywhere in the library.
    """
    _, tokenizer = model
    problem = Problem("p", "What is 2 + 2?", "4")
    recheck = "\n\nWait, let me recheck my solution.\n\nTherefore, the answer is "
    segments = [
        Segment("solve", "2 + 2 = \\boxed{5}.", False),
        Segment("verify", recheck + "incorrect.", True),
        Segment("solve", "\n\nLet me try again.\n\n2 + 2 = \\boxed{4}.", True),
        Segment("verify", recheck + "correct.", True),
    ]
    result, output, template = prepare(tmp_path, [openrlhf_sft(problem, segments)])
    assert result.exit_code == 0, result.output
    assert "tokenise differently" not in result.output
    turns = [m for m in json.loads(output.read_text())["messages"] if m["role"] in ("masked", "assistant")]
    assert turns[0] == {"role": "masked", "content": "2 + 2 = \\boxed{5"}
    assert turns[1]["content"].startswith("}.\n\nWait, let me recheck")
    assert turns[-1]["content"].endswith("correct.<|im_end|>")
    ids, _, mask = openrlhf_dataset(output, template, tokenizer)[0]
    trained = tokenizer.decode(ids[0][1:][mask[0][:-1].bool()])
    assert trained == turns[1]["content"]


def test_a_plain_conversation_comes_out_as_before(model):
    _, tokenizer = model
    chat = [{"role": "system", "content": "Reason."}, {"role": "user", "content": "What is 2 + 2?"}]
    for generation in (False, True):
        assert tokenizer.apply_chat_template(
            chat, chat_template=segment_template(tokenizer.chat_template), tokenize=False,
            add_generation_prompt=generation,
        ) == tokenizer.apply_chat_template(chat, tokenize=False, add_generation_prompt=generation)  # fmt: skip


def test_restore_puts_the_models_own_template_back(model, tmp_path):
    folder, tokenizer = model
    own = tokenizer.chat_template
    tokenizer.chat_template = segment_template(own)
    tokenizer.save_pretrained(tmp_path / "trained")
    result = CliRunner().invoke(main, ["restore", str(tmp_path / "trained"), "--model", str(folder)])
    assert result.exit_code == 0, result.output
    from transformers import AutoTokenizer

    assert AutoTokenizer.from_pretrained(tmp_path / "trained").chat_template == own


def test_bad_rows_are_named_by_file_and_line(model, tmp_path):
    result, _, _ = prepare(tmp_path, [{"messages": [{"role": "user", "content": "hi"}]}])
    assert result.exit_code == 1
    assert "in.jsonl:1: field 'messages': expected messages that end with the role `assistant`" in result.output


def test_trajectories_become_segments():
    row = from_trajectory({"prompt": "p", "response": scripted.response([(0, 0), (1, 1)])}, "paper", None)
    assert [m["role"] for m in row["messages"]] == ["user", "masked", "assistant"]
