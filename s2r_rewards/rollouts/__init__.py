"""Rollouts on disk: one JSON object a line. The format that every tool here reads and writes."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from s2r_rewards.answers.gold import KINDS, Gold, TypedGold, gold_label, gold_of_fields, gold_text
from s2r_rewards.answers.labels import GOLD_FIELDS, LabelError, gold_of
from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.rollouts import records
from s2r_rewards.rollouts.records import FIELD_NAMES, OnError, RecordError, raise_error
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.turns import chat

_GOLD_NAMES = next(names for names in FIELD_NAMES if names[0] == "gold")
#: What each field holds, and the complaint where it holds something else.
_TEXT = "found {kind}; expected text"
_EXPECTED: dict[str, tuple[Callable[[Any], bool], str]] = {
    "prompt": (lambda x: isinstance(x, str), _TEXT),
    "response": (lambda x: isinstance(x, str), _TEXT),
    "gold": (lambda x: isinstance(x, str) or (bool(x) and _list_of(str, x)), f"{_TEXT}, or a list of texts"),
    "accuracy": (
        lambda x: x is None or (isinstance(x, (int, float)) and not isinstance(x, bool) and 0 <= x <= 1),
        "found {value!r}; expected a number in [0, 1]",
    ),
    "token_ids": (lambda x: x is None or _list_of(int, x), "expected a list of integers"),
    "finished": (lambda x: x is None or isinstance(x, bool), "found {value!r}; expected true, false or nothing"),
    "level": (lambda x: x is None or isinstance(x, str) or _is_number(x), "found {kind}; expected text or a number"),
    "step": (lambda x: x is None or (_is_number(x) and x == int(x)), "found {kind}; expected a whole number"),
}


def _is_number(value: Any) -> bool:
    """One that 64 bits hold: a longer one can be neither drawn nor written as parquet."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -(2**63) <= value < 2**63


def _list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(type(item) is kind for item in value)


@dataclass(frozen=True, slots=True)
class Rollout:
    """One response to one prompt, with what is needed to judge it."""

    problem_id: str
    prompt: str
    response: str
    gold: Gold
    """The golden answer, or all the answers that are accepted; with its kind (field ``kind`` of the file) where that is
    not mathematics."""
    level: str | int | None = None
    step: int | None = None
    accuracy: float | None = None
    """The accuracy of the prompt over its rollouts, in [0, 1]."""
    token_ids: tuple[int, ...] | None = None
    """The response's token ids, [T]."""
    finished: bool | None = None
    """True: ended by itself; False: cut off by length; None: not known."""
    s2r: ScoredRollout | None = None
    """What :func:`s2r_rewards.rollouts.scoring.score_rollouts` adds."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fields that this library does not know; they are kept."""

    @property
    def turns(self) -> list[dict[str, str]] | None:
        """The turns of a conversation in which the user asks for verifications or attempts; None: it is one turn."""
        turns = self.extra.get("turns")
        if not chat.is_messages(turns) or chat.response_text(turns) != self.response:
            return None
        return list(turns)  # type: ignore[arg-type]

    @property
    def judged(self) -> JudgedTrajectory:
        """The judged trajectory of a scored rollout; ValueError where it is not scored."""
        if self.s2r is None:
            raise ValueError(f"rollout of problem {self.problem_id!r} is not scored; run `s2r score` on the file")
        return self.s2r.judged(self.response, self.gold)

    def to_record(self) -> dict[str, Any]:
        """The JSON object, without fields that hold nothing."""
        record = {name: getattr(self, name) for name in _KNOWN if getattr(self, name) is not None}
        # A field of the file's own named `kind` is no kind of answer.
        record |= {"gold": gold_text(self.gold)} if "kind" in self.extra else gold_label(self.gold)
        for name in ("token_ids", "gold"):
            if isinstance(record.get(name), tuple):
                record[name] = list(record[name])
        if self.s2r is not None:
            record["s2r"] = self.s2r.to_record()
        return {**record, **self.extra}

    @classmethod
    def from_record(cls, record: Mapping[str, Any], path: str = "<record>", line: int = 0) -> "Rollout":
        """Raises RecordError naming the field that is missing or of the wrong type."""
        for name, (fits, complaint) in _EXPECTED.items():
            value = record.get(name)
            if not fits(value):
                kind = "nothing" if value is None else type(value).__name__
                raise RecordError(path, line, name, complaint.format(kind=kind, value=value))
        known: dict[str, Any] = {name: record.get(name) for name in _KNOWN}
        for name in ("token_ids", "gold"):
            if isinstance(known[name], list):
                known[name] = tuple(known[name])
        for name in ("level", "step"):  # pandas makes 3.0 of a 3 in a column that has gaps
            if isinstance(known[name], float) and known[name].is_integer():
                known[name] = int(known[name])
        rest = {name: value for name, value in record.items() if name not in _KNOWN}
        ours = rest.get("kind") in KINDS[1:]  # else it is something of the file's own
        known["gold"] = gold_of_fields(known["gold"], rest.pop("kind") if ours else None)
        known["problem_id"] = f"line-{line}" if known["problem_id"] is None else str(known["problem_id"])
        known["s2r"] = _scored(known["s2r"], path, line)
        return cls(**known, extra=rest)


