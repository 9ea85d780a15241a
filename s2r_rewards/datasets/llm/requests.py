"""What is asked of a model: completions by name, each with a seed of its own. No HTTP here."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from s2r_rewards.answers.gold import gold_label
from s2r_rewards.datasets.formats import SYSTEM_PROMPT, messages
from s2r_rewards.datasets.problems import Problem
from s2r_rewards.llm.client import SamplingOptions

__all__ = ["Request", "SamplingOptions", "Usage", "sample_requests", "seed_of"]


@dataclass(frozen=True, slots=True)
class Request:
    """One completion to ask for. ``key`` names it for ever; ``context`` goes into its row as it is."""

    key: str
    messages: list[dict[str, str]]
    context: dict[str, Any]


@dataclass(slots=True)
class Usage:
    """Replies and their tokens, as the server counts them."""

    replies: int = 0
    cut_off: int = 0
    empty: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def cost(self, per_million_in: float, per_million_out: float) -> float:
        """Price of the tokens, in the currency of the two prices per million tokens."""
        return (self.prompt_tokens * per_million_in + self.completion_tokens * per_million_out) / 1e6

    def add(self, row: dict[str, Any]) -> None:
        self.replies += 1
        self.prompt_tokens += row["prompt_tokens"]
        self.completion_tokens += row["completion_tokens"]
        self.cut_off += not row["finished"]
        self.empty += not row["response"].strip()


#: Settings of a command that only say how many of these requests there are.
EXTENT = ("samples", "limit")


def key_of(row: Mapping[str, Any]) -> str:
    """The name for ever of one sample of a problem, from its row."""
    return f"{row['problem_id']}#{row['sample']}"


def seed_of(seed: int, key: str) -> int:
    """The seed of one request: a resumed run asks the server for the very same sample."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=4).digest(), "big") >> 1


def sample_requests(
    problems: Sequence[Problem], samples: int, system: str | None = SYSTEM_PROMPT, template: str = "{problem}"
) -> Iterator[Request]:
    """Requests whose rows are rollouts, in the order of the output: problem by problem, sample by sample.

    Args:
        samples: K, how many responses to each problem.
        template: text around the problem, e.g. for base models without a chat template; ``{problem}`` is replaced.
    """
    if "{problem}" not in template:
        raise ValueError(f"prompt template {template!r} lacks {{problem}}")
    for problem in problems:
        conversation = messages(template.replace("{problem}", problem.problem), system)
        for index in range(samples):
            context = {
                "problem_id": problem.id,
                "prompt": problem.problem,
                **gold_label(problem.gold),
                "level": problem.level,
                "source": problem.source,
                "sample": index,
            }
            yield Request(key_of(context), conversation, context)
