"""Training methods by name. One module a paper; each says formula, source and caveat.

``s2r`` and ``released``: this library's own paper. ``own/``: an action is credited with its own reward; ``outcome/``: the
response as a whole; ``later/``: an action is credited with what follows, too.


A method of your own is a :class:`Method` in any module: name it as ``package.module:OBJECT`` wherever a name stands.
"""

from __future__ import annotations

from s2r_rewards.methods import released, s2r
from s2r_rewards.methods.accuracy import accuracies_of_others, prompt_accuracies
from s2r_rewards.methods.base import Method, OfflineFilter
from s2r_rewards.methods.later.cal import CAL
from s2r_rewards.methods.later.gigpo import GIGPO
from s2r_rewards.methods.later.mt_grpo import MT_GRPO
from s2r_rewards.methods.later.return_to_go import RETURN_TO_GO
from s2r_rewards.methods.outcome.critique_grpo import CRITIQUE_GRPO
from s2r_rewards.methods.outcome.deepseek_v2 import DEEPSEEK_V2
from s2r_rewards.methods.outcome.dr_grpo import DR_GRPO
from s2r_rewards.methods.outcome.gdpo import GDPO
from s2r_rewards.methods.outcome.maxrl import MAXRL
from s2r_rewards.methods.outcome.self_rewarding import SELF_REWARDING
from s2r_rewards.methods.own.pag import PAG
from s2r_rewards.methods.own.rae import RAE
from s2r_rewards.methods.own.rise import RISE
from s2r_rewards.methods.own.score import SCORE
from s2r_rewards.methods.own.self_verify import SELF_VERIFY
from s2r_rewards.resolve import named

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        *(m for paper in (s2r, released) for m in (paper.PRL, paper.ORL, paper.OFFLINE_PRL, paper.OFFLINE_ORL)),
        *(PAG, SCORE, RISE, SELF_VERIFY, RAE),
        *(SELF_REWARDING, DEEPSEEK_V2, CRITIQUE_GRPO, DR_GRPO, MAXRL, GDPO),
        *(RETURN_TO_GO, CAL, GIGPO, MT_GRPO),
    )
}


def get_method(method: str | Method) -> Method:
    """A method by name or ``package.module:OBJECT``, or the method itself. ValueError for anything else."""
    found = named(method, METHODS, "method") if isinstance(method, str) else method
    if not isinstance(found, Method):
        raise ValueError(f"method {method!r} is {type(found).__name__}; expected a Method")
    return found


__all__ = ["METHODS", "Method", "OfflineFilter", "accuracies_of_others", "get_method", "prompt_accuracies"]
