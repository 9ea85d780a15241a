"""Seeded hostile texts, answers and rewards, and rollouts read from recorded runs. Used by make.py alone."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

MARKERS = (
    "Wait, let me recheck my solution.", "Let me try again.", "Wait, let me recheck my solution",
    "wait, let me recheck my solution.", "Wait,", "Wait, Wait,", "Let me try again", "LET ME TRY AGAIN.",
    "Wait, let me recheck my solution.Let me try again.", "Wait,\u00a0let me recheck my solution.",
    "<solve>", "</solve>", "<verify>", "</verify>", "<verify><verify>",
)  # fmt: skip
VERDICTS = (
    "Therefore, the answer is correct.", "Therefore, the answer is incorrect.", "So the answer is correct",
    "Therefore, the answer cannot be verified.", "therefore the solution is not correct", "also the answer is wrong",
    "Thus, my answer\nis correct!", "Hence this solution is incorrect", "so  the answer is correct",
    "is incorrect", "is correct", "is indeed", "cannot verify", "verified to be correct", "Therefore, the answer is",
    "<verdict>correct</verdict>", "<verdict> WRONG </verdict>", "<verdict>Incorrect", "Therefore, the answer is **correct**.",
    "Therefore, the answer is correctly given.", "Therefore,\r\nthe answer is correct.", "It is not incorrect.",
    "Therefore, the answer is incorrect. Therefore, the answer is correct.", "also, the answer is correct",
)  # fmt: skip
ANSWERS = (
    "\\boxed{5}", "\\boxed{\\frac{1}{2}}", "\\boxed{}", "\\boxed{\\boxed{5}}", "\\boxed{4}\\boxed{5}", "\\boxed 7",
    "\\fbox{ 5 }", "\\boxed{x = \\{1, 2\\}", "$5$", "The answer is 5.", "#### 5", "<answer>5</answer>", "\\boxed{5",
    "A: 12", "the final answer is: $\\dfrac12$", "\\boxed{\\text{fish}}", "\\boxed{5}}", "}{", "\\[ 5 \\]", "\\(5\\)",
    "Answer: \\boxed{ }", "boxed{5}", "= 1,000", "is 12.", "5 %", "\\boxed{-\\infty}", "\\boxed{(1, 2]}",
)  # fmt: skip
ENDS = ("<|im_end|>", "<|endoftext|>", "</s>", "<|eot_id|>", "<|im_end|><|im_end|>", "<|im_end|>\n", "<|im_start|>")
NOISE = (
    " ", "\n\n", "\n", "\t", "", "So", "x", "12", "−3", "日本語", "😀", "e\u0301", "\u200b", "\u202e", "\x00", "\ufffd",
    "Wait", "Let me", "correct", "incorrect", "{", "}", "\\", "$", "...", "a" * 40, "((((", "Therefore", "\r\n",
    "Let me see: 2 + 3 = 5, so it works.", "Wait, is that so? Let me try", "9" * 30, "\\frac{", "I think it is fine.",
)  # fmt: skip
GOLDS = (
    "5",
    "1/2",
    "\\frac{1}{2}",
    "12",
    "(1,2]",
    "\\{1,2\\}",
    "x=5",
    "",
    "B",
    "50\\%",
    "1000",
    "-3",
    "fish",
    "5",
    "5",
)


def hostile_texts(count: int, seed: int) -> list[dict[str, Any]]:
    """Responses stuffed with markers, half markers, verdicts, boxes, end tokens and noise."""
    rng = random.Random(seed)
    texts = ["", " \n", "<|im_end|>", "Wait, let me recheck my solution.", "Let me try again.", "\ud800", "so\ud83d"]
    texts += [marker + verdict for marker in MARKERS[:2] for verdict in VERDICTS]
    pools = (MARKERS, MARKERS[:2], VERDICTS, ANSWERS, NOISE, ENDS)
    weights = (2, 4, 4, 5, 3, 0.4)
    while len(texts) < count:
        parts = [rng.choice(rng.choices(pools, weights)[0]) for _ in range(rng.choice((2, 4, 8, 16, 30)))]
        texts.append(rng.choice(("", " ", "\n\n")).join(parts))
    text = "\\boxed{4} Wait, let me recheck my solution. Therefore, the answer is incorrect. Let me try again. "
    texts[-4:] = [
        text * 15,
        text * 10,
        (text * 10).removesuffix("Let me try again. "),
        text * 10 + "\\boxed{5}<|im_end|> and more",
    ]
    return [
        {
            "source": "hostile", "problem_id": f"h{i % 23}", "prompt": f"What is {i} + 5?", "response": text,
            "gold": rng.choice(GOLDS), "finished": (None, True, False)[i % 3], "level": (1, 2, None)[i % 3],
            "step": i % 4,
        }
        for i, text in enumerate(texts)
    ]  # fmt: skip


def shelf() -> list[dict[str, Any]]:
    """The cases of s2r_rewards.testing.shelf."""
    from s2r_rewards.testing.shelf import SHELF

    return [
        {
            "source": "shelf", "problem_id": str(i % 3), "prompt": "What is 2 + 3?", "response": case.text,
            "gold": case.gold, "finished": case.finished, "level": i % 2, "step": None,
        }
        for i, case in enumerate(SHELF)
    ]  # fmt: skip


def answer_pairs(seed: int, others: int) -> list[tuple[str, list[str]]]:
    """Gold answers, each with other notations of its value, near misses and answers to other questions."""
    classes = [
        ["5", "5.0", "5.", "05", "10/2", "\\frac{10}{2}", "x=5", "$5$", "\\text{fish}", "5 cm", "5\\%", "+5", "five", "5^1"],
        ["1/2", "0.5", "\\frac12", "\\dfrac{1}{2}", "50\\%", "50 %", ".5", "\\frac{2}{4}", "0.50", "2^{-1}", "1:2", "½"],
        ["0.333333", "1/3", "0.33333333", "0.3333", "33.3333\\%", "\\frac{1}{3}", "0.\\overline{3}"],
        ["1,000", "1000", "1 000", "10^3", "1{,}000", "1e3", "1\\,000", "1.0 \\times 10^3", "(1,000)", "1,00"],
        ["(1,2)", "(1, 2)", "(2,1)", "[1,2)", "(1,2]", "\\left(1,2\\right)", "1,2", "\\{1,2\\}", "1<x<2", "x\\in(1,2)"],
        ["\\{1,2\\}", "1, 2", "2,1", "1 and 2", "x=1 or x=2", "\\{2, 1\\}", "{1;2}", "\\pm 1", "1 or -3", "1,2,3"],
        ["\\sqrt{12}", "2\\sqrt{3}", "2\\sqrt3", "3.4641016151", "\\sqrt{3}\\cdot 2", "12^{1/2}", "3.46", "\\sqrt{13}"],
        ["x^2-1", "(x-1)(x+1)", "x^{2}-1", "-1+x^2", "x^2+1", "y^2-1", "f(x)=x^2-1", "(x+1)^2-2x-2"],
        ["\\pi", "3.14159265358979", "3.14", "\\pi ", "pi", "180^\\circ", "\\frac{2\\pi}{2}", "22/7"],
        ["B", "(B)", "B) 25", "\\textbf{(B)}", "option B", "b", "25", "\\text{B}", "A", "BB"],
        ["yes", "Yes", "Yes.", "no", "True", "Yes, it is", "y"],
        ["x \\ge 3", "[3,\\infty)", "x>=3", "3 \\le x", "x>3", "(3,\\infty)", "\\{x | x \\ge 3\\}"],
        ["y=2x+1", "2x+1", "y = 1+2x", "2x-y+1=0", "y=2x-1", "y-1=2x"],
        ["\\begin{pmatrix}1\\\\2\\end{pmatrix}", "\\begin{bmatrix} 1 \\\\ 2 \\end{bmatrix}", "(1,2)", "[1,2]", "<1,2>"],
        ["3:4", "3/4", "0.75", "\\frac34", "6:8", "4:3"], ["2+3i", "3i+2", "2+3j", "3+2i", "(2,3)"],
        ["\\$12.50", "12.5", "12.50 dollars", "$12.50", "12.5\\text{ dollars}", "1250"],
        ["3^{2008}", "9^{1004}", "3^2008", "9^{1005}", "3^{2007}\\cdot 3"], ["16_{10}", "16", "10000_2", "20_8"],
        ["0", "-0", "0.0", "\\emptyset", "none", "no solution", "\\varnothing", "1-1"], ["\\infty", "+\\infty", "-\\infty", "inf"],
        ["12:30", "12:30 PM", "12.5", "half past twelve"], ["[1, 'a']", "[1,\"a\"]", "['a', 1]", "[1, a]"],
        ["\\binom{5}{2}", "10", "\\frac{5!}{2!3!}", "10.0", "11"], ["", "5", "  "], ["\\frac{1", "1", "\\frac{1}{", "1/"],
        ["Evelyn", "evelyn", "Evelyn.", "Evelin", "\\text{Evelyn}"], ["3\\frac12", "3.5", "7/2", "3 1/2", "31/2"],
    ]  # fmt: skip
    odd = [
        "", " ", "\\", "{", "}" * 30, "(" * 90, "9" * 400, "7^{7^{7^{7}}}", "1/0", "\\frac{1}{0}", "0^0", "\x00", "NaN",
        "nan", "-", "1e999", "x" * 200, "__import__('os')", "10" * 20 + "!", "\\sqrt{-1}", "\\log 0", "\ud800",
        "1,2,3,4,5,6,7,8,9", "\\text{I do not know}", "\\frac{\\frac{1}{2}}{3}", "{{1}}", "1=1", "a=b=c", "∞", "٥",
    ]  # fmt: skip
    rng = random.Random(seed)
    everything = [answer for row in classes for answer in row]
    pairs = []
    for row in classes:
        for gold in row[:4]:
            answers = [a for a in row if a != gold] + rng.sample(everything, others) + rng.sample(odd, 4)
            pairs.append((gold, answers))
    pairs += [(gold, rng.sample(odd, 8) + rng.sample(everything, 4)) for gold in odd if gold.strip()]
    return pairs


def reward_rows(seed: int, count: int) -> dict[str, Any]:
    """Rewards of any real value, groups and accuracies: what a method of one's own may hand over."""
    rng = random.Random(seed)
    lengths = [rng.choice((0, 1, 2, 2, 4, 4, 6, 8, 3, 20)) for _ in range(count)]
    values = rng.choice
    rows = [[values((-1.0, 1.0, 1.0, 0.0, 0.5, -0.1, 0.3)) for _ in range(n)] for n in lengths]
    rows[0] = [values((-1.0, 1.0)) for _ in range(80)]
    rows[-1] = [*rows[0][:70], *rows[0]][:80]
    return {
        "rows": rows,
        "groups": [f"p{rng.randrange(9)}" for _ in rows],
        "accuracy": [rng.choice((0.0, 0.1, 0.125, 0.3, 0.5, 0.7, 0.875, 1.0)) for _ in rows],
    }


