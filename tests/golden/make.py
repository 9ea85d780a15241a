"""Makes the fixture of test_golden.py with an old checkout: what commit 7c380af said, before the redesign.

    python tests/golden/make.py OLD_CHECKOUT RECORDED_RUNS

Needs torch and tokenizers. OLD_CHECKOUT is a clone of this repository at 7c380af; RECORDED_RUNS a folder with

    tiny/      s2r recipes run tiny --quick --no-plots --out tiny
    verl/      the folders `prl` (4 steps of 8 prompts × 8 samples, the last prompt poisoned) and `orl` (2 steps of
               4 × 4, scripted answers) of tests/verl/test_end_to_end.py's `train`, and `warm`, its model
    openrlhf/  `prl` (24 prompts, one without a golden answer, 8 × 4 a step) of tests/openrlhf/harness.py's
               `train_rl` with --s2r.rollouts rollouts.jsonl, and `model`, its tokenizer

all run with the old checkout. Hostile texts, answer pairs and rewards are seeded. Nothing here asks a symbolic
worker, whose answers depend on what is installed and on the clock. The fixture says how the library behaved, right
or wrong: where a correction changes a number, run this again and say in the commit which numbers changed and why.
"""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class OldFace:
    """The calls of 7c380af that the redesign spells differently, under the redesign's names of the methods."""

    def __init__(self) -> None:
        from s2r_rewards import presets

        self.preset = lambda method: presets.PRESETS["released" if method.startswith("released") else "paper"]

    def grammar(self, method: str) -> str:
        return self.preset(method).grammar

    def rewards(self, method: str, judged: Any) -> Any:
        from s2r_rewards import action_rewards

        return action_rewards(judged, self.preset(method).no_end_penalty)

    def outcome(self, method: str, judged: Any) -> float:
        from s2r_rewards import outcome_reward

        return outcome_reward(judged, self.preset(method).no_end_penalty)

    def new_state(self, method: str) -> Any:
        from s2r_rewards.baselines import running

        return running(min_count=self.preset(method).min_count) if method == "released-prl" else None

    def advantages(self, method: str, judged: Any, groups: Any, accuracy: Any, state: Any) -> Any:
        from s2r_rewards import offline_advantages, outcome_advantages, process_advantages

        preset = self.preset(method)
        rows = [self.rewards(method, one) for one in judged]
        outcomes = [self.outcome(method, one) for one in judged]
        if method.endswith("offline-prl"):
            return offline_advantages(rows, accuracy, min_count=preset.min_count, preset=preset)
        if method.endswith("offline-orl"):
            given = offline_advantages([(o,) for o in outcomes], accuracy, by="outcome", min_count=preset.min_count)
            return [given[i] * len(row) for i, row in enumerate(rows)]
        if method.endswith("-orl"):
            values = outcome_advantages(outcomes, groups)
            return [(values[i],) * len(row) for i, row in enumerate(rows)]
        return process_advantages(rows, preset=preset, baseline=state)

    def scored(self, method: str, items: list[dict[str, Any]], spans: Any, checker_many: Any) -> list[Any]:
        from s2r_rewards.rollouts.scoring import score_rollouts

        scored = score_rollouts(
            [_rollout(item) for item in items], preset=self.preset(method), checker_many=checker_many,
            token_spans=spans,
        )  # fmt: skip
        return [dict(one.s2r) for one in scored]


def _rollout(item: dict[str, Any]) -> Any:
    from s2r_rewards.rollouts import Rollout

    return Rollout(item["problem_id"], item["prompt"], item["response"], item["gold"], finished=item["finished"])


