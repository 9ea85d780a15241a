"""How a conversation goes on: what the user asks after each turn of the model, and when it is over.

A plain policy over texts, the same for every framework's agent: it sees what the model said and names the next prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from s2r_rewards.grammar import Grammar
from s2r_rewards.parsing import parse_turns
from s2r_rewards.resolve import named
from s2r_rewards.trajectory import ActionKind, Verdict

VERIFY = (
    "Check whether the solution above is correct. Reason step by step, and end with exactly one of these sentences: "
    "Therefore, the answer is correct. / Therefore, the answer is incorrect."
)
RETRY = "The check found a mistake. Solve the problem again, and put the final answer into \\boxed{}."


@dataclass(frozen=True)
class Turn:
    """What the user says next, and the action that it asks for."""

    prompt: str
    asks: ActionKind


@dataclass(frozen=True)
class Conversation:
    """A prompt for a verification after each attempt, and one for a new attempt after each rejection.

    Raises:
        ValueError: limits that no conversation can keep.
    """

    name: str = "s2r"
    verify_prompt: str | None = VERIFY
    """None: attempts follow each other without a verification (SCoRe)."""
    retry_prompt: str = RETRY
    max_attempts: int = 4
    max_turn_tokens: int | None = None
    """Tokens of one turn; None: what is left of the response."""
    verify_last: bool = True
    """Whether the last attempt that is allowed is verified as well (PAG: no)."""
    retry_without_verdict: bool = False
    """Whether a verification without a readable verdict counts as a rejection (PAG: yes). False: it ends there."""

    def __post_init__(self) -> None:
        if self.max_attempts < 1:
            raise ValueError(f"conversation {self.name!r}: max_attempts is {self.max_attempts}; expected 1 or more")
        if self.max_turn_tokens is not None and self.max_turn_tokens < 1:
            raise ValueError(
                f"conversation {self.name!r}: max_turn_tokens is {self.max_turn_tokens}; expected 1 or more"
            )
        if not self.retry_prompt.strip() or (self.verify_prompt is not None and not self.verify_prompt.strip()):
            raise ValueError(f"conversation {self.name!r}: a prompt is empty; expected words that ask for something")

    def next(self, turns: Sequence[tuple[str, ActionKind | None]], grammar: str | Grammar = "paper") -> Turn | None:
        """What the user says after the model's ``turns``; None: the conversation is over.

        Args:
            turns: (text, what it was asked for) of each turn of the model so far; the first one is an attempt.
        """
        found = parse_turns(turns, grammar).scored
        attempts = sum(action.kind == "solve" for action in found)
        asked_attempts = 1 + sum(kind == "solve" for _, kind in turns[1:])
        more = max(attempts, asked_attempts) < self.max_attempts
        if not found or (self.verify_prompt is None):
            return Turn(self.retry_prompt, "solve") if found and more else None
        last = found[-1]
        if last.kind == "solve":
            return Turn(self.verify_prompt, "verify") if more or self.verify_last else None
        rejected = last.verdict is Verdict.INCORRECT or (last.verdict is None and self.retry_without_verdict)
        return Turn(self.retry_prompt, "solve") if rejected and more else None


CONVERSATIONS: dict[str, Conversation] = {
    c.name: c
    for c in (
        Conversation(),
        #: PAG (arXiv:2506.10406): two attempts, retry only after the verdict "wrong", which is also what a verification
        #: without a readable verdict counts as; the second attempt is not verified in training.
        Conversation("pag", max_attempts=2, verify_last=False, retry_without_verdict=True),
        #: SCoRe (arXiv:2409.12917): two attempts with a fixed prompt between them, no verification.
        Conversation(
            "score",
            verify_prompt=None,
            retry_prompt="There might be an error in the solution above. Correct it, if there is one, and rewrite the "
            "solution. Put the final answer into \\boxed{}.",
            max_attempts=2,
        ),
        #: RISE (arXiv:2505.13445): problems and verification prompts are rows of one batch, each one turn long.
        Conversation("rise", max_attempts=1, verify_last=False),
    )
}


def get_conversation(conversation: str | Conversation) -> Conversation:
    """A conversation by name or ``package.module:OBJECT``, or the conversation itself. ValueError for anything else."""
    found = named(conversation, CONVERSATIONS, "conversation") if isinstance(conversation, str) else conversation
    if not isinstance(found, Conversation):
        raise ValueError(f"conversation {conversation!r} is {type(found).__name__}; expected a Conversation")
    return found