_KNOWN = [one.name for one in fields(Rollout) if one.name != "extra"]


def _scored(value: Any, path: str, line: int) -> ScoredRollout | None:
    """Parquet holds the nested record as JSON text, since its shape varies from row to row."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
        return ScoredRollout.from_record(found) if found else None
    except ValueError as error:
        raise RecordError(path, line, "s2r", str(error)) from error


def read_rollouts(
    path: str | os.PathLike[str], on_error: OnError = raise_error, fields: Mapping[str, str] | None = None
) -> Iterator[Rollout]:
    """Streams the rollouts of a JSONL or parquet file, under our field names or those of `records.FIELD_NAMES`.

    Args:
        on_error: called with a :class:`RecordError` for each bad record; unless it raises, reading goes on.
        fields: our name → the file's, e.g. ``{"response": "reply"}``.

    Raises:
        RecordError: names file, line and field (with the default ``on_error``).
    """
    for _, rollout in to_rollouts(records.read_records(path, on_error), path, on_error, fields):
        yield rollout


def to_rollouts(
    numbered: Iterable[tuple[int, Mapping[str, Any]]],
    path: str | os.PathLike[str],
    on_error: OnError = raise_error,
    fields: Mapping[str, str] | None = None,
) -> Iterator[tuple[int, Rollout]]:
    """(line, rollout) for each (line, record) of a file that can be one; arguments as in :func:`read_rollouts`."""
    for line, record in numbered:
        try:
            yield line, Rollout.from_record(_in_our_words(record, fields), str(path), line)
        except RecordError as error:
            on_error(error)


def _in_our_words(record: Mapping[str, Any], fields: Mapping[str, str] | None) -> dict[str, Any]:
    known = records.with_fields(record, ("prompt", "response", "gold", "problem_id", "step"), fields)
    _read_messages(known)
    _read_thinking(known)
    _read_gold(known)
    if known.get("problem_id") is None and isinstance(prompt := known.get("prompt"), str):
        # Samples of one prompt belong together even where the file does not number its problems.
        known["problem_id"] = "p" + hashlib.sha256(prompt.encode("utf-8", "replace")).hexdigest()[:8]
    return known


def _read_messages(known: dict[str, Any]) -> None:
    """Texts in the place of messages; what the file had of them is kept as ``messages`` and ``turns``."""
    if chat.is_messages(known.get("prompt")):
        known.setdefault("messages", known["prompt"])
        known["prompt"] = chat.prompt_text(known["prompt"])
    if known.get("response") is None and chat.is_messages(known.get("messages")):  # a whole conversation
        said = list(known["messages"])
        first = next((i for i, m in enumerate(said) if m["role"] == "assistant"), len(said))
        if said[first:]:
            known["prompt"] = known.get("prompt") or chat.prompt_text(said[:first])
            known["response"] = said[first:]
    if chat.is_messages(known.get("response")):
        turns = chat.as_turns(known["response"])
        if turns is not None:  # the user asks in between
            known["turns"] = turns
        known["response"] = chat.response_text(known["response"])


def _read_thinking(known: dict[str, Any]) -> None:
    """Thinking of its own in front of the response; the text of a scored rollout has it already."""
    response, has_it = known.get("response"), isinstance(known.get("s2r"), (str, Mapping))
    if not has_it and isinstance(response, (str, type(None))) and "<think>" not in (response or ""):
        known["response"] = chat.with_thinking(response, chat.thinking_of(known))


def _read_gold(known: dict[str, Any]) -> None:
    nested = known.get("reward_model")  # verl's data sets
    if known.get("gold") is None and isinstance(nested, Mapping) and "ground_truth" in nested:
        known["gold"] = nested["ground_truth"]
    gold = known.get("gold")
    if gold is None and not known.keys().isdisjoint(_GOLD_NAMES):
        known["gold"] = ""  # verl writes null where a row has no ground truth: ungradable, not unreadable
    elif isinstance(gold, (int, float)):
        known["gold"] = str(gold)
    elif isinstance(gold, Mapping) and not gold.keys().isdisjoint(GOLD_FIELDS):  # a label that says its kind, a level
        known["gold"] = _answer_of(dict(gold), known.get("kind"))
    elif isinstance(gold, str) and known.get("kind") not in KINDS[1:] and (answer := _answer_of(gold)) != gold:
        if not gold.lstrip().startswith("{"):
            known.setdefault("solution", gold)
        known["gold"] = answer


def gold_of_record(record: Mapping[str, Any]) -> Gold:
    """The golden answer of a record in any of the shapes that :func:`read_rollouts` takes: text, a worked solution, a
    number, several accepted answers, an object with ``gold`` and perhaps ``kind``. ValueError: none of them."""
    known = dict(record)
    _read_gold(known)
    gold: Any = known.get("gold")
    fits, complaint = _EXPECTED["gold"]
    if not fits(gold):
        kind = "nothing" if gold is None else type(gold).__name__
        raise ValueError(f"field 'gold': {complaint.format(kind=kind)}")
    return gold_of_fields(tuple(gold) if isinstance(gold, list) else gold, known.get("kind"))


def _answer_of(label: str | dict[str, Any], kind: Any = None) -> str | list[str]:
    """The golden answer of a worked solution, a list written as text or an object, as trainers read it; with the kind
    that a label names, its text; "", ungradable: none."""
    try:
        read = gold_of(label, kind if kind in KINDS else "math") if label else ""
    except LabelError:
        return ""
    return gold_text(read) if isinstance(read, str | TypedGold) else list(read)


def write_rollouts(path: str | os.PathLike[str], rollouts: Iterable[Rollout]) -> int:
    """Writes JSONL or parquet, whole or not at all; returns the number of rollouts."""
    return records.write_records(path, (to_file_record(rollout, path) for rollout in rollouts))


def to_file_record(rollout: Rollout, path: str | os.PathLike[str]) -> dict[str, Any]:
    """As JSON; in parquet the nested ``s2r`` record becomes a JSON text."""
    record = rollout.to_record()
    if str(path).endswith(".parquet") and "s2r" in record:
        record["s2r"] = json.dumps(record["s2r"])
    return record


class RolloutWriter:
    """Appends rollouts to a JSONL file as they come, each line whole; use as a context manager.

    With ``append``, a torn last line (from a killed run) is cut off first, so that nothing is half-written.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        self.path = Path(path)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if append and self.path.exists():
            records.cut_torn_line(self.path)
        self._file = records.open_text(self.path, "a" if append else "w")

    def write(self, rollout: Rollout) -> None:
        self._file.write(records.to_json(rollout.to_record()) + "\n")

    def __enter__(self) -> "RolloutWriter":
        return self

    def __exit__(self, *exception: object) -> None:
        self._file.close()
