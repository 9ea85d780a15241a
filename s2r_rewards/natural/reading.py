"""A response in a model's own words → its actions, with every deviation and every guess named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from s2r_rewards.grammar import NaturalGrammar
from s2r_rewards.natural import verdicts
from s2r_rewards.natural.segment import Cut, segment
from s2r_rewards.natural.stated import Stated, stated_answer
from s2r_rewards.natural.values import differs, form
from s2r_rewards.trajectory import Action, ActionKind, Deviation, Verdict

Found = tuple[list[Action], list[Deviation], list[Deviation]]
"""Actions, deviations, uncertainties."""

_GUESSES = {"check_of_value": "unsettled_answer", "rejection": "rejection_as_check", "new_answer": "unannounced_retry"}


def read_natural(text: str, end: int, grammar: NaturalGrammar, asked: Sequence[tuple[int, ActionKind]] = ()) -> Found:
    """The attempts and verifications of ``text[:end]``; their spans tile it.

    ``asked``: where turns of a conversation begin, and what they were asked for; such a turn is one action.
    """
    actions: list[Action] = []
    deviations: list[Deviation] = []
    guesses: list[Deviation] = []
    cuts = _with_turns(text, end, grammar, asked) if end else []
    answers: tuple[str, ...] = ()  # forms of the attempt's answer
    for index, cut in enumerate(cuts):
        stop = cuts[index + 1].start if index + 1 < len(cuts) else end

        def note(found: list[Deviation], code: str, at: int = cut.start, to: int = stop, index: int = index) -> None:
            found.append(Deviation(code, index, at, to))

        if not text[cut.start : stop].strip():
            note(deviations, "empty_action")
        if cut.why in _GUESSES:
            note(guesses, _GUESSES[cut.why])
        for code, at, to in cut.again:
            note(deviations if code == "retry_without_verification" else guesses, code, at, to)
        if cut.kind == "verify":
            if cut.strength < 3 and cut.why == "check_of_answer":
                note(guesses, "weak_opening")
            reading = read_verdict(text, cut.start, stop, (*cut.answers, *answers), grammar)
            if reading.verdict is None:
                note(deviations, "missing_verdict")
            if reading.by == "outcome":
                note(guesses, "verdict_by_outcome")
            if reading.opposed:
                note(guesses, "mixed_verdicts")
            actions.append(Action("verify", cut.start, stop, verdict=reading.verdict))
            continue
        stated = _answer(text, cut, stop, cuts[index + 1] if index + 1 < len(cuts) else None, grammar)
        if stated.answer is None:
            note(deviations, "missing_answer")
        elif stated.distinct > 1:
            note(deviations, "several_answers")
        if stated.answer is not None and not stated.marked:
            note(guesses, "informal_answer")
        if actions and actions[-1].verdict is Verdict.CORRECT:
            note(deviations, "retry_after_confirmation")
        actions.append(Action("solve", cut.start, stop, answer=stated.answer))
        answers = (form(stated.answer),) if stated.answer else ()
    if grammar.written_up_answer:
        _take_writeup(text, end, cuts, actions, deviations, guesses)
    return actions, deviations, guesses


def _with_turns(text: str, end: int, grammar: NaturalGrammar, asked: Sequence[tuple[int, ActionKind]]) -> list[Cut]:
    """The cuts up to the first turn that was asked for, then one per turn; a turn of the same kind goes on with it."""
    first = min((at for at, _ in asked if at < end), default=end)
    cuts = segment(text, first, grammar.weak_openings) if first else [Cut("solve", 0, "first")]
    for at, kind in asked:
        if at >= end:
            break
        if cuts[-1].kind == kind:
            code = "merged_checks" if kind == "verify" else "retry_without_verification"
            cuts[-1] = replace(cuts[-1], again=(*cuts[-1].again, (code, at, at)))
        else:
            cuts.append(Cut(kind, at, "announced" if kind == "solve" else "asked"))
    return cuts


def read_verdict(
    text: str, start: int, end: int, answers: tuple[str, ...] | None = None, grammar: NaturalGrammar | None = None
) -> verdicts.Reading:
    """The verdict of the verification ``text[start:end]``.

    Args:
        answers: comparable forms of the answer under verification; None: the one that ``text[:start]`` states last.
        grammar: its ``outcome_verdicts`` counts.
    """
    if answers is None:
        stated = stated_answer(text, 0, start).answer
        answers = (form(stated),) if stated else ()
    reading = verdicts.read_verdict(text, start, end, answers)
    if reading.by == "outcome" and grammar is not None and not grammar.outcome_verdicts:
        return verdicts.Reading(None, reading.count, reading.opposed)
    return reading


def _answer(text: str, cut: Cut, stop: int, check: Cut | None, grammar: NaturalGrammar) -> Stated:
    """What the attempt states before any closing write-up; all of it where there is no other statement."""
    limit = cut.writeup if cut.writeup > cut.start and not grammar.written_up_answer else stop
    return stated_answer(text, cut.start, limit, check.answers if check else ())


def _take_writeup(
    text: str, end: int, cuts: list[Cut], actions: list[Action], deviations: list[Deviation], guesses: list[Deviation]
) -> None:
    """The answer of a write-up behind the last verification is that of the attempt before it."""
    if len(actions) < 2 or actions[-1].kind != "verify":
        return
    cut = cuts[-1]
    marked = stated_answer(text, cut.start, end)
    if not marked.marked and cut.writeup >= 0:
        marked = stated_answer(text, cut.writeup, end)
    elif not marked.marked:
        return
    attempt = actions[-2]
    if marked.answer is None or (attempt.answer is not None and differs(form(marked.answer), form(attempt.answer))):
        return
    last = len(actions) - 2
    actions[last] = replace(attempt, answer=marked.answer)
    guesses[:] = [g for g in guesses if not (g.action == last and g.code == "informal_answer")]
    deviations[:] = [d for d in deviations if not (d.action == last and d.code == "missing_answer")]
    guesses.append(Deviation("answer_in_writeup", last, cut.start, end))
