"""Runs functions of the authors' released code (a clone of github.com/NineAbyss/S2R) beside `released-*`.

Random trajectories go through both; what differs is counted. `--oracle` keeps some of what went in and came out of theirs
for the tests.

    git clone https://github.com/NineAbyss/S2R && python benchmarks/authors.py S2R
"""

from __future__ import annotations

import copy
import json
import random
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace as Stub
from typing import Any

import numpy as np
import torch
from borrowed import END, GOLD, IDS, PAD, PROMPT, SAID, R, Tokens, W, response, theirs
from kit import RESULTS, arguments, publish, table

from s2r_rewards import get_method, judge, parse
from s2r_rewards.answers import CheckResult
from s2r_rewards.datasets.offline import cut, decide_on, in_band
from s2r_rewards.losses import action_policy_loss, kl_penalised

Oracle = dict[str, list[Any]]


def compare(gold: Any, answer: str) -> CheckResult:
    return CheckResult("correct" if gold == answer else "incorrect", "equal")


def judged(text: str, grammar: str, finished: bool = True) -> Any:
    return judge(parse(text, grammar, finished), GOLD, compare)


def verdicts(their: Stub, count: int, draw: random.Random, oracle: Oracle) -> Counter[str]:
    """get_veri_answer beside the grammar `released`, for one verification in the last place and in another."""
    found: Counter[str] = Counter()
    for _ in range(count):
        said = "".join(draw.choices(SAID, k=draw.randint(0, 6)))
        for last in (True, False):
            text = f"\\boxed{{1}}{W}{said}" + ("" if last else f"{R}\\boxed{{1}}")
            (ours, *_) = parse(text, "released").verifications
            verdict = their.get_veri_answer(said, is_last=last)
            oracle["verdicts"].append([text, verdict])
            found["compared"] += 1
            found["differ"] += verdict != str(ours.verdict)
    return found