def main(old: Path, runs: Path) -> None:
    sys.path[:0] = [str(old), str(HERE)]
    import inputs
    import says
    import torch
    from tokenizers import Tokenizer

    import s2r_rewards
    from s2r_rewards.answers import CHECKER_VERSION

    assert Path(s2r_rewards.__file__).is_relative_to(old), s2r_rewards.__file__
    face = OldFace()
    tokenizers = {
        "tiny": _tiny_tokenizer(old),
        "verl": Tokenizer.from_file(str(runs / "verl/warm/tokenizer.json")),
        "openrlhf": Tokenizer.from_file(str(runs / "openrlhf/model/tokenizer.json")),
    }
    verl, verl_actor = inputs.verl_rollouts(runs / "verl", tokenizers["verl"])
    openrlhf = inputs.openrlhf_rollouts(runs / "openrlhf")
    openrlhf_actor = inputs.openrlhf_actor(runs / "openrlhf", openrlhf)
    sources = {
        "shelf": inputs.shelf(),
        "hostile": inputs.hostile_texts(330, seed=7),
        "tiny": inputs.tiny_rollouts(runs / "tiny"),
        "verl": verl,
        "openrlhf": openrlhf,
    }
    texts = [item["response"] for items in sources.values() for item in items][:500]
    texts = [text for text in texts if len(text) < 900 and not any("\ud800" <= c <= "\udfff" for c in text)]
    tokenizers |= {"sentencepiece": _sentencepiece(texts), "wordpiece": _wordpiece(texts)}

    rollouts, batches, records, tensors = [], [], [], []
    for name, items in sources.items():
        _add_accuracy(items, says)
        for item, judged in zip(items, says.of_judged(face, items), strict=True):
            item.setdefault("failed", False)
            rollouts.append({"item": item, "says": says.of_text(item["response"], item["finished"]) | judged})
        rows = [row["says"]["rewards"]["s2r-prl"] for row in rollouts[-len(items) :]]
        groups, accuracy = [i["problem_id"] for i in items], [i["accuracy"] for i in items]
        batches.append(
            {
                "source": name, "rewards": says.of_rewards(rows, groups, accuracy),
                "methods": says.of_methods(face, items), "batch": says.of_batch(items),
            }
        )  # fmt: skip
        spans = None
        if name in tokenizers:
            spans = [says.of_tokens(item["token_ids"], tokenizers[name])["spans"][0] for item in items]
            tensors.append(_tensors(name, rows, spans, says))
        for method, where in (("s2r-prl", spans), ("released-prl", None)):
            records.append(
                {
                    "source": name, "method": method, "spans": where is not None,
                    "records": face.scored(method, items, where, says._never_symbolic),
                }
            )  # fmt: skip
    given = inputs.reward_rows(seed=3, count=120)
    batches.append({"source": "any", "given": given, "rewards": says.of_rewards(**given)})

    actor = [{"source": "verl", **_packed(step, says)} for step in verl_actor]
    actor += [{"source": "openrlhf", **_packed(step, says)} for step in openrlhf_actor]
    tokens = []
    for name, tokenizer in tokenizers.items():
        given_ids = [item["token_ids"] for item in sources.get(name, [])][::5]
        if name != "tiny":
            given_ids += [tokenizer.encode(text, add_special_tokens=False).ids for text in texts[11:331:9]]
        for ids in given_ids:
            tokens.append({"tokenizer": name, "ids": ids, "says": says.of_tokens(ids, tokenizer)})
    pairs = inputs.answer_pairs(seed=5, others=4)
    made = {
        "commit": subprocess.check_output(["git", "-C", str(old), "rev-parse", "HEAD"], text=True).strip(),
        "checker": CHECKER_VERSION, "python": platform.python_version(), "torch": torch.__version__,
        "cpu": torch.backends.cpu.get_cpu_capability(),
    }  # fmt: skip
    files = {
        "rollouts": rollouts,
        "batches": batches,
        "records": records,
        "actor": actor,
        "tensors": tensors,
        "tokens": [{"tokenizers": {name: json.loads(t.to_str()) for name, t in tokenizers.items()}}, *tokens],
        "pairs": [{"gold": g, "answers": a, "says": says.of_pair(g, a)} for g, a in pairs],
        "made": [made],
    }
    sizes = {name: inputs.write(HERE / f"{name}.jsonl.gz", rows) for name, rows in files.items()}
    counts = {name: len(items) for name, items in sources.items()}
    print(made, counts, {name: len(rows) for name, rows in files.items()}, sizes, sum(sizes.values()), sep="\n")


def _add_accuracy(items: list[dict[str, Any]], says: Any) -> None:
    right: dict[str, list[bool]] = defaultdict(list)
    for item, judged in zip(items, says.judged_as("paper", items), strict=True):
        right[item["problem_id"]].append(judged.last_correct)
    for item in items:
        of_prompt = right[item["problem_id"]]
        item["accuracy"] = sum(of_prompt) / len(of_prompt)


def _tensors(name: str, rows: list[Any], spans: list[Any], says: Any) -> dict[str, Any]:
    """Tensors and losses of the first rollouts, their rewards standing for the advantages."""
    chosen = range(0, len(rows), max(1, len(rows) // 12))
    rows, spans = [rows[i] for i in chosen], [spans[i] for i in chosen]
    length = max(end for where in spans for _, end in where) + 3
    return {
        "source": name, "rows": rows, "spans": spans, "length": length, "seed": 11,
        "tensors": says.of_tensors(rows, spans, length), "losses": says.of_losses(rows, spans, length, 11),
    }  # fmt: skip


def _packed(step: dict[str, Any], says: Any) -> dict[str, Any]:
    return {name: value if name == "items" else says.packed(value) for name, value in step.items()}


def _tiny_tokenizer(old: Path) -> Any:
    from recipes.tiny.tokenizer import tokenizer

    return tokenizer().backend_tokenizer


def _sentencepiece(texts: list[str]) -> Any:
    """BPE with byte fallback and a leading space, as Llama 2 has it, trained on the texts."""
    from tokenizers import Tokenizer, decoders, models, normalizers, trainers

    normal = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.normalizer = normal
    alphabet = trainers.BpeTrainer(vocab_size=500, limit_alphabet=90, show_progress=False)
    trained.train_from_iterator([text[:400] for text in texts], alphabet)
    model = json.loads(trained.to_str())["model"]
    vocab = {"<unk>": 0, "<|im_end|>": 1} | {f"<0x{b:02X}>": 2 + b for b in range(256)}
    for piece in model["vocab"]:
        vocab.setdefault(piece, len(vocab))
    merges = [tuple(pair) for pair in model["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normal
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(["<|im_end|>"])
    return tokenizer


def _wordpiece(texts: list[str]) -> Any:
    """WordPiece, which is decoded through the tokenizer's own `decode`, trained on the texts."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=["[UNK]", "<|im_end|>"], show_progress=False)
    tokenizer.train_from_iterator([text[:400] for text in texts], trainer)
    return tokenizer


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
