"""K responses per problem: requests with a name each, and rows that are rollouts."""

from collections.abc import Iterator, Sequence

from s2r_rewards.datasets.formats import SYSTEM_PROMPT, messages
from s2r_rewards.datasets.llm.requests import Request
from s2r_rewards.datasets.problems import Problem


def sample_requests(
    problems: Sequence[Problem], samples: int, system: str | None = SYSTEM_PROMPT, template: str = "{problem}"
) -> Iterator[Request]:
    """Requests in the order of the output: problem by problem, sample by sample.

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
                "gold": problem.answer,
                "level": problem.level,
                "source": problem.source,
                "sample": index,
            }
            yield Request(f"{problem.id}#{index}", conversation, context)
