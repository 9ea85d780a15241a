"""Which grammar fits a file of responses: what each would find in them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from s2r_rewards.grammar import GRAMMARS, Grammar, NaturalGrammar, get_grammar
from s2r_rewards.parsing import parse

#: A grammar of literal markers is proposed if it finds at least this share of what the best one finds: it reads surely
#: what the grammar `natural` guesses.
ENOUGH = 0.9


@dataclass(frozen=True, slots=True)
class Catch:
    """What one grammar finds in a file."""

    grammar: str
    responses: int
    verified: int
    """Responses with at least one verification."""
    verifications: int
    verdicts: int
    """Verifications with a verdict that is spoken (a default of the grammar does not count)."""
    retries: int
    answered: int
    """Responses whose last attempt states an answer."""
    malformed: int
    uncertain: int
    """Responses in which the grammar had to guess, or just missed something."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """The grammar that fits best, why, and the catch of all."""

    grammar: str
    reason: str
    catches: tuple[Catch, ...]


def catch(texts: Iterable[str], grammar: str | Grammar) -> Catch:
    """What ``grammar`` finds in the responses."""
    rules = get_grammar(grammar)
    spoken = rules.default_verdict == "none"
    total = verified = verifications = verdicts = retries = answered = malformed = uncertain = 0
    for text in texts:
        found = parse(text, rules, finished=True)
        checks, attempts = found.verifications, found.attempts
        total += 1
        verified += bool(checks)
        verifications += len(checks)
        if spoken:
            verdicts += sum(check.verdict is not None for check in checks)
        else:  # its default speaks everywhere: ask the tiers alone
            verdicts += sum(_speaks(rules, found.text_of(check)) for check in checks)
        retries += max(0, len(attempts) - 1)
        answered += bool(attempts) and attempts[-1].answer is not None
        malformed += found.malformed
        uncertain += bool(found.uncertainties)
    return Catch(rules.name, total, verified, verifications, verdicts, retries, answered, malformed, uncertain)


def _speaks(rules: Grammar, text: str) -> bool:
    return any(re.search(tier.pattern, text) for tier in rules.verdict_tiers)


def suggest_grammar(texts: Sequence[str], names: Sequence[str] | None = None) -> Suggestion:
    """The grammar that reads the responses best: the strictest that finds nearly all verdicts that any finds.

    Args:
        texts: responses, without their prompts.
        names: grammars to try; default: all of ``GRAMMARS``.

    Raises:
        ValueError: no responses.
    """
    if not texts:
        raise ValueError("there are no responses to look at; expected at least one")
    order = sorted(names or GRAMMARS, key=lambda name: isinstance(get_grammar(name), NaturalGrammar))
    catches = tuple(catch(texts, name) for name in order)
    most = max(c.verdicts for c in catches)
    if not most:
        reason = "no grammar finds a verification with a verdict; the responses may not verify themselves at all"
        return Suggestion("paper", reason, catches)
    best = next(c for c in catches if c.verdicts >= ENOUGH * most)
    rest = [c for c in catches if c.grammar != best.grammar]
    second = max(rest, key=lambda c: c.verdicts, default=None)
    reason = f"it reads {best.verdicts:,} verdicts of {best.verifications:,} verifications"
    if second is not None:
        reason += f", {second.grammar} {second.verdicts:,} of {second.verifications:,}"
    return Suggestion(best.grammar, reason, catches)
