"""Where attempts and verifications begin in a response without agreed markers.

A sentence opens a verification only once an answer has been stated: "Let me check" in mid-derivation is a step.  The
text is read with hindsight: the answer that the response ends with says which statement of a value was the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from s2r_rewards.answers import extract_answer
from s2r_rewards.natural.cues import HEAD, Cues, cues
from s2r_rewards.natural.sentences import Sentence, sentences
from s2r_rewards.natural.values import LONGEST, Value, differs, form, is_value, last_value, same
from s2r_rewards.natural.verdicts import plain, spoken
from s2r_rewards.trajectory import ActionKind, Verdict

NEAR = 3  # valued sentences that may stand between the answer and its check; twice that: its rejection


@dataclass(frozen=True, slots=True)
class Cut:
    """Where an action begins, why the parser thinks so, and what it then knows."""

    kind: ActionKind
    start: int
    why: str
    """solve: ``first``, ``announced``, ``new_answer``; verify: ``check_of_answer``, ``check_of_value``, ``rejection``."""
    strength: int = 3
    answers: tuple[str, ...] = ()
    """verify: forms of the answer that is verified."""
    writeup: int = -1
    """Where a closing write-up begins inside of the action; -1: nowhere."""
    again: tuple[tuple[str, int, int], ...] = ()
    """Openings that were folded into the action: (what, start, end)."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One sentence and what can be seen of it alone."""

    span: Sentence
    head: str
    value: Value | None
    marked: bool
    """A box, a tag or "the answer is" marks its value."""
    strength: int
    """How plainly it opens a verification: 3 announces one, 1 is a turn of phrase."""
    verdict: Verdict | None


def read_pieces(text: str, end: int) -> list[Piece]:
    """The sentences of ``text[:end]``."""
    pieces, before = [], ""
    for span in sentences(text, 0, end):
        sentence = text[span.start : span.end]
        look = _look if len(sentence) <= LONGEST else _look.__wrapped__  # long ones are not worth remembering
        head, found, marked, strength, verdict = look(sentence, before.endswith(("?", "？")), span.code)
        value = found and Value(span.start + found.start, span.start + found.end, found.form)
        pieces.append(Piece(span, head, value, marked, strength, verdict))
        before = sentence[-8:]
    return pieces


@lru_cache(maxsize=4096)  # sentences repeat: in a response, and between the responses to one prompt
def _look(sentence: str, asked: bool, code: bool) -> tuple[str, Value | None, bool, int, Verdict | None]:
    """(head, value within the sentence, marked, strength, verdict) of one sentence."""
    head = plain(sentence[:HEAD])
    value, marked = last_value(sentence, 0, len(sentence)), False
    if code:
        return head, value, marked, 0, None
    if "boxed" in sentence or "nswer" in sentence:
        found = extract_answer(sentence)
        if found.answer is not None and is_value(found.answer):
            value, marked = Value(found.start, found.end, form(found.answer)), True
    return head, value, marked, cues().strength(head), spoken(sentence, "?" if asked else "")


def final_answer(text: str, end: int, pieces: list[Piece]) -> str:
    """Form of the answer that the response ends with: its box or tag, else the last value that it states; or ""."""
    found = extract_answer(text, 0, end)
    if found.answer is not None and found.how in ("boxed", "tag", "hashes"):
        return form(found.answer)
    return next((p.value.form for p in reversed(pieces) if p.value is not None), "")


def segment(text: str, end: int, weak_openings: bool = True) -> list[Cut]:
    """The actions of ``text[:end]`` in order; the first attempt begins at 0."""
    table = cues()
    pieces = read_pieces(text, end)
    reader = _Reader(text, pieces, final_answer(text, end, pieces), table, weak_openings)
    for i in range(len(pieces)):
        reader.step(i)
    reader.close()
    return reader.cuts


