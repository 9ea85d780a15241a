"""Functions out of a clone of the authors' code (github.com/NineAbyss/S2R), and trajectories to run them on.

Nothing of theirs is copied here: single functions are taken out of the clone's files, and what they need of a trainer is
replaced by stand-ins.
"""

from __future__ import annotations

import ast
import copy
import json
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace as Stub
from typing import Any

import numpy as np
import torch

GOLD = "7"
W, R, OTHER_R, PROMPT = "Wait,", "Let me try again.\n\n", " Let me try again.\n\n", "<prompt>"
ATTEMPTS = (f"I find \\boxed{{{GOLD}}}. ", "\\boxed{8}. ", "Perhaps \\boxed{12}. ")
SAID = (
    " let me recheck my solution.\n\n", "Therefore, the answer is correct.", "Therefore, the answer is incorrect.",
    "Therefore, the answer cannot be verified.", "Therefore, the answer is correct", "Therefore, the answer is 7, so it",
    "Therefore, the answer is ", "correct.", "incorrect.", " is correct ", "it is indeed so ", "this is incorrect ",
    "I cannot verify it ", "it was verified ", "verified to be correct ", "verified as correct ", "\n", ". ", "Hm ", "3.5",
)  # fmt: skip
PIECES = (W, R, OTHER_R, PROMPT, *ATTEMPTS, *SAID)
IDS = {piece: 100 + i for i, piece in enumerate(PIECES)}  # three digits each: their strings of ids never overlap
_SPLIT = re.compile("|".join(re.escape(p) for p in sorted(PIECES, key=len, reverse=True)))
PAD, END, UNKNOWN = 998, 999, 997


class Tokens:
    """The tokenizer: one id a piece."""

    eos_token_id, pad_token_id, name_or_path = END, PAD, "pieces"

    def __init__(self, longest: int) -> None:
        self.model_max_length, self.padding_side = longest, "left"

    def __call__(self, text: str, **_: Any) -> Stub:
        return Stub(input_ids=[IDS.get(text, UNKNOWN)])

    def encode(self, text: str, **_: Any) -> list[int]:
        return [IDS[piece] for piece in _SPLIT.findall(text)]

    def decode(self, ids: Any, **_: Any) -> str:
        return "".join(PIECES[int(i) - 100] for i in ids if int(i) < 900)

    def batch_decode(self, rows: Any, **_: Any) -> list[str]:
        return [self.decode(row) for row in rows]

    def apply_chat_template(self, *_: Any, **__: Any) -> torch.Tensor:
        return torch.tensor([[IDS[PROMPT]]])


def borrowed(clone: Path, file: str, names: Sequence[str], space: dict[str, Any]) -> Stub:
    """Functions and classes of one of their files, compiled in a namespace of ours; nothing else of it is run."""
    tree = ast.parse((clone / file).read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    later = ast.parse("from __future__ import annotations").body  # their annotations name what is not here
    tree.body = [*later, *tree.body]
    exec(compile(tree, str(clone / file), "exec", dont_inherit=True), space)  # noqa: S102 - the caller's own clone
    return Stub(**{name: space[name] for name in names})


def theirs(clone: Path) -> Stub:
    """Everything of theirs that is run here."""
    space: dict[str, Any] = {
        "re": re, "regex": re, "json": json, "random": random, "np": np, "torch": torch, "nn": torch.nn,
        "defaultdict": defaultdict, "deepcopy": copy.deepcopy, "copy": copy, "Trainer": object, "Dataset": object,
        "print_rank_0": lambda *_, **__: None, "print": lambda *_, **__: None, "tqdm": lambda rows: rows,
        "__name__": "theirs",
    }  # fmt: skip
    matcher = ("_fix_fracs", "_fix_a_slash_b", "_fix_sqrt", "_fix_tan", "strip_string", "extract_boxed_answers",
               "extract_program_output", "extract_answer", "answer_corrected_match")  # fmt: skip
    borrowed(clone, "code/tools/answer_extraction.py", matcher, space)
    borrowed(
        clone,
        "code/utils.py",
        ("extract_and_process_boxed_answers", "get_soft_answer_correction", "get_rewards"),
        space,
    )
    borrowed(clone, "code/src/rloo_utils.py", ("ExpMinDataset", "padding_any"), space)
    online = borrowed(
        clone, "code/src/rloo_trainer.py", ("compute_lm_loglikeli", "get_veri_answer", "RLOOTrainer"), space
    )
    stored = ("get_instance_reward_from_reward_dist", "compute_baseline", "OfflineRLDataset")
    offline = borrowed(clone, "code/data_process_offline_rl.py", stored, dict(space))
    filters = ("print_dist_list", "get_soft_answer_correction", "get_single_reward_dist", "get_all_reward_dist",
               "check_alter_reward", "remain_fixed_rv", "process_special_answer", "stage1_filter_problem",
               "stage2_rejection_sampling")  # fmt: skip
    return Stub(
        **vars(online),
        **vars(offline),
        **vars(borrowed(clone, "tools/process_offline_trainset.py", filters, dict(space))),
    )


def response(draw: random.Random, repeats: float = 0.0, unverified: float = 0.1) -> list[str]:
    """Pieces of a trajectory: attempts and verifications in turn, at times with a marker twice."""

    def attempt() -> list[str]:
        return [draw.choice(ATTEMPTS)]

    def verification() -> list[str]:
        said = draw.choices(SAID, k=draw.randint(1, 4))
        return (
            said if "".join(said).strip() else [*said, "Hm "]
        )  # two of their offline functions disagree on blank ones

    pieces = attempt()
    for k in range(draw.choice((1, 1, 1, 2, 2, 3, 4, 5, 7))):
        if k:
            pieces += [R, *attempt()]
            if draw.random() < repeats:
                pieces += [R, *attempt()]
        if draw.random() < unverified and k:
            break
        pieces += [W, *verification()]
        if draw.random() < repeats:
            pieces += [W, *verification()]
    return pieces
