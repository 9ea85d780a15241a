"""parse(text, grammar) → Trajectory, in one linear pass, with every deviation named.

Illegal transitions never make extra actions: a second verification of one attempt, or a retry before any
verification, is folded into the action it interrupts.  Scored actions therefore alternate strictly, and a
policy cannot earn more ±1 by stuffing markers.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from s2r_rewards.answers import extract_answer
from s2r_rewards.answers.guard import guarded
from s2r_rewards.fresh import maker
from s2r_rewards.grammar import Grammar, NaturalGrammar, get_grammar
from s2r_rewards.natural import nearly, read_natural, read_verdict
from s2r_rewards.seeking import find_all
from s2r_rewards.seeking.verdicts import spoken
from s2r_rewards.trajectory import Action, ActionKind, Deviation, Trajectory, Verdict

Mark = tuple[int, int, ActionKind]
"""A marker in the text: start, end, and the action that it opens."""
_INK = re.compile(r"\S")
_action, _trajectory = maker(Action), maker(Trajectory)


def parse(text: str, grammar: str | Grammar = "paper", finished: bool | None = None) -> Trajectory:
    """Segments a response into attempts and verifications (§2.1, arXiv:2502.12853).

    Args:
        text: the response as decoded, without the prompt. Any string is accepted, of any length.
        grammar: a name of :data:`s2r_rewards.grammar.GRAMMARS` or a :class:`Grammar` of your own.
        finished: True if generation emitted the end token, False if it was cut off by length, None if not
            known (then an end marker in the text decides).

    Returns:
        A :class:`Trajectory` whose action spans tile ``text``. Never raises on content.

    Raises:
        TypeError: ``text`` is not a string.
        ValueError: unknown grammar.
    """
    if not isinstance(text, str):
        raise TypeError(f"parse() got {type(text).__name__}; expected the decoded response as str")
    return _parse(text, get_grammar(grammar), finished)


def parse_turns(
    turns: Sequence[tuple[str, ActionKind | None]], grammar: str | Grammar = "paper", finished: bool | None = None
) -> Trajectory:
    """As :func:`parse`, of a response that was given in several turns.

    Args:
        turns: (text, what the turn was asked for) of each turn of the model: "solve" an attempt, "verify" a verification,
            None nothing (the first turn, or the turn before goes on). What was asked for opens an action where the turn
            begins, unless the turn begins with a marker of the grammar itself.
        finished: of the last turn. End tokens of the turns before it end nothing.
    """
    bounds = list(accumulate((len(text) for text, _ in turns), initial=0))
    asked = [(at, at, kind) for at, (_, kind) in zip(bounds, turns, strict=False) if kind is not None]
    return _parse("".join(text for text, _ in turns), get_grammar(grammar), finished, asked, bounds[-2:][0])


def _unparsed(error: Exception, text: str, rules: Grammar, finished: bool | None, *turns: object) -> Trajectory:
    """What becomes of a response on which the parser itself fails: one attempt without an answer."""
    actions = [Action("solve", 0, len(text))] + [Action("end", len(text), len(text))] * bool(finished)
    return Trajectory(text, tuple(actions), (Deviation("missing_answer", 0, 0, len(text)),), finished, rules.name)


@guarded("the parser", _unparsed)
def _parse(
    text: str, rules: Grammar, finished: bool | None, asked: Sequence[Mark] = (), last_turn: int = 0
) -> Trajectory:
    marks = _markers(text, rules)
    if asked or last_turn:
        marks = _with_turns(text, marks, asked, last_turn)
    body_end = len(text)
    for mark in marks:
        if mark[2] == "end":
            body_end = mark[0]
            break
    ended = True if body_end < len(text) else finished

    if isinstance(rules, NaturalGrammar):
        actions, deviations, uncertainties = read_natural(text, body_end, rules, [(at, kind) for at, _, kind in asked])
    else:
        body = [mark for mark in marks if mark[0] < body_end]
        actions, deviations = _read(text, body, body_end, rules)
        uncertainties = list(nearly(text, actions, body_end, rules, _exact(body, rules)))
    deviations.extend(_ending(text, actions, marks, body_end, ended, rules))
    if ended:
        actions.append(_action("end", body_end, len(text)))
    if len(deviations) > 1:
        deviations.sort(key=lambda d: (d.start, d.end))
    return _trajectory(text, tuple(actions), tuple(deviations), ended, rules.name, tuple(uncertainties))


def _read(text: str, marks: list[Mark], body_end: int, rules: Grammar) -> tuple[list[Action], list[Deviation]]:
    """The attempts and verifications between literal markers, and what is odd about each."""
    cuts, folded = _cut(text, marks, body_end)
    actions: list[Action] = []
    deviations: list[Deviation] = []
    confirmed = False  # the last verification says that its attempt is right
    for index, (kind, start, content, stop) in enumerate(cuts):
        codes: list[str] = []
        if kind == "verify":
            verdict, count = _read_verdict(text, content, stop, rules, index == len(cuts) - 1)
            if not count and not _INK.search(text, content, stop):
                codes.append("empty_action")
            if verdict is None:
                codes.append("missing_verdict")
            if count > 1:
                codes.append("two_verdicts")
            confirmed = verdict is Verdict.CORRECT
            actions.append(_action("verify", start, stop, None, verdict))
        else:
            found = extract_answer(text, content, stop)
            if found.answer is None:
                if not _INK.search(text, content, stop):
                    codes.append("empty_action")
                codes.append("missing_answer")
            elif found.distinct > 1:
                codes.append("several_answers")
            if confirmed:
                codes.append("retry_after_confirmation")
            actions.append(_action("solve", start, stop, found.answer))
        if codes:
            deviations.extend([Deviation(code, index, start, stop) for code in codes])
        if index in folded:
            deviations.extend([Deviation(code, index, at, to) for code, at, to in folded[index]])
    return actions, deviations


def _markers(text: str, grammar: Grammar) -> list[Mark]:
    """All marker occurrences in order; of overlapping ones the first, of those the longest."""
    verify, solve = len(grammar.verify_markers), len(grammar.verify_markers) + len(grammar.retry_markers)
    kept: list[Mark] = []
    end = 0
    for at, size, n in find_all(text, (*grammar.verify_markers, *grammar.retry_markers, *grammar.end_markers)):
        if at >= end:
            end = at - size
            kept.append((at, end, "verify" if n < verify else "solve" if n < solve else "end"))
    return kept


def _exact(body: list[Mark], grammar: Grammar) -> dict[str, int]:
    """How often a marker that is the only one of its kind stands there; what was asked for stands nowhere."""
    kinds = [opens for at, to, opens in body if at < to]
    found = {}
    if len(grammar.verify_markers) == 1:
        found[grammar.verify_markers[0]] = kinds.count("verify")
    if len(grammar.retry_markers) == 1:
        found[grammar.retry_markers[0]] = kinds.count("solve")
    return found


def _with_turns(text: str, marks: list[Mark], asked: Sequence[Mark], last_turn: int) -> list[Mark]:
    """The markers with what each turn was asked for, where it does not begin with a marker; ends only in the last."""
    kept = [mark for mark in marks if mark[2] != "end" or mark[0] >= last_turn]
    starts = [mark[0] for mark in kept]
    for mark in asked:
        following = bisect_left(starts, mark[0])
        if following == len(starts) or text[mark[0] : starts[following]].strip():
            kept.append(mark)
    return sorted(kept, key=lambda mark: mark[:2])


def _cut(
    text: str, marks: list[Mark], stop: int
) -> tuple[list[tuple[ActionKind, int, int, int]], dict[int, list[tuple[str, int, int]]]]:
    """Cuts ``[0, stop)`` at the markers that make a legal transition.

    Returns the cuts as (kind, start, start of the content behind the marker, end), and the folded markers by
    the index of the cut that swallowed them, as (deviation code, start, end).
    """
    cuts: list[tuple[ActionKind, int, int, int]] = []
    folded: dict[int, list[tuple[str, int, int]]] = {}
    if not stop:
        return cuts, folded
    kind: ActionKind = "solve"
    start = content = 0
    untouched = True  # nothing but white space so far
    for at, to, opens in marks:
        untouched = untouched and not _INK.search(text, content, at)
        if untouched and opens == "solve":
            content = to  # a retry marker that merely opens the first attempt, as in the `tags` grammar
        elif untouched:
            folded.setdefault(0, []).append(("verification_without_attempt", at, to))
            untouched = False
        elif opens == kind:
            code = "repeated_verification" if kind == "verify" else "retry_without_verification"
            folded.setdefault(len(cuts), []).append((code, at, to))
        else:
            cuts.append((kind, start, content, at))
            kind, start, content = opens, at, to
    cuts.append((kind, start, content, stop))
    return cuts, folded


def _ending(
    text: str, actions: list[Action], marks: list[Mark], body_end: int, ended: bool | None, grammar: Grammar
) -> Iterator[Deviation]:
    last = len(actions) - 1
    if not actions:
        yield Deviation("empty_response", None, 0, body_end)
    if ended is False:
        yield Deviation("no_end", None, len(text), len(text))
    elif actions and actions[last].kind == "solve":
        yield Deviation("missing_verification", last, actions[last].start, body_end)
    elif actions and actions[last].verdict is Verdict.INCORRECT:
        yield Deviation("stopped_after_rejection", last, actions[last].start, body_end)
    # Padding repeats end tokens; anything else behind the first one is text that no longer counts.
    at = body_end
    for start, stop, kind in marks:
        if start >= body_end:
            if kind != "end" or _INK.search(text, at, start):
                break
            at = stop
    if at < len(text) and _INK.search(text, at):
        yield Deviation("text_after_end", last + 1, at, len(text))
    if len(actions) > grammar.max_actions:
        yield Deviation("too_many_actions", None, actions[grammar.max_actions].start, body_end)


def _read_verdict(text: str, start: int, stop: int, grammar: Grammar, is_last: bool) -> tuple[Verdict | None, int]:
    """(Parser(v) or None, how many verdicts were spoken in the tier that decided)."""
    if isinstance(grammar, NaturalGrammar):
        reading = read_verdict(text, start, stop, grammar=grammar)
        return reading.verdict, reading.count
    for tier in grammar.verdict_tiers:
        count, last = 0, ""
        for match in spoken(tier, text, start, stop):
            if match.lastgroup:
                count, last = count + 1, match.lastgroup
        if count:
            return tier.rules[int(last[1:])].verdict, count
    if grammar.default_verdict == "released":
        return (Verdict.CORRECT if is_last else Verdict.INCORRECT), 0
    if grammar.default_verdict == "incorrect":
        return Verdict.INCORRECT, 0
    return None, 0
