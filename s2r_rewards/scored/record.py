"""The one record of a scored response: what was found, what it earned, where it stands.

It lies under ``s2r`` in stored rollouts, and travels from the worker that judges a response to the trainer that
knows its group.  Nothing else reads or writes that field.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any

from s2r_rewards.answers.result import CheckResult
from s2r_rewards.judging import Gold, JudgedTrajectory
from s2r_rewards.scored import wire
from s2r_rewards.scored.action import ScoredAction, fresh_action, from_field, from_wire, to_field
from s2r_rewards.trajectory import Action, Deviation, Span, Trajectory, Verdict

VERSION = 2
#: Version 1 named presets; their methods of today.
_PRESETS = {"paper": "s2r-prl", "released": "released-prl"}


@dataclass(frozen=True, slots=True)
class ScoredRollout:
    """A scored response. Its numbers are those of the method that it names."""

    actions: tuple[ScoredAction, ...]
    outcome: float
    """R_o, the reward of the whole response."""
    ended: bool | None = None
    deviations: tuple[Deviation, ...] = ()
    grammar: str = "paper"
    method: str = "s2r-prl"
    checker: str = ""
    truncated: bool = False
    """Cut behind an action by the offline filter."""
    failure: str | None = None
    """Why the response could not be scored properly, if so; then it is one wrong, ungradable attempt."""
    left_out: bool = False
    """Whether it takes no part in training: neither in a baseline nor in the loss. Its rewards then mean nothing."""
    level: str | None = None
    """The difficulty level of its problem, where the record travels without it."""
    outcome_baseline: float | None = None
    outcome_advantage: float | None = None
    uncertainties: tuple[Deviation, ...] = ()
    """Near misses and guesses of the parser (``trajectory.UNCERTAINTIES``); they stay in files, and do not travel."""
    signs: tuple[tuple[int, int], ...] | None = None
    """What it adds to each alarm (:func:`s2r_rewards.alarms.count_signs`), where it travels without its text."""

    @classmethod
    def of(
        cls,
        judged: JudgedTrajectory,
        rewards: Sequence[float],
        outcome: float,
        method: str = "s2r-prl",
        checker: str = "",
        tokens: Sequence[Span] | None = None,
    ) -> ScoredRollout:
        """The record of a judged trajectory.

        Args:
            rewards: one per attempt and verification.
            tokens: the token span of every action (that of ``end`` may be missing).

        Raises:
            ValueError: not one reward per scored action.
        """
        trajectory = judged.trajectory
        count = len(trajectory.scored)
        if len(rewards) != count:
            raise ValueError(f"{len(rewards)} rewards for {count} scored actions; expected one each")
        checks = iter(judged.checks)
        earned = chain(rewards, repeat(None))  # ``end`` comes last
        places = chain(tokens or (), repeat(None))
        actions = []
        for a, reward, place in zip(trajectory.actions, earned, places, strict=False):
            check = next(checks) if a.kind == "solve" else None
            actions.append(fresh_action(a.kind, a.start, a.end, a.answer, check, a.verdict, reward, place))
        return cls(
            tuple(actions), outcome, trajectory.ended, trajectory.deviations, trajectory.grammar, method, checker,
            uncertainties=trajectory.uncertainties,
        )  # fmt: skip

    @property
    def scored(self) -> tuple[ScoredAction, ...]:
        """The attempts and verifications, without ``end``."""
        return tuple([a for a in self.actions if a.kind != "end"])

    @property
    def rewards(self) -> tuple[float, ...]:
        """One per attempt and verification."""
        return tuple([a.reward or 0.0 for a in self.actions if a.kind != "end"])

    @property
    def spans(self) -> tuple[Span, ...]:
        """The token spans of the actions, ``end`` last where it has one; empty where tokens are not known."""
        return tuple([a.tokens for a in self.actions if a.tokens is not None])

    def objective_spans(self, count_end: bool = True) -> tuple[Span, ...]:
        """The token spans of the |y|_a actions of Eq. 6; ``count_end`` as in :class:`s2r_rewards.methods.Method`.

        None where the response is left out of training: then none of its tokens belongs to an action.
        """
        if self.left_out:
            return ()
        return tuple([a.tokens for a in self.actions if a.tokens is not None and (count_end or a.kind != "end")])

    @property
    def checks(self) -> tuple[CheckResult, ...]:
        """V_golden's results, one an attempt."""
        return tuple([a.check for a in self.actions if a.check is not None])

    @property
    def correct(self) -> tuple[bool, ...]:
        """Per attempt, whether it is right."""
        return tuple(bool(check) for check in self.checks)

    @property
    def verdicts(self) -> tuple[Verdict | None, ...]:
        """Per verification, its verdict."""
        return tuple([a.verdict for a in self.actions if a.kind == "verify"])

    @property
    def codes(self) -> tuple[str, ...]:
        """The deviation codes, in order of appearance."""
        return tuple([d.code for d in self.deviations])

    @property
    def malformed(self) -> bool:
        """Whether the response deviates from the protocol in any way."""
        return bool(self.deviations)

    def with_advantages(
        self,
        baselines: Sequence[float],
        advantages: Sequence[float],
        outcome_baseline: float | None = None,
        outcome_advantage: float | None = None,
    ) -> ScoredRollout:
        """With one baseline and one advantage per scored action."""
        values = iter(zip(baselines, advantages, strict=True))
        # Written out, since dataclasses.replace is slower and there are many actions.
        actions = [
            ScoredAction(a.kind, a.start, a.end, a.answer, a.check, a.verdict, a.reward, *next(values), a.tokens)
            if a.kind != "end"
            else a
            for a in self.actions
        ]
        return replace(
            self, actions=tuple(actions), outcome_baseline=outcome_baseline, outcome_advantage=outcome_advantage
        )

    def without_advantages(self) -> ScoredRollout:
        """As before it met its group."""
        actions = tuple(replace(a, baseline=None, advantage=None) for a in self.actions)
        return replace(self, actions=actions, outcome_baseline=None, outcome_advantage=None)

    def as_one_action(self, tokens: int) -> ScoredRollout:
        """The outcome level: the response of so many tokens is one action, also where it has no attempt."""
        check = self.checks[-1] if self.checks else None
        numbers = (self.outcome, self.outcome_baseline, self.outcome_advantage)
        whole = ScoredAction("solve", 0, 0, None, check, None, *numbers, tokens=(0, tokens))
        return replace(self, actions=(whole,))

    def judged(self, text: str, gold: Gold) -> JudgedTrajectory:
        """The judged trajectory of the response ``text``; nothing is parsed or checked again."""
        actions = tuple(Action(a.kind, a.start, a.end, a.answer, a.verdict) for a in self.actions)
        if self.ended and not any(a.kind == "end" for a in actions):
            actions = (*actions, Action("end", len(text), len(text)))
        trajectory = Trajectory(text, actions, self.deviations, self.ended, self.grammar, self.uncertainties)
        return JudgedTrajectory(trajectory, gold, self.checks)

    def to_record(self, brief: bool = False) -> dict[str, Any]:
        """The JSON object of the ``s2r`` field; ``brief``: what :meth:`dumps` keeps of it."""
        rewards = self.rewards
        record: dict[str, Any] = {
            "version": VERSION,
            "grammar": self.grammar,
            "method": self.method,
            "checker": self.checker,
            "ended": self.ended,
            "outcome": self.outcome,
            "deviations": list(self.codes),
            "deviation_spans": [[d.action, d.start, d.end] for d in self.deviations],
            "actions": [to_field(a, rewards[:t], brief) for t, a in enumerate(self.actions)],
        }
        optional = {
            "truncated": self.truncated or None,
            "failure": self.failure,
            "left_out": self.left_out or None,
            "level": self.level,
            "uncertainties": [[d.code, d.action, d.start, d.end] for d in self.uncertainties if not brief] or None,
            "signs": self.signs if brief else None,
            "outcome_baseline": None if brief else self.outcome_baseline,
            "outcome_advantage": None if brief else self.outcome_advantage,
        }
        return {**record, **{name: value for name, value in optional.items() if value is not None}}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> ScoredRollout:
        """Reads what :meth:`to_record` wrote, and records of version 1.

        Raises:
            ValueError: names the field that is missing or unreadable.
        """
        if not isinstance(record, Mapping):
            raise ValueError(f"found {type(record).__name__}; expected the object that `s2r score` writes")
        version = record.get("version", 1)
        if version not in (1, VERSION):
            raise ValueError(f"version is {version!r}; this release reads versions 1 and {VERSION}: update it")
        try:
            preset = record.get("preset")
            return cls(
                actions=tuple(map(from_field, record["actions"])),
                outcome=float(record["outcome"]),
                ended=record.get("ended"),
                deviations=_deviations(record),
                grammar=record.get("grammar", "paper"),
                method=record["method"] if version > 1 else _PRESETS.get(str(preset), str(preset)),
                checker=str(record.get("checker", "")),
                truncated=bool(record.get("truncated")),
                failure=record.get("failure"),
                left_out=bool(record.get("left_out")),
                level=record.get("level"),
                outcome_baseline=record.get("outcome_baseline"),
                outcome_advantage=record.get("outcome_advantage"),
                uncertainties=tuple(Deviation(*entry) for entry in record.get("uncertainties", ())),
                signs=None if (signs := record.get("signs")) is None else tuple((n, k) for n, k in signs),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(
                f"cannot be read ({type(error).__name__}: {error}); score the file again with `s2r score`"
            ) from error

    def dumps(self) -> str:
        """What travels inside a trainer, as one line of JSON: without answers, reasons and advantages."""
        return json.dumps(self.to_record(brief=True), separators=(",", ":"))

    def wire(self) -> str:
        """The same in half the text, where thousands of records a step are read by one process."""
        spans = [(d.code, d.action, d.start, d.end) for d in self.deviations]
        names = (self.grammar, self.method, self.checker, self.failure, self.level)
        flags = (self.ended, self.truncated, self.left_out)
        value = [wire.WIRE, self.outcome, wire.pack(self.actions), spans, wire.signs_text(self.signs), names, flags]
        return _written(value)

    @classmethod
    def loads(cls, text: str) -> ScoredRollout:
        """The record out of :meth:`dumps`'s text, or :meth:`wire`'s."""
        value = json.loads(text)
        return _of_wire(value) if isinstance(value, list) else cls.from_record(value)


_written = json.JSONEncoder(separators=(",", ":")).encode


def _of_wire(value: list[Any]) -> ScoredRollout:
    if value[0] != wire.WIRE:
        raise ValueError(f"a record of wire version {value[0]!r}; expected {wire.WIRE}: one release on all machines")
    _, outcome, entries, spans, signs, names, flags = value
    actions = from_wire(wire.unpack(entries))
    (grammar, method, checker, failure, level), (ended, truncated, left_out) = names, flags
    where = tuple(Deviation(*entry) for entry in spans)
    known = (grammar, method, checker, truncated, failure, left_out, level)
    return ScoredRollout(actions, outcome, ended, where, *known, signs=wire.signs_of(signs))


def _deviations(record: Mapping[str, Any]) -> tuple[Deviation, ...]:
    """Version 1 kept the codes only."""
    codes = record.get("deviations", ())
    spans = record.get("deviation_spans", [[None, 0, 0]] * len(codes))
    return tuple(Deviation(code, *span) for code, span in zip(codes, spans, strict=True))
