"""The one definition of the files that trainers read. Each function turns one item into one row.

| what | verl (parquet) | OpenRLHF (JSONL) | TRL (JSONL) |
|---|---|---|---|
| SFT | `verl_sft` | `openrlhf_sft` | `trl_sft`, `trl_sft_tokens` |
| RL prompts | `verl_prompt` | `openrlhf_prompt` | `trl_prompt` |
| offline replay | `verl_replay` | `openrlhf_replay` | – |

Character offsets count from the start of the response, ``[start, end)``.
"""

import json
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from s2r_rewards.answers.gold import gold_label, gold_text
from s2r_rewards.datasets.initialization import Segment
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.rollouts import Rollout

#: What the paper asks of the model in one sentence, in our words.
SYSTEM_PROMPT = "Please reason step by step, and put your final answer within \\boxed{}."

Row = dict[str, Any]


def messages(problem: str, system: str | None = SYSTEM_PROMPT) -> list[dict[str, str]]:
    """The conversation before the response; ``system=None`` leaves the system message out."""
    head = [{"role": "system", "content": system}] if system else []
    return [*head, {"role": "user", "content": problem}]


def segment_spans(segments: Sequence[Segment]) -> list[Row]:
    """Segments as ``{"kind", "start", "end", "trained"}`` into the joined text (zero-width end left out)."""
    ends = accumulate(len(segment.text) for segment in segments)
    return [
        {"kind": s.kind, "start": end - len(s.text), "end": end, "trained": s.trained}
        for s, end in zip(segments, ends, strict=True)
        if s.text
    ]


def verl_sft(problem: Problem, segments: Sequence[Segment], system: str | None = SYSTEM_PROMPT) -> Row:
    """``messages`` ends in one assistant message; ``segments`` says which spans of it are trained."""
    text = "".join(s.text for s in segments)
    return {
        "messages": [*messages(problem.problem, system), {"role": "assistant", "content": text}],
        "segments": segment_spans(segments),
        "problem_id": problem.id,
    }


def openrlhf_sft(
    problem: Problem, segments: Sequence[Segment], system: str | None = SYSTEM_PROMPT, end_token: str = "<|im_end|>"
) -> Row:
    """For ``--data.multiturn``: role ``assistant`` is trained, role ``masked`` is not; neighbours are merged.

    The chat template must write both roles one after the other without marks between them, so the end token
    belongs to the last message here.
    """
    turns: list[dict[str, str]] = []
    for segment in segments:
        role = "assistant" if segment.trained else "masked"
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += segment.text
        elif segment.text:
            turns.append({"role": role, "content": segment.text})
    if turns and turns[-1]["role"] == "assistant":
        turns[-1]["content"] += end_token
    return {"messages": [*messages(problem.problem, system), *turns], "problem_id": problem.id}


def trl_sft(problem: Problem, segments: Sequence[Segment], system: str | None = SYSTEM_PROMPT) -> Row:
    """Prompt and completion as conversations. TRL masks whole messages: for Eq. 1 use `trl_sft_tokens`."""
    row = verl_sft(problem, segments, system)
    *prompt, completion = row.pop("messages")
    return {"prompt": prompt, "completion": [completion], **row}


def trl_sft_tokens(
    problem: Problem, segments: Sequence[Segment], tokenizer: Any, system: str | None = SYSTEM_PROMPT
) -> Row:
    """Tokenised for TRL: ``input_ids`` and the loss mask, as ``completion_mask`` and ``assistant_masks``."""
    from s2r_rewards.tokens import token_spans

    head = tokenizer.apply_chat_template(messages(problem.problem, system), add_generation_prompt=True, tokenize=False)
    prompt_ids = list(tokenizer(head, add_special_tokens=False)["input_ids"])
    ids = list(tokenizer("".join(s.text for s in segments), add_special_tokens=False)["input_ids"])
    spans = segment_spans(segments)
    found = token_spans(ids, tokenizer, [(span["start"], span["end"]) for span in spans])
    mask = [0] * len(ids)
    for span, (first, last) in zip(spans, found, strict=True):
        mask[first:last] = [int(span["trained"])] * (last - first)
    mask = [0] * len(prompt_ids) + mask + [1]
    input_ids = [*prompt_ids, *ids, tokenizer.eos_token_id]
    return {"input_ids": input_ids, "completion_mask": mask, "assistant_masks": list(mask)}


def verl_prompt(problem: Problem, index: int, system: str | None = SYSTEM_PROMPT) -> Row:
    """One RL prompt in verl's schema; ``ground_truth`` is the golden answer, with its kind where that is not mathematics."""
    about = {"problem_id": problem.id, "level": problem.level or "", "source": problem.source}
    return {
        "data_source": "s2r",
        "prompt": messages(problem.problem, system),
        "ability": "math" if problem.kind == "math" else "reasoning",
        "reward_model": {"style": "rule", "ground_truth": gold_text(problem.gold)},
        "extra_info": {"index": index, "split": "train", **about},
    }


def openrlhf_prompt(problem: Problem, system: str | None = SYSTEM_PROMPT) -> Row:
    """For ``--data.input_key input --data.label_key label --data.apply_chat_template``.

    Only the label reaches rewards and metrics: where level or kind have to be told, it is the JSON text of all of them.
    """
    label = gold_text(problem.gold)
    if problem.level:
        label = json.dumps({**gold_label(problem.gold), "level": problem.level}, ensure_ascii=False)
    row = {"input": messages(problem.problem, system), "label": label}
    return {**row, "problem_id": problem.id, "level": problem.level or ""}


def trl_prompt(problem: Problem, system: str | None = SYSTEM_PROMPT) -> Row:
    """For TRL's online trainers: extra columns reach the reward function by name."""
    row = {"prompt": messages(problem.problem, system), "gold": gold_text(problem.gold)}
    return {**row, "problem_id": problem.id, "level": problem.level or ""}


def replay_text(rollout: Rollout) -> str:
    """What replaying one scored rollout needs, as JSON text: its whole record. ValueError where it is not scored."""
    if rollout.s2r is None:
        raise ValueError(f"rollout of problem {rollout.problem_id!r} is not scored; run `s2r data offline`")
    return json.dumps(rollout.to_record(), ensure_ascii=False)


def verl_replay(rollout: Rollout, index: int, system: str | None = SYSTEM_PROMPT) -> Row:
    """One row a rollout (``rollout.n=1``); ``extra_info["replay"]`` is `replay_text`."""
    row = verl_prompt(_problem_of(rollout), index, system)
    row["extra_info"]["replay"] = replay_text(rollout)
    return row


def openrlhf_replay(rollout: Rollout, system: str | None = SYSTEM_PROMPT) -> Row:
    """One row a rollout (``n_samples_per_prompt 1``); ``label`` is `replay_text`."""
    return {**openrlhf_prompt(_problem_of(rollout), system), "label": replay_text(rollout)}


def _problem_of(rollout: Rollout) -> Problem:
    return Problem.of(rollout.problem_id, rollout.prompt, rollout.gold, rollout.level)
