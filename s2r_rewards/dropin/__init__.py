r"""Our checker under the names that other projects call already, so that one import changes a project over.

=========================  ==============================================================================================
in the place of            import or name
=========================  ==============================================================================================
math-verify                ``from s2r_rewards.dropin import parse, verify, math_metric`` (and its extraction configs)
verl                       ``custom_reward_function.path=pkg://s2r_rewards.dropin.verl``; or ``score(response, gold)`` there
TRL's ``accuracy_reward``  ``from s2r_rewards.dropin.trl import accuracy_reward``
lighteval                  ``from s2r_rewards.dropin.lighteval import math_metric``
lm-evaluation-harness      ``process_results: !function`` of a module that imports it from ``s2r_rewards.dropin.lm_eval``
=========================  ==============================================================================================

None of these imports the framework that it serves before it has to.
"""

from .extraction import ExprExtractionConfig, ExtractionTarget, LatexExtractionConfig, StringExtractionConfig, parse
from .grading import math_metric, verify

__all__ = [
    "ExprExtractionConfig",
    "ExtractionTarget",
    "LatexExtractionConfig",
    "StringExtractionConfig",
    "math_metric",
    "parse",
    "verify",
]