def online(
    their: Stub, batches: int, draw: random.Random, oracle: Oracle, problems: int = 64
) -> Iterator[tuple[str, Counter[str]]]:
    """generate_experience…: verdicts, rewards, baselines over past batches, bonuses, cut-offs; then their RLOO."""
    samples = 4
    method, outcomes = get_method("released-prl"), get_method("released-orl")
    state = method.new_state()
    found: dict[str, Counter[str]] = defaultdict(Counter)
    with tempfile.TemporaryDirectory() as folder:
        trainer = object.__new__(their.RLOOTrainer)
        trainer.accelerator = Stub(gather=lambda x: x, reduce=lambda x, _: x, device="cpu")
        dump = Path(folder) / "dump.jsonl"
        trainer.args = Stub(model_path="qwen", output_dir="", use_tf32_forward=False, world_size=1, batch_size=64,
                            dump_data_path=str(dump))  # fmt: skip
        trainer.initialize_baseline(use_prefix=True)
        known = set(trainer.prefix2idx)
        for _ in range(batches):
            rows = [response(draw, repeats=0.05) for _ in range(problems * samples)]
            ended = [draw.random() < 0.8 for _ in rows]
            width = 1 + max(map(len, rows)) + 1
            ids = torch.full((len(rows), width), PAD)
            for i, (row, done) in enumerate(zip(rows, ended, strict=True)):
                given = [IDS[PROMPT], *(IDS[p] for p in row)]
                if not done:  # cut off where the longest response ends
                    given += [IDS["Hm "]] * (width - len(given))
                    rows[i] = row + ["Hm "] * (width - 1 - len(row))
                else:
                    given += [END]
                ids[i, : len(given)] = torch.tensor(given)
            trainer.tokenizer = Tokens(width)

            class Model:
                device, dtype = "cpu", torch.float64
                eval = train = lambda self: None

                def generate(self, *_: Any, ids: torch.Tensor = ids, **__: Any) -> torch.Tensor:
                    return ids

                def __call__(self, input_ids: torch.Tensor, **_: Any) -> Stub:
                    return Stub(logits=torch.zeros(*input_ids.shape, 1))

            data = {"problem": ["?"] * problems, "solution": [f"\\boxed{{{GOLD}}}"] * problems,
                    "answer": [GOLD] * problems, "is_sft": [0] * problems, "level": [1] * problems}  # fmt: skip
            dump.write_text("")
            trainer.generate_experience_incot_splitmask(
                Model(), data, [], 0, stage="stage2", use_bonus=True, use_veri_bonus=True, use_prefix_baseline=True,
                rloo_n=samples,
            )  # fmt: skip
            said = [json.loads(line) for line in dump.read_text().splitlines()]
            records: list[dict[str, Any]] = []
            ours = [judged("".join(row), method.grammar, done) for row, done in zip(rows, ended, strict=True)]
            credited = method.advantages(ours, state=state)
            for one, values, line in zip(ours, credited, said, strict=True):
                rewards = method.rewards(one)
                contexts = [
                    "".join(f"{'V' if t % 2 else 'R'}{int(r)}" for t, r in enumerate(rewards[:n]))
                    for n in range(len(rewards))
                ]
                found["trajectories"]["compared"] += 1
                found["verdicts"].update(_pairs([str(v) for v in one.verdicts], line["all_veri_answers"]))
                found["rewards"].update(_pairs(rewards, line["all_split_rewards"]))
                final = line["all_final_rewards"]
                inside = [t for t, context in enumerate(contexts) if context in known]
                found["contexts outside of their list"]["compared"] += len(contexts) - len(inside)
                found["advantages"].update(
                    _pairs([values[t] for t in inside], [final[t] for t in inside if t < len(final)])
                )
                found["cut off"]["compared"] += one.trajectory.ended is False
                record = {
                    "text": one.trajectory.text,
                    "ended": one.trajectory.ended,
                    "rewards": line["all_split_rewards"],
                }
                record["advantages"] = [value if t in inside else None for t, value in enumerate(final)]
                records.append(record | {"verdicts": line["all_veri_answers"]})
            batch, *_ = trainer.generate_experience_incot_splitmask_rloo(
                Model(), data, [], 0, stage="stage2", use_level_baseline=False, rloo_n=samples
            )
            prompts = [i // samples for i in range(len(rows))]
            mine = outcomes.outcome_advantages([outcomes.outcome(one) for one in ours], prompts)
            compared = batch.data_dict["instance_rewards"].tolist()
            found["outcome advantages"].update(_pairs(mine, compared, 1e-12))
            oracle["online"].append({"samples": samples, "responses": records, "outcome_advantages": compared})
    yield from found.items()


def _pairs(ours: Sequence[Any], other: Sequence[Any], within: float = 0.0) -> Counter[str]:
    differ = abs(len(ours) - len(other))
    for a, b in zip(ours, other, strict=False):
        differ += a != b if isinstance(a, str) else abs(a - b) > within
    return Counter(compared=max(len(ours), len(other)), differ=differ)


def offline(their: Stub, prompts: int, draw: random.Random, oracle: Oracle) -> Iterator[tuple[str, Counter[str]]]:
    """Their three filters, the draw that balances, baselines by exact accuracy, bonuses, for both levels."""
    method = get_method("released-offline-prl")
    found: dict[str, Counter[str]] = defaultdict(Counter)
    lines, mine = [], {}
    for name in range(prompts):
        texts = ["".join(response(draw)) + f"<{name}.{i}>" for i in range(8)]
        ours = [judged(text, method.grammar) for text in texts]
        score = [one.last_correct for one in ours]
        mine.update(zip(texts, ours, strict=True))
        lines.append({"question": str(name), "gt": GOLD, "gt_cot": "", "level": 1, "solution": f"\\boxed{{{GOLD}}}",
                      "code": texts, "score": score})  # fmt: skip
    accuracy = {line["question"]: sum(line["score"]) / 8 for line in lines}
    decided = {text: decide_on(one, method.filter) for text, one in mine.items()}
    band = their.stage1_filter_problem(copy.deepcopy(lines))
    wanted = [name for name, value in accuracy.items() if in_band(value)]
    found["prompts in the band"].update(_pairs(wanted, [line["question"] for line in band]))
    band, _ = their.get_all_reward_dist(band)
    np.random.seed(0)
    kept = their.stage2_rejection_sampling(band)
    by_prompt: dict[str, set[str]] = defaultdict(set)
    for row in kept:
        by_prompt[row["problem"]].add(row["raw_response"])
    for line in lines:
        if line["question"] not in wanted:
            continue
        right = {t for t in line["code"] if decided[t].reason is None and any(mine[t].correct)}
        wrong = {t for t in line["code"] if decided[t].reason is None and not any(mine[t].correct)}
        chosen = by_prompt[line["question"]]
        found["rollouts kept or dropped"]["compared"] += 8
        found["rollouts kept or dropped"]["differ"] += len((chosen - wrong) ^ right)
        found["all-wrong ones drawn"]["compared"] += 1
        found["all-wrong ones drawn"]["differ"] += len(chosen & wrong) != min(len(wrong), len(right))
    shorter = [cut(mine[row["raw_response"]], decided[row["raw_response"]]) for row in kept]
    names = [row["problem"] for row in kept]
    rewards = [method.rewards(one) for one in shorter]
    for row, own in zip(kept, rewards, strict=True):
        signs = "".join(f"{'RV'[t % 2]}{'+' if r > 0 else '-'}" for t, r in enumerate(own))
        found["rewards after the cut"]["compared"] += len(own)
        found["rewards after the cut"]["differ"] += signs != row["reward_dist"]
        row |= {"prompt": "", "gold_extracted_answer": GOLD}
    exact = [accuracy[name] for name in names]
    data = object.__new__(their.OfflineRLDataset)
    data._initialize_baseline(use_accuracy=True)
    data._compute_baseline(kept, use_accuracy_baseline=True)
    rows, misaligned = data.precompute_reward(
        kept, Tokens(0), use_bonus=True, use_veri_bonus=True, use_accuracy_baseline=True
    )
    found["advantages"]["differ"] += len(misaligned)
    for row, values in zip(rows, method.advantages(shorter, accuracy=exact), strict=True):
        attempts, verifications = row["response_rewards"], row["veri_rewards"]
        other = [x for pair in zip(attempts, verifications, strict=True) for x in pair]
        found["advantages"].update(_pairs(values, other, 1e-12))
    responses = get_method("released-offline-orl")
    data._initialize_baseline(use_accuracy=True, use_process_rl=False)
    data._compute_baseline([{**row, "level": "none"} for row in kept], use_accuracy_baseline=True, use_process_rl=False)
    other = [
        data.compute_advantage(their.get_instance_reward_from_reward_dist(row["reward_dist"]), accuracy=a,
                               use_accuracy_baseline=True, use_process_rl=False)
        for row, a in zip(kept, exact, strict=True)
    ]  # fmt: skip
    given = [row[0] for row in responses.advantages(shorter, accuracy=exact)]
    found["outcome advantages"].update(_pairs(given, other, 1e-12))
    credit = {row["raw_response"]: (row["response_rewards"], row["veri_rewards"]) for row in rows}
    instances = {row["raw_response"]: value for row, value in zip(kept, other, strict=True)}
    for line in lines:
        oracle["offline"].append({
            "in_band": line["question"] in wanted,
            "responses": [
                {"text": text, "kept": text in by_prompt[line["question"]], "advantages": credit.get(text),
                 "outcome_advantage": instances.get(text)}
                for text in line["code"]
            ],
        })  # fmt: skip
    yield from found.items()


def losses(their: Stub, count: int, draw: random.Random, oracle: Oracle) -> Counter[str]:
    """Their process loss beside ours on one response each: clipped ratios per action, KL inside the advantage."""
    found: Counter[str] = Counter()
    torch.manual_seed(draw.randrange(2**31))
    method, beta = get_method("released-prl"), 0.05
    for _ in range(count):
        parts = [[k + 1] * draw.randint(1, 6) for k in range(draw.randint(1, 6))]
        ids = torch.tensor([[0, *(k for part in parts for k in part)]])
        labels = torch.randint(0, 5, ids.shape).masked_fill(ids == 0, -100)
        credit = torch.tensor([0.0, *(draw.uniform(-2, 2) for _ in parts)], dtype=torch.float64)
        logits = [torch.randn(*ids.shape, 5, dtype=torch.float64) * 1.5 for _ in range(3)]
        models = [lambda x=x, **_: Stub(logits=x) for x in logits]
        models[1].eval = lambda: None  # type: ignore[attr-defined]
        trainer = object.__new__(their.RLOOTrainer)
        trainer.args = Stub(use_tf32_forward=False, kl_coef=beta, clip_range=0.2, debug_mode=False)
        trainer.ref_model, trainer.store_metrics = models[1], lambda *_: None
        inputs = {"input_ids": ids, "attention_mask": ids, "labels": labels, "old_forward_logits": logits[2],
                  "token_rewards": credit[ids], "part_idx_masks": ids.clone(),
                  "weights": torch.ones(1, dtype=torch.float64), "sft_mask": torch.zeros(1)}  # fmt: skip
        expected = float(trainer.compute_loss_splitpart_inkl_sentence(models[0], inputs))
        now, reference, old = (their.compute_lm_loglikeli(x, labels)[0] for x in logits)
        actions, advantages = ids[:, 1:] - 1, credit[ids][:, 1:]
        advantages = kl_penalised(advantages, old, reference, actions, beta)
        loss, _ = action_policy_loss(now, old, advantages, actions, 0.2, method.ratio)
        numbers = {"now": now, "old": old, "reference": reference, "advantages": credit[ids][:, 1:], "actions": actions}
        oracle["losses"].append({name: value[0].tolist() for name, value in numbers.items()} | {"loss": expected})
        found["compared"] += 1
        found["differ"] += abs(float(loss) - expected) > 1e-9
    return found


def main() -> None:
    parser = arguments(__doc__, trajectories=20_480, seed=0)
    parser.add_argument("clone", type=Path, help="a clone of github.com/NineAbyss/S2R")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/authors.md")
    parser.add_argument("--oracle", type=Path, help="write what went in and came out of their code here, JSON")
    given = parser.parse_args()
    oracle: Oracle = defaultdict(list)
    problems = 8 if given.oracle else 64
    their, draw = theirs(given.clone), random.Random(given.seed)
    rows = [("get_veri_answer", "verdicts", verdicts(their, given.trajectories, draw, oracle))]
    rows += [
        ("online", what, n) for what, n in online(their, given.trajectories // (4 * problems), draw, oracle, problems)
    ]
    rows += [("offline", what, n) for what, n in offline(their, given.trajectories // 8, draw, oracle)]
    rows += [("process loss", "responses", losses(their, given.trajectories // 20, draw, oracle))]
    if given.oracle:
        rounded = json.loads(json.dumps(oracle), parse_float=lambda text: round(float(text), 12))
        given.oracle.write_text(json.dumps(rounded, separators=(",", ":")) + "\n", encoding="utf-8")
    lines = table(
        ["their code", "what", "compared", "differ"],
        [[where, what, f"{n['compared']:,}", f"{n['differ']:,}"] for where, what, n in rows],
        numbers=2,
    )
    publish(["# Beside the authors' released code", "", *lines], RESULTS / "authors.md" if given.write else None)
    sys.exit(any(n["differ"] for _, _, n in rows))


if __name__ == "__main__":
    main()
