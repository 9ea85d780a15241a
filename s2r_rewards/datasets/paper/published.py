"""The authors' published data: ``S2R-data/S2R-dataset`` on the Hugging Face hub, ``data/train_data`` in their repository.

| file | holds | read by |
|---|---|---|
| ``rl_data.jsonl``, ``rl_data_qwen2.5.jsonl`` | prompts: problem, solution, answer, level | sources ``s2r-rl``, ``s2r-rl-qwen2.5-math`` |
| ``sft_qwen2.5_math_7B.json`` | a list of ``{"prompt", "answer"}``, the prompt rendered by the chat template | `trajectories` |

Their trainer finds the loss mask of a whole trajectory by its markers; their scripts can also write one row for each
trained part, with everything before it in the prompt. Both read as the same trajectory with the mask of Eq. 1.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from s2r_rewards.answers import extract_answer
from s2r_rewards.datasets.initialization import (
    INITIALIZATION_PRESETS,
    InitializationTrajectory,
    VerifiedAttempt,
    assemble,
    parses_back,
)
from s2r_rewards.datasets.loading import Located
from s2r_rewards.datasets.problems import Problem, ProblemError, text
from s2r_rewards.rollouts.records import OnError, RecordError, raise_error
from s2r_rewards.trajectory import Verdict

HUB = "S2R-data/S2R-dataset"
SFT_FILE = "sft_qwen2.5_math_7B.json"
SOURCE = "s2r-sft"

_PAPER = INITIALIZATION_PRESETS["paper"]
#: How ChatML and Llama 3 open a turn, and how they end one.
_HEADER = re.compile(r"<\|im_start\|>(\w+)\n|<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n")
_END = re.compile(r"(?:<\|im_end\|>|<\|eot_id\|>|<\|endoftext\|>|<\|end_of_text\|>)\s*\Z")
#: The joiners, each in a paragraph of its own.
_RETRY, _RECHECK = (re.compile(rf"\n\s*{re.escape(j.strip())}[ \t]*\n") for j in (_PAPER.retry, _PAPER.recheck))
_INSTRUCTION = re.compile(r"\s*Please reason step by step[^\n]*\\boxed\{\}\.?\s*(?:Problem:\s*)?", re.I)


class _Row(NamedTuple):
    problem: str
    said: str
    """What the model says, from the beginning of its turn, masked or not."""


def read_row(record: dict[str, Any]) -> _Row:
    """The problem and the response of one row. Raises ProblemError naming the field."""
    prompt, answer = text(record, "prompt"), record.get("answer")
    if not isinstance(answer, str) or not answer.strip():
        raise ProblemError("answer", f"expected the response as text, found {type(answer).__name__}")
    heads = list(_HEADER.finditer(str(record["prompt"])))
    if not heads:  # no template: the bare problem
        return _Row(_problem(prompt), _END.sub("", answer))
    turns: dict[str, str] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        content = str(record["prompt"])[head.end() : following.start() if following else None]
        turns[head[1] or head[2]] = content
    if "user" not in turns or (heads[-1][1] or heads[-1][2]) != "assistant":
        raise ProblemError("prompt", f"expected a user's turn and then the assistant's, found {', '.join(turns)}")
    return _Row(_problem(_END.sub("", turns["user"])), turns["assistant"] + _END.sub("", answer))


def _problem(asked: str) -> str:
    found = _INSTRUCTION.sub("", asked, count=1).strip()
    if not found:
        raise ProblemError("prompt", "holds no problem")
    return found


def whole_rows(rows: Iterable[_Row], counts: Counter[str]) -> Iterator[_Row]:
    """The rows without those that the next row of the same problem says and continues: parts of one trajectory."""
    before: _Row | None = None
    for row in rows:
        if before is not None:
            if before.problem == row.problem and row.said.startswith(before.said):
                counts["part of the next row"] += 1
            else:
                yield before
        before = row
    if before is not None:
        yield before


def trajectories(
    records: Iterable[Located], counts: Counter[str], on_error: OnError = raise_error
) -> Iterator[tuple[Problem, InitializationTrajectory]]:
    """The published trajectories, masked by Eq. 1: every verification, the last attempt and the end are trained.

    Args:
        counts: grows by what became no trajectory of its own, and by those that the library's own grammar would read
            otherwise (a verdict in other words, for example), which are kept.

    The file holds no golden answer: the answer of the last attempt, which is right there, stands in its place.
    """
    for row in whole_rows(_rows(records, on_error), counts):
        attempts = _attempts(row.said)
        if attempts is None:
            counts["not pairs of attempt and verification"] += 1
            continue
        answer = extract_answer(attempts[-1].text).answer
        if answer is None:
            counts["no answer in the last attempt"] += 1
            continue
        built = InitializationTrajectory(assemble(attempts, _PAPER), len(attempts), len(attempts))
        if not parses_back(built.segments):
            counts["kept, though grammar paper reads it otherwise"] += 1
        digest = hashlib.blake2b(row.problem.encode("utf-8", "replace"), digest_size=6).hexdigest()
        yield Problem(f"{SOURCE}-{digest}", row.problem, answer, source=SOURCE), built


def _rows(records: Iterable[Located], on_error: OnError) -> Iterator[_Row]:
    for where, line, record in records:
        try:
            yield read_row(record)
        except ProblemError as error:
            on_error(RecordError(where, line, error.field, error.message))


def _attempts(said: str) -> list[VerifiedAttempt] | None:
    """The attempts with their verifications; None where the joiners do not divide the text into pairs."""
    found: list[VerifiedAttempt] = []
    tries = _RETRY.split(said)
    for number, one in enumerate(tries, 1):
        parts = [part.strip() for part in _RECHECK.split(one)]
        if len(parts) != 2 or not all(parts):
            return None
        last = number == len(tries)
        found.append(VerifiedAttempt(parts[0], "", last, parts[1], Verdict.CORRECT if last else Verdict.INCORRECT))
    return found