def tiny_rollouts(folder: Path) -> list[dict[str, Any]]:
    """From a run of `s2r recipes run tiny --quick --out FOLDER`: base, initialised, online and offline."""
    wanted = (("base-t1", 12, 40), ("plain-t1", 8, 40), ("bi-t1", 8, 40), ("prl", 64, 3), ("offline", 64, 30))
    items = []
    for name, count, every in wanted:
        rows = _jsonl(folder / "seed-0/rollouts" / f"{name}.jsonl")
        eights = [rows[i : i + 8] for i in range(0, len(rows), 8)]  # whole groups where there are groups
        chosen = [row for eight in eights[::every] for row in eight][:count] if count > 12 else rows[::every]
        items += [_item("tiny", row) for row in chosen[:count]]
    return items


def openrlhf_rollouts(folder: Path) -> list[dict[str, Any]]:
    """From OpenRLHF's process-level training with --s2r.rollouts FOLDER/rollouts.jsonl (tests/openrlhf)."""
    return [_item("openrlhf", row) for row in _jsonl(folder / "rollouts.jsonl")[:128]]


def _item(source: str, row: dict[str, Any]) -> dict[str, Any]:
    names = ("problem_id", "prompt", "response", "gold", "finished", "level", "step", "token_ids")
    return {"source": source, **{name: row.get(name) for name in names}}


