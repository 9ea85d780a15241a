"""``python -m s2r_openrlhf.sft``: SFT data for OpenRLHF's stock ``train_sft`` with the mask of Eq. 1.

OpenRLHF trains what has the role ``assistant`` and nothing else, so wrong attempts get the role ``masked`` and a
chat template that writes both one after the other. That template is saved with the trained model: ``restore``
puts the model's own back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import click

from s2r_rewards.datasets.formats import openrlhf_sft
from s2r_rewards.datasets.initialization import Segment
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.grammar import Grammar, get_grammar
from s2r_rewards.parsing import parse
from s2r_rewards.rollouts.records import RecordError, read_records, write_records
from s2r_rewards.tokens import decode_with_offsets, spans_from_offsets

Row = dict[str, Any]
SEGMENT_ROLES = ("masked", "assistant")

# The segments become one open assistant turn behind whatever the model's own template makes of the rest.
_BEFORE = """{%- set s2r = namespace(head=[], tail='') %}
{%- for message in messages %}
{%- if message['role'] in ['masked', 'assistant'] %}{%- set s2r.tail = s2r.tail + message['content'] %}
{%- else %}{%- set s2r.head = s2r.head + [message] %}{%- endif %}
{%- endfor %}
{%- set messages = s2r.head %}
{%- set add_generation_prompt = add_generation_prompt or s2r.tail != '' %}
"""
_AFTER = "{{ s2r.tail }}"


def segment_template(own: str) -> str:
    """The model's own chat template ``own``, taught to write ``masked`` and ``assistant`` segments in a row."""
    return _BEFORE + own.removesuffix("\n") + _AFTER


def from_trajectory(record: Mapping[str, Any], grammar: str | Grammar, system: str | None) -> Row:
    """A row of segments from one stored trajectory with ``prompt`` and ``response`` (δ of Eq. 1)."""
    from s2r_rewards.losses import trained_actions

    trajectory = parse(record["response"], grammar)
    segments = [
        Segment(action.kind, trajectory.text_of(action), trained)
        for action, trained in zip(trajectory.actions, trained_actions(trajectory), strict=True)
    ]
    problem = Problem(str(record.get("problem_id", "")), record["prompt"], str(record.get("gold", "")))
    return openrlhf_sft(problem, segments, system, end_token="")


def fit_to_tokens(row: Mapping[str, Any], tokenizer: Any, end_markers: tuple[str, ...]) -> tuple[Row, bool]:
    """(the row with its segments cut between tokens and closed by the model's end token, whether that is exact).

    OpenRLHF tokenises a segment and everything before it apart from each other. That is exact where they meet
    between two tokens of the whole; a token that straddles belongs to the segment in which it begins.
    """
    head = [m for m in row["messages"] if m["role"] not in SEGMENT_ROLES]
    turns = [dict(m) for m in row["messages"] if m["role"] in SEGMENT_ROLES]
    if not turns or turns[-1]["role"] != "assistant":
        raise ValueError("expected messages that end with the role `assistant`: the last action is trained")
    last = turns[-1]["content"].rstrip()
    for marker in end_markers:
        last = last.removesuffix(marker)
    turns[-1]["content"] = last + tokenizer.eos_token

    text = "".join(m["content"] for m in turns)
    ids = _ids(tokenizer, text)
    decoded, offsets = decode_with_offsets(ids, tokenizer)
    if decoded == text:
        bounds = pairwise(accumulate((len(turn["content"]) for turn in turns), initial=0))
        for turn, (first, end) in zip(turns, spans_from_offsets(offsets, list(bounds)), strict=True):
            turn["content"] = text[offsets[first] : offsets[end]]
    turns = [turn for turn in turns if turn["content"]]
    exact = decoded == text and ids == [i for turn in turns for i in _ids(tokenizer, turn["content"])]
    return {**row, "messages": [*head, *turns]}, exact


def _ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"])


def _load(model: str) -> Any:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    if not tokenizer.chat_template:
        raise click.ClickException(f"{model}: its tokenizer has no chat template; choose an instruct model")
    return tokenizer


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """SFT data whose wrong attempts are masked, for OpenRLHF's train_sft.

    \b
    Example:
      python -m s2r_openrlhf.sft prepare sft.jsonl -o sft.openrlhf.jsonl --model MODEL --template sft.jinja
      deepspeed --module openrlhf.cli.train_sft --data.dataset sft.openrlhf.jsonl --data.multiturn \\
          --data.input_key messages --data.apply_chat_template \\
          --data.tokenizer_chat_template "$(cat sft.jinja)" --ckpt.output_dir out …
      python -m s2r_openrlhf.sft restore out --model MODEL
    """


@main.command()
@click.argument("source", type=click.Path(exists=True, dir_okay=False))
@click.option("-o", "--output", required=True, type=click.Path(dir_okay=False), help="the rows for train_sft")
@click.option("--model", required=True, help="the model that will be trained: name or folder")
@click.option("--template", required=True, type=click.Path(dir_okay=False), help="where its chat template goes")
@click.option("--grammar", default="paper", show_default=True, help="for trajectories: how they are parsed")
@click.option("--system", default=None, help="for trajectories: a system message")
def prepare(source: str, output: str, model: str, template: str, grammar: str, system: str | None) -> None:
    """Fits rows of `s2r data` (messages), or trajectories with prompt and response, to a model's tokens."""
    tokenizer = _load(model)
    end_markers = get_grammar(grammar).end_markers
    inexact = 0

    def rows() -> Iterator[Row]:
        nonlocal inexact
        for line, record in read_records(source):
            try:
                row = record if "messages" in record else from_trajectory(record, grammar, system)
                fitted, exact = fit_to_tokens(row, tokenizer, end_markers)
            except (KeyError, ValueError) as error:
                raise RecordError(source, line, "messages", str(error)) from None
            inexact += not exact
            yield fitted

    try:
        count = write_records(output, rows())
    except RecordError as error:
        raise click.ClickException(str(error)) from None
    Path(template).write_text(segment_template(tokenizer.get_chat_template()), encoding="utf-8")
    click.echo(f"{count} rows in {output}; chat template in {template}")
    if inexact:
        click.echo(f"{inexact} rows: segments tokenise differently apart; their masks may be off by a token")


@main.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False))
@click.option("--model", required=True, help="the model that was trained: name or folder")
def restore(folder: str, model: str) -> None:
    """Gives a trained model in FOLDER the chat template of MODEL back."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = _load(model).chat_template
    tokenizer.save_pretrained(folder)
    click.echo(f"{folder}: chat template of {model}")


if __name__ == "__main__":
    main()
