"""What S²R's reward and advantage path adds to a verl training step, beside verl's own in the same run.

Real Ray reward workers score a batch of 1024 prompts x 8 samples: verl's stock reward manager (its MATH scorer) with
RLOO, then ours with process-level rewards and reward-context advantages. Both get the same responses.

    python benchmarks/verl_overhead.py --output benchmarks/results/verl.md      (in an environment with verl)
"""

import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("VERL_PLATFORM", "cpu")

import kit
import numpy as np
import ray
import torch
import verl
from hydra import compose, initialize_config_module
from tensordict import TensorDict
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer
from verl import DataProto

from s2r_rewards.testing import Script

PROMPT = 8
SETTINGS = {
    "verl": ["reward.reward_manager.name=naive", "algorithm.adv_estimator=rloo"],
    "s2r": [
        "reward.reward_manager.name=s2r",
        "algorithm.adv_estimator=s2r_process",
        "actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent",
        "trainer.v1.trainer_mode=s2r_sync",
    ],
}
SENTENCES = (
    "We square both sides and collect the terms on the left.",
    "Since $x > 0$, the inequality keeps its direction.",
    "Substituting back gives $3x^2 - 5x + 2 = 0$, so $x = 1$ or $x = \\frac{2}{3}$.",
    "The area is half the product of the diagonals.",
)


class Timing(NamedTuple):
    scoring: float
    """Seconds for the reward workers to score the batch."""
    cpu: float
    """CPU seconds of the reward workers for it; hardly depends on what else the machine does."""
    advantages: float
    """Seconds from token-level rewards to advantages."""


