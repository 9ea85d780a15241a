"""V_golden: is an answer equal in value to the gold answer?

>>> check("1/2", "0.5").verdict
'correct'
"""

from .batch import batch_checker, check_many
from .checker import CHECKER_VERSION, check, check_response
from .extract import Extraction, extract_answer
from .gold import TypedGold
from .policy import DEFAULT_POLICY, CheckPolicy, get_policy
from .result import FAILURES, VERDICTS, CheckResult

__all__ = [
    "CHECKER_VERSION",
    "DEFAULT_POLICY",
    "FAILURES",
    "VERDICTS",
    "CheckPolicy",
    "CheckResult",
    "Extraction",
    "TypedGold",
    "batch_checker",
    "check",
    "check_many",
    "check_response",
    "extract_answer",
    "get_policy",
]
