"""What a user turn asks for: a verification of the answer before it, or a new attempt."""

from __future__ import annotations

import re

from s2r_rewards.trajectory import ActionKind

_WINDOW = 4000  # characters of a user turn that are looked at
_SOLVE = re.compile(
    r"\b(?:try|solve|attempt|answer)\b[^.!?\n]{0,40}\b(?:again|anew|another|once more|new|differently)\b"
    r"|\b(?:another|new|second|revised|improved|corrected) (?:attempt|solution|answer)\b"
    r"|\b(?:rewrite|revise|redo|refine|improve|correct|fix)\b[^.!?\n]{0,40}\b(?:solution|answer|error|mistake|it|work)s?\b"
    r"|\byour (?:previous |last )?(?:answer|solution) (?:is|was) (?:incorrect|wrong|not correct)"
    r"|再(?:试|做|解|答)一[次遍]|重新(?:解|做|作答|回答|计算)|(?:改正|修改|订正)",
    re.IGNORECASE,
)
_VERIFY = re.compile(
    r"\b(?:verif(?:y|ication)|(?:double[- ]?|re-?)?check|evaluate|assess|judge|grade|critique|review|examine|validate|confirm)\b"
    r"|\bis (?:the|your|this|that) (?:answer|solution)\b|\bare you (?:sure|certain)\b|\bcorrect\s*\?"
    r"|检查|验证|验算|核对|确认|对吗|正确吗|是否正确",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|when|in case)\b[^.!?\n]{0,80}$|如果[^。！？\n]{0,40}$", re.IGNORECASE)


def asks_for(text: str, before: ActionKind) -> ActionKind:
    """The action that a user turn asks for.

    Args:
        text: the user's words. A condition ("if it is wrong, try again") asks for nothing by itself.
        before: what the model's last action was; words that ask for neither ask for the other one.
    """
    window = text[:_WINDOW]
    verify = _VERIFY.search(window)
    for solve in _SOLVE.finditer(window):
        conditional = _CONDITION.search(window, 0, solve.start()) is not None
        if verify is None or not (conditional and verify.start() < solve.start()):
            return "solve"
    if verify is not None:
        return "verify"
    return "verify" if before == "solve" else "solve"