def response(rng: random.Random, words: int, gold: str) -> str:
    """One to three attempts with verifications, about `words` words, in the paper's wording."""
    attempts = rng.choice((1, 1, 2, 3))
    share = max(1, words // (attempts * 2) // 9)

    def prose() -> str:
        return " ".join(rng.choice(SENTENCES) for _ in range(share))

    script = Script()
    for index in range(attempts):
        last = index == attempts - 1
        answer = gold if last and rng.random() < 0.6 else str(rng.randint(2, 99))
        verdict = "correct" if last else "incorrect"
        script = script.solve(answer, f"{prose()} So the answer is $\\boxed{{{answer}}}$.")
        script = script.verify(verdict, f"{prose()} Therefore, the answer is {verdict}.")
    return script.text()


def make_batch(tokenizer: Any, prompts: int, samples: int, words: int) -> DataProto:
    rng = random.Random(0)
    golds = [str(rng.choice((rng.randint(2, 99), "\\frac{1}{2}", "2\\sqrt{3}"))) for _ in range(prompts)]
    rows = [
        [*tokenizer.encode(response(rng, words, gold), add_special_tokens=False), tokenizer.eos_token_id]
        for gold in golds
        for _ in range(samples)
    ]
    count, lengths = len(rows), torch.tensor([PROMPT + len(row) for row in rows])
    responses = pad_sequence([torch.tensor(row) for row in rows], True, tokenizer.pad_token_id)
    mask = (torch.arange(PROMPT + responses.shape[1]) < lengths[:, None]).long()

    def column(values: list[Any]) -> np.ndarray:
        out = np.empty(count, dtype=object)
        out[:] = values
        return out

    return DataProto(
        batch=TensorDict(
            {"prompts": torch.zeros(count, PROMPT, dtype=torch.long), "responses": responses, "attention_mask": mask},
            batch_size=count,
        ),
        non_tensor_batch={
            "data_source": column(["lighteval/MATH"] * count),
            "reward_model": column([{"ground_truth": golds[i // samples]} for i in range(count)]),
            "extra_info": column([{"level": 1 + i % 5} for i in range(count)]),
            "uid": column([f"p{i // samples}" for i in range(count)]),
        },
    )


class Way:
    """One of the two ways, with its reward workers."""

    def __init__(self, kind: str, model: str, workers: int, batch: DataProto) -> None:
        from verl.experimental.reward_loop import RewardLoopManager

        overrides = [
            f"actor_rollout_ref.model.path={model}",
            "actor_rollout_ref.rollout.name=vllm",
            f"reward.num_workers={workers}",
            *SETTINGS[kind],
        ]
        with initialize_config_module("verl.trainer.config", version_base=None):
            self.config = compose("ppo_trainer", overrides=overrides)
        self.kind = kind
        self.manager = RewardLoopManager(self.config)
        self.manager.compute_rm_score(batch[: 64 * workers])  # imports and caches

    def once(self, batch: DataProto) -> Timing:
        from verl.trainer.ppo.ray_trainer import compute_advantage

        mask = batch.batch["attention_mask"][:, PROMPT:].float()
        cpu = self._cpu()
        start = time.perf_counter()
        scored = self.manager.compute_rm_score(batch)
        middle = time.perf_counter()
        cpu = self._cpu() - cpu
        after = time.perf_counter()
        data = DataProto(
            batch=TensorDict(
                {"token_level_rewards": scored.batch["rm_scores"], "response_mask": mask}, batch_size=len(mask)
            ),
            non_tensor_batch={"uid": batch.non_tensor_batch["uid"]},
        )
        algorithm = self.config.algorithm
        with self.records(scored):
            compute_advantage(data, adv_estimator=algorithm.adv_estimator, config=algorithm)
        return Timing(middle - start, cpu, time.perf_counter() - after)

    @contextmanager
    def records(self, scored: DataProto) -> Iterator[None]:
        """As S2R's trainer, which reads the samples' records and has them at hand while advantages are computed."""
        if self.kind == "verl":
            yield
            return
        from s2r_rewards import get_method
        from s2r_verl.algorithms import Batch, at_hand
        from s2r_verl.records import FIELD, at_rest, read_records

        with at_rest():
            records = read_records({"reward_extra_info": {FIELD: text}} for text in scored.non_tensor_batch[FIELD])
            with at_hand(Batch(records, get_method("s2r-prl"))):
                yield

    def _cpu(self) -> float:
        workers = self.manager.reward_loop_workers
        return sum(ray.get([w.__ray_call__.remote(lambda self: time.process_time()) for w in workers]))

    def close(self) -> None:
        for worker in self.manager.reward_loop_workers:
            ray.kill(worker)
        time.sleep(2)  # Ray frees the workers' names


def measure(model: str, batch: DataProto, workers: int, repeats: int) -> dict[str, Timing]:
    """Both ways in the order A B B A, so that what else the machine does hits both alike; medians.

    verl names its reward workers, so that only one way's workers can live at a time.
    """
    timings: dict[str, list[Timing]] = {kind: [] for kind in SETTINGS}
    for kind in (*SETTINGS, *reversed(SETTINGS)):
        way = Way(kind, model, workers, batch)
        timings[kind] += [way.once(batch) for _ in range(repeats)]
        way.close()
    return {kind: Timing(*map(statistics.median, zip(*found, strict=True))) for kind, found in timings.items()}


def main() -> None:
    parser = kit.arguments(__doc__, prompts=1024, samples=8)
    parser.add_argument("--words", type=int, default=300, help="words of a response, about")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--model", help="folder with a tokenizer; default: a tiny one made for the occasion")
    parser.add_argument("--output", type=Path, help="also write the table to this file")
    options = parser.parse_args()
    model = options.model
    if model is None:
        from s2r_verl_cpu.assets import build_model

        model = str(build_model(Path(tempfile.mkdtemp())))
    batch = make_batch(AutoTokenizer.from_pretrained(model), options.prompts, options.samples, options.words)
    ray.init(num_cpus=max(options.workers) + 2, include_dashboard=False, log_to_driver=False)
    results = {workers: measure(model, batch, workers, options.repeats) for workers in options.workers}
    ray.shutdown()

    rows = []
    for workers, found in results.items():
        theirs, ours = found["verl"], found["s2r"]
        for name, a, b in (
            ("scoring, CPU", theirs.cpu, ours.cpu),
            ("scoring", theirs.scoring, ours.scoring),
            ("advantages", theirs.advantages, ours.advantages),
            ("scoring + advantages", theirs.scoring + theirs.advantages, ours.scoring + ours.advantages),
        ):
            rows.append([str(workers), name, f"{a:.2f} s", f"{b:.2f} s", f"{b / a:.2f}"])
    tokens = batch.batch["attention_mask"][:, PROMPT:].sum(1).float()
    lines = [
        "# What the reward and advantage path adds to a verl step",
        "",
        f"{options.prompts} prompts x {options.samples} samples, {tokens.mean():.0f} tokens on average (longest "
        f"{int(tokens.max())}); verl {verl.__version__}, torch {torch.__version__}, {kit.PYTHON}, "
        f"{os.cpu_count()} CPU cores, median of {2 * options.repeats}. The two ways took turns in one run of "
        "`benchmarks/verl_overhead.py`; other work shared the machine, so read the ratios.",
        "",
        *kit.table(["reward workers", "", "verl's manager + RLOO", "s2r process-level", "ratio"], rows),
    ]
    first, last = options.workers[0], options.workers[-1]
    if first != last:
        speedup = {k: results[first][k].scoring / results[last][k].scoring for k in SETTINGS}
        lines += [
            "",
            f"Scoring from {first} to {last} workers: verl {speedup['verl']:.2f} times as fast, "
            f"s2r {speedup['s2r']:.2f} times.",
        ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
