"""Golden-answer graders of other projects, as ``(gold, text, whole_response) -> bool``.

Only the grader modules are loaded, from the installed package's files: importing verl, OpenRLHF or TRL as a whole would
bring torch. Where a grader wants a response, a bare answer is put into ``\\boxed{}``.
"""

import importlib
import importlib.util
import logging
import sys
import types
from collections.abc import Callable
from pathlib import Path

Grader = Callable[[str, str, bool], bool]


class Missing(Exception):
    """The peer is not installed here."""


def _module(package: str, path: str) -> types.ModuleType:
    """The module at ``path`` of an installed package, under stand-in parents that execute no ``__init__``."""
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise Missing(package)
    name, folder = f"peer_{package}", Path(next(iter(found.submodule_search_locations)))
    for part in path.split("."):
        if name not in sys.modules:
            stand_in = types.ModuleType(name)
            stand_in.__path__ = [str(folder)]
            sys.modules[name] = stand_in
        name, folder = f"{name}.{part}", folder / part
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Missing(f"{package}: {error}") from error


def _boxed(text: str, response: bool) -> str:
    return text if response else f"\\boxed{{{text}}}"


def _marked(text: str) -> str:
    return text if "$" in text or "\\boxed" in text else f"${text}$"


def math_verify() -> Grader:
    try:
        from math_verify import parse, verify
    except ImportError as error:
        raise Missing("math-verify") from error
    logging.disable(logging.ERROR)
    return lambda gold, text, response: bool(verify(parse(_marked(gold)), parse(text if response else _marked(text))))


def latex2sympy2() -> Grader:
    from s2r_rewards.answers import extract_answer
    from s2r_rewards.answers.workers.backends import installed
    from s2r_rewards.answers.workers.comparisons import latex2sympy2 as compare

    if not installed("latex2sympy2_extended"):
        raise Missing("latex2sympy2_extended")

    def grade(gold: str, text: str, response: bool) -> bool:
        answer = extract_answer(text, fallback="math").answer if response else text
        return bool(answer) and bool(compare(gold, answer or "")[0])

    return grade


def verl_math_verify() -> Grader:
    grade = _module("verl", "utils.reward_score.math_verify")._verify_in_subprocess
    return lambda gold, text, response: grade(f"\\boxed{{{gold}}}", _boxed(text, response)) == 1.0


def verl_math_reward() -> Grader:
    grade = _module("verl", "utils.reward_score.math_reward").compute_score
    return lambda gold, text, response: grade(_boxed(text, response), gold) == 1.0


def verl_math_dapo() -> Grader:
    grade = _module("verl", "utils.reward_score.math_dapo").verify
    return lambda gold, text, response: bool(grade(text if response else f"Answer: {text}", gold)[0])


def openrlhf() -> Grader:
    module = _module("openrlhf", "utils.math_utils")

    def grade(gold: str, text: str, response: bool) -> bool:
        answer = module.extract_boxed_answer(text) if response else text
        return answer is not None and bool(module.grade_answer(answer, gold))

    return grade


def trl() -> Grader:
    grade = _module("trl", "rewards.accuracy_rewards").accuracy_reward

    def reward(gold: str, text: str, response: bool) -> bool:
        return grade([[{"role": "assistant", "content": _boxed(text, response)}]], [_marked(gold)])[0] == 1.0

    return reward


def ours() -> Grader:
    from s2r_rewards.answers import check, check_response

    return lambda gold, text, response: bool((check_response if response else check)(gold, text))


PEERS: dict[str, Callable[[], Grader]] = {
    "s2r-rewards": ours,
    "math-verify": math_verify,
    "verl math_verify": verl_math_verify,
    "TRL accuracy_reward": trl,
    "OpenRLHF math_utils": openrlhf,
    "latex2sympy2_extended": latex2sympy2,
    "verl math_dapo": verl_math_dapo,
    "verl math_reward": verl_math_reward,
}