def _jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def verl_rollouts(folder: Path, tokenizer: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What reached the actor's loss in verl's real trainer (tests/verl: S2R_VERL_CPU_DUMP, runs `prl` and `orl`).

    Returns the rollouts, and for each step of `prl` what the actor got: action ids, advantages, reward places.
    """
    import torch

    from s2r_rewards.tokens import decode_with_offsets

    items: list[dict[str, Any]] = []
    actor: list[dict[str, Any]] = []
    end = tokenizer.token_to_id("<|im_end|>")
    for run, steps, size in (("prl", (0, 3), 64), ("orl", (0, 1), 16)):
        rows: list[dict[str, Any]] = []
        for path in sorted((folder / run / "dump").glob("*.pt")):
            columns = torch.load(path)
            names = [name for name in columns if name != "policy_loss"]
            rows += [{name: columns[name][i] for name in names} for i in range(len(columns[names[0]]))]
        for step in steps:
            part = rows[step * size : (step + 1) * size]
            first = len(items)
            for row in part:
                ids = row["responses"].tolist()
                prompt = tokenizer.decode(row["prompts"].tolist(), skip_special_tokens=False)
                poisoned = "9 + 9" in prompt
                items.append(
                    {
                        "source": "verl", "problem_id": prompt.split("\n")[1], "prompt": prompt,
                        "response": decode_with_offsets(ids, tokenizer)[0], "gold": "" if poisoned else "3",
                        "finished": ids[-1] == end, "level": 1, "step": step, "token_ids": ids, "failed": poisoned,
                    }
                )  # fmt: skip
            if run == "prl":
                actor.append(
                    {
                        "items": list(range(first, len(items))),
                        "action_ids": [row["s2r_action_ids"].tolist() for row in part],
                        "advantages": [row["advantages"].tolist() for row in part],
                        "rewards": [row["rm_scores"].tolist() for row in part],
                    }
                )
    return items, actor


def openrlhf_actor(folder: Path, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What reached OpenRLHF's trainer in its first batch, by the token ids of the rollouts."""
    import torch

    at: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for i, item in enumerate(items):
        item["failed"] = not item["gold"]
        at[tuple(item["token_ids"])].append(i)
    chosen: list[int] = []
    advantages: list[list[float]] = []
    for part in torch.load(folder / "prl/first_batch.pt", weights_only=False):
        for row, mask in enumerate(part["action_mask"].bool()):
            ids = tuple(part["sequences"][row][1:][mask].tolist())
            label = part["labels"][row]
            same = [i for i in at[ids] if items[i]["gold"] == label and items[i]["step"] == items[0]["step"]]
            chosen.append(same[0])
            advantages.append(part["advantages"][row][mask].float().tolist())
    return [{"items": chosen, "advantages": advantages}]


def write(path: Path, rows: list[Any]) -> int:
    """JSON lines, gzipped so that the same rows give the same bytes; returns how many bytes."""
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return path.stat().st_size
