"""Write a trajectory as a chain of calls and get its text in a grammar: `solve("4").verify("correct")`."""

from __future__ import annotations

from dataclasses import dataclass, replace

from s2r_rewards.judging import JudgedTrajectory, judge
from s2r_rewards.parsing import parse
from s2r_rewards.trajectory import Trajectory

VERDICT_SENTENCES = {
    "correct": "Therefore, the answer is correct.",
    "incorrect": "Therefore, the answer is incorrect.",
    "cannot": "Therefore, the answer cannot be verified.",
    None: "",
}
CHECK_TEXT = "Putting the value back into the problem and comparing both sides once more."
SOLVE_TEXT = "Working through the problem step by step, I find"


@dataclass(frozen=True)
class Step:
    """One action of a script; `value` is an answer (solve) or a verdict (verify), None where missing."""

    kind: str
    value: str | None
    text: str | None = None

    def body(self) -> str:
        """The words of the action, without the marker that opens it."""
        if self.text is not None:
            return self.text
        if self.kind == "solve":
            answer = "nothing yet." if self.value is None else "\\boxed{" + self.value + "}."
            return f"{SOLVE_TEXT} {answer}"
        return f"{CHECK_TEXT} {VERDICT_SENTENCES[self.value]}".rstrip()


@dataclass(frozen=True)
class Script:
    """A trajectory under construction; every call returns a new script, so prefixes can be shared."""

    steps: tuple[Step, ...] = ()
    end_token: str = ""

    def solve(self, answer: str | None, text: str | None = None) -> Script:
        """Add an attempt that answers `answer` (None: it reaches no answer); `text` replaces its words."""
        return replace(self, steps=(*self.steps, Step("solve", answer, text)))

    def verify(self, verdict: str | None, text: str | None = None) -> Script:
        """Add a verification: "correct", "incorrect", "cannot" (be verified), or None for no verdict."""
        if verdict not in VERDICT_SENTENCES:
            raise ValueError(f"verdict {verdict!r}: expected one of {', '.join(map(repr, VERDICT_SENTENCES))}")
        return replace(self, steps=(*self.steps, Step("verify", verdict, text)))

    def end(self, token: str = "<|im_end|>") -> Script:
        """Close the text with an end-of-sequence token."""
        return replace(self, end_token=token)

    def text(self, grammar: str = "paper") -> str:
        """The response as a model would write it in `grammar` ("paper", "released", "tags" or "natural")."""
        if grammar == "tags":
            return "\n".join(_tagged(step) for step in self.steps) + self.end_token
        if grammar not in ("paper", "released", "natural"):  # in the paper's words, which `natural` reads as well
            raise ValueError(
                f"grammar {grammar!r}: a script can be written in 'paper', 'released', 'tags' or 'natural'"
            )
        return "\n\n".join(_marked(step, first=i == 0) for i, step in enumerate(self.steps)) + self.end_token

    __str__ = text

    def trajectory(self, grammar: str = "paper", finished: bool | None = True) -> Trajectory:
        """The text, parsed by `s2r_rewards.parse`."""
        return parse(self.text(grammar), grammar, finished=finished)

    def judged(self, gold: str, grammar: str = "paper", finished: bool | None = True) -> JudgedTrajectory:
        """The parsed trajectory with every attempt checked against `gold`."""
        return judge(self.trajectory(grammar, finished), gold)


#: Begins a script with an attempt.
solve = Script().solve


def _marked(step: Step, first: bool) -> str:
    if step.kind == "verify":
        return f"Wait, let me recheck my solution.\n\n{step.body()}"
    return step.body() if first else f"Let me try again.\n\n{step.body()}"


def _tagged(step: Step) -> str:
    body = step.body()
    if step.kind == "verify" and step.text is None:
        verdict = "" if step.value is None else f" <verdict>{step.value}</verdict>"
        body = CHECK_TEXT + verdict
    return f"<{step.kind}>\n{body}\n</{step.kind}>"