class _Reader:
    """The state of reading: which action is open, since which sentence, and what it has stated."""

    def __init__(self, text: str, pieces: list[Piece], final: str, table: Cues, weak: bool) -> None:
        self.text, self.pieces, self.final, self.table, self.weak = text, pieces, final, table, weak
        self.cuts: list[Cut] = []
        self.kind: ActionKind = "solve"
        self.start, self.why, self.strength = 0, "first", 3
        self.answers: tuple[str, ...] = ()
        self.writeup = -1
        self.again: list[tuple[str, int, int]] = []
        self.first = 0  # index of the open action's first sentence
        self.near: list[Piece] = []  # the last sentences of the open attempt that state a value
        self.rejected = False
        self.last_check = self._last_check()

    def step(self, i: int) -> None:
        """Read the next sentence."""
        piece = self.pieces[i]
        if self.writeup < 0 and i > self.first and self.table.finds("writeup", piece.head):
            self.writeup = piece.span.start
        if self.kind == "solve":
            self._in_attempt(i, piece)
        else:
            self._in_verification(i, piece)

    def close(self) -> None:
        """End the open action."""
        self.cuts.append(
            Cut(self.kind, self.start, self.why, self.strength, self.answers, self.writeup, tuple(self.again))
        )

    def _open(self, kind: ActionKind, i: int, start: int, why: str, strength: int) -> None:
        self.close()
        self.kind, self.first, self.start, self.why, self.strength = kind, i, start, why, strength
        self.again, self.rejected, self.writeup = [], False, -1

    def _in_attempt(self, i: int, piece: Piece) -> None:
        why = self._opens_check(i, piece)
        if why:
            start = self._line_start(i) if why == "rejection" else piece.span.start
            writeup = self.writeup
            self._open("verify", i, start, why, piece.strength)
            self.answers = tuple(p.value.form for p in self.near[-1:] if p.value is not None)
            self.rejected = piece.verdict is Verdict.INCORRECT
            self.writeup = start if writeup >= 0 else -1
            return
        if self.near and i > self.first and self.table.finds("again", piece.head):
            self.again.append(("retry_without_verification", piece.span.start, piece.span.end))
        if piece.value is not None:
            self.near = [*self.near[1 - NEAR :], piece]

    def _in_verification(self, i: int, piece: Piece) -> None:
        why = self._opens_retry(piece)
        if why:
            self._open("solve", i, piece.span.start, why, 3 if why == "announced" else 0)
            self.answers, self.near = (), [piece] if piece.value is not None else []
        else:
            if piece.strength == 3 and i > self.first and self.table.finds("whole", piece.head):
                self.again.append(("merged_checks", piece.span.start, piece.span.end))
            if piece.verdict is not None:
                self.rejected = piece.verdict is Verdict.INCORRECT

    def _opens_check(self, i: int, piece: Piece) -> str:
        table, rejects = self.table, piece.verdict is Verdict.INCORRECT
        if not (piece.strength or rejects) or i == 0:
            return ""
        if not self.near:  # "let me recheck my solution", though no answer was read
            return "check_of_value" if piece.strength == 3 and table.finds("own", piece.head) else ""
        if any(table.finds(kind, piece.head) for kind in ("aside", "writeup", "substep")):
            return ""
        again = bool(self.cuts)
        strength = 3 if rejects and again else piece.strength
        last = self.near[-1]
        settled = self._states(last)
        if (not settled and table.finds("step", piece.head)) or (self.writeup >= 0 and strength < 3):
            return ""
        if rejects and (settled or again or last.marked) and piece.strength < 2:
            return "rejection"
        if (settled or last.marked) and (strength == 3 or (self.weak and strength > 0)):
            return "check_of_answer"
        if strength < 3:
            return ""
        # A check of some other value: a later attempt's, or one that is thrown over at once, or the only one there is.
        soon = self.pieces[i : i + 2 * NEAR]
        if again or (
            table.finds("whole", piece.head)
            and (i >= self.last_check or any(p.verdict is Verdict.INCORRECT for p in soon))
        ):
            return "check_of_value"
        return ""

    def _opens_retry(self, piece: Piece) -> str:
        if piece.marked and piece.value is not None and any(differs(piece.value.form, a) for a in self.answers):
            return "new_answer"
        if self.table.finds("again", piece.head) or (self.rejected and self.table.finds("retry", piece.head)):
            return "announced"
        return ""

    def _last_check(self) -> int:
        """Index of the last sentence that takes up the final answer right after it was stated; -1 for none."""
        last: Piece | None = None
        found = -1
        for i, piece in enumerate(self.pieces):
            if self.table.finds("writeup", piece.head):
                break
            if piece.strength and last is not None and self._states(last):
                found = i
            last = piece if piece.value is not None else last
        return found

    def _states(self, piece: Piece) -> bool:
        """Whether a sentence states the final answer: as its value, or written at its end ("…: A → B → A")."""
        if piece.value is not None and same(piece.value.form, self.final):
            return True
        if len(self.final) < 4:
            return False
        begin = max(piece.span.start, piece.span.end - LONGEST)
        return form(self.text[begin : piece.span.end]).endswith(self.final)

    def _line_start(self, i: int) -> int:
        """Where the line of a rejecting sentence begins: "Each angle is below 180. Thus, 972 is impossible."."""
        at = i
        while at - 1 > self.first and i - at < 2:
            between = self.text[self.pieces[at - 1].span.end : self.pieces[at].span.start]
            if "\n" in between or self._states(self.pieces[at - 1]):
                break
            at -= 1
        return self.pieces[at].span.start
