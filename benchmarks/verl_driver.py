"""What verl's driver spends between rewards and the actor: verl's RLOO and S²R's process level, at full length.

verl's way, as its trainer does it: pad rewards and mask, estimate, cut advantages and returns back to rows. Ours: read the
records, one advantage an action; then, for the log, the tokens' advantages. Each measurement has a process of its own, so
that one's memory is not another's; the same responses.

    python benchmarks/verl_driver.py --output benchmarks/results/verl_driver.md      (in an environment with verl)
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("VERL_PLATFORM", "cpu")

import kit

WAYS = ("verl", "verl's estimator", "s2r", "s2r's estimator")
ACTIONS = 6


def responses(count: int, length: int) -> tuple[list[int], list[list[int]], list[list[float]]]:
    """(tokens, the ends of the actions, their rewards) of each response: half the longest to the longest."""
    import numpy as np

    rng = np.random.default_rng(0)
    lengths = [length, *rng.integers(length // 2, length + 1, count - 1).tolist()]
    ends = [[*np.sort(rng.choice(n - 2, ACTIONS - 1, replace=False) + 1).tolist(), n] for n in lengths]
    return lengths, ends, [rng.choice([-1.0, 1.0], ACTIONS).tolist() for _ in lengths]


def texts_of(ends: list[list[int]], rewards: list[list[float]]) -> list[str]:
    """The records as they lie beside the samples."""
    from s2r_rewards.answers.result import CheckResult
    from s2r_rewards.scored import ScoredAction, ScoredRollout
    from s2r_rewards.trajectory import Verdict

    found = []
    for where, earned in zip(ends, rewards, strict=True):
        actions, first, right = [], 0, False
        for t, (end, reward) in enumerate(zip(where, earned, strict=True)):
            place = (4 * first, 4 * end)
            if t % 2 == 0:
                right = reward > 0
                check = CheckResult("correct" if right else "incorrect", "numbers")
                actions.append(ScoredAction("solve", *place, check=check, reward=reward, tokens=(first, end)))
            else:
                verdict = Verdict.CORRECT if right == (reward > 0) else Verdict.INCORRECT
                actions.append(ScoredAction("verify", *place, verdict=verdict, reward=reward, tokens=(first, end)))
            first = end
        outcome = 1.0 if right else -1.0
        signs = ((1, 0),) * 11
        found.append(ScoredRollout(tuple(actions), outcome, True, level="3", signs=signs).wire())
    return found


class Peak:
    """The most memory that a process held, beyond what it had before."""

    def __init__(self) -> None:
        import psutil

        self.process = psutil.Process()
        self.start = self.most = self.process.memory_info().rss
        self.running = True
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def _watch(self) -> None:
        while self.running:
            self.most = max(self.most, self.process.memory_info().rss)
            time.sleep(0.001)

    def gib(self) -> float:
        self.running = False
        self.thread.join()
        return (max(self.most, self.process.memory_info().rss) - self.start) / 2**30


def steps_of(way: str, count: int, length: int) -> dict[str, Callable[[dict[str, Any]], Any]]:
    """Name → one step of a way; each takes what the steps before it gave, by name."""
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from tensordict import TensorDict
    from verl import DataProto
    from verl.trainer.ppo.ray_trainer import compute_advantage
    from verl.workers.utils.padding import response_to_nested

    from s2r_rewards import get_method
    from s2r_rewards.adapter import batch_metrics, measured
    from s2r_rewards.scored import ScoredRollout
    from s2r_rewards.tensors import spread_rows
    from s2r_verl.algorithms import Batch, action_advantages, at_hand
    from s2r_verl.records import FIELD, at_rest, jagged, read_records

    lengths, ends, rewards = responses(count, length)
    uids = [f"p{i // 8}" for i in range(count)]
    nest = torch.nested.as_nested_tensor
    method = get_method("s2r-prl")
    algorithm = OmegaConf.create({"use_kl_in_reward": False})

    def scored(n: int, earned: list[float]) -> torch.Tensor:
        row = torch.zeros(n)
        row[-1] = earned[-2]
        return row

    def on_tokens() -> dict[str, torch.Tensor]:
        return {
            "rm_scores": nest([scored(n, r) for n, r in zip(lengths, rewards, strict=True)], layout=torch.jagged),
            "response_mask": nest([torch.ones(n, dtype=torch.int64) for n in lengths], layout=torch.jagged),
        }

    def padded() -> DataProto:
        data = DataProto(batch=TensorDict(on_tokens(), batch_size=count).to_padded_tensor())
        data.batch["token_level_rewards"] = data.batch["rm_scores"]
        data.non_tensor_batch["uid"] = np.array(uids, dtype=object)
        return data

    if way == "verl":
        stored = on_tokens()

        def pad(_: dict[str, Any]) -> DataProto:
            data = DataProto(batch=TensorDict(stored, batch_size=count).to_padded_tensor())
            data.batch["token_level_rewards"] = data.batch["rm_scores"]
            data.non_tensor_batch["uid"] = np.array(uids, dtype=object)
            return data

        def rloo(given: dict[str, Any]) -> Any:
            return compute_advantage(given["pad"], adv_estimator="rloo", config=algorithm)

        def cut(given: dict[str, Any]) -> Any:
            mask = stored["response_mask"]
            return [response_to_nested(given["advantages"].batch[name], mask) for name in ("advantages", "returns")]

        return {"pad": pad, "advantages": rloo, "cut back": cut}
    if way == "verl's estimator":
        data = padded()
        return {"advantages": lambda _: compute_advantage(data, adv_estimator="rloo", config=algorithm)}
    if way == "s2r's estimator":
        data = padded()
        records = [ScoredRollout.loads(text) for text in texts_of(ends, rewards)]

        def estimate(_: dict[str, Any]) -> Any:
            with at_hand(Batch(records, method)):
                return compute_advantage(data, adv_estimator="s2r_process", config=algorithm)

        return {"advantages": estimate}
    texts = texts_of(ends, rewards)
    spans = [list(zip([0, *row], row, strict=False)) for row in ends]  # as they lie beside the samples

    @at_rest()
    def advantages(_: dict[str, Any]) -> Any:
        records = read_records({"reward_extra_info": {FIELD: text}} for text in texts)
        kept = [record and measured(record) for record in records]
        values, _ = action_advantages(Batch(records, method), lengths, uids, [True] * count)
        return values, kept, jagged(values)

    def log(given: dict[str, Any]) -> Any:
        return spread_rows(given["records, advantages"][0], spans, lengths)

    def metrics(given: dict[str, Any]) -> Any:
        return batch_metrics(given["records, advantages"][1], alarms=True)

    return {"records, advantages": advantages, "tokens for the log": log, "metrics and alarms": metrics}


def alone(way: str, count: int, length: int) -> dict[str, float]:
    """CPU seconds of each step (they hardly depend on what else the machine does), and ``GiB`` in all.

    Not of the first: what torch imports when it is first asked belongs to no step.
    """
    given: dict[str, Any] = {}
    for name, step in steps_of(way, 8, 64).items():
        given[name] = step(given)
    steps = steps_of(way, count, length)
    peak, given, found = Peak(), {}, {}
    for name, step in steps.items():
        start = time.process_time()
        given[name] = step(given)
        found[name] = time.process_time() - start
    return {**found, "GiB": peak.gib()}


def measured(way: str, count: int, length: int, repeats: int) -> dict[str, float]:
    """The least of several processes, step by step: other work on the machine only adds."""
    command = [sys.executable, __file__, "--alone", way, "--responses", str(count), "--length", str(length)]
    runs = [
        json.loads(subprocess.run(command, check=True, capture_output=True).stdout.splitlines()[-1])
        for _ in range(repeats)
    ]
    return {name: min(run[name] for run in runs) for name in runs[0]}


def main() -> None:
    parser = kit.arguments(__doc__, responses=192, length=131_072, many=16_384, short=8_192, repeats=3)
    parser.add_argument("--alone", choices=WAYS, help="one measurement, as JSON")
    parser.add_argument("--output", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(alone(options.alone, options.responses, options.length)))
        return
    found = {way: measured(way, options.responses, options.length, options.repeats) for way in WAYS}
    seconds = {way: sum(v for name, v in steps.items() if name != "GiB") for way, steps in found.items()}
    to_actor = found["s2r"]["records, advantages"]
    with_log = to_actor + found["s2r"]["tokens for the log"]

    def line(name: str, theirs: float, ours: float, unit: str) -> list[str]:
        return [name, f"{theirs:.3f} {unit}", f"{ours:.3f} {unit}", f"{ours / theirs:.2f}"]

    estimator, ours = found["verl's estimator"], found["s2r's estimator"]
    rows = [
        line("rewards → advantages at the actor", seconds["verl"], to_actor, "s"),
        line("… and on the tokens, for the log", seconds["verl"], with_log, "s"),
        line("… memory", found["verl"]["GiB"], found["s2r"]["GiB"], "GiB"),
        line("estimator on padded tensors", estimator["advantages"], ours["advantages"], "s"),
        line("… memory", estimator["GiB"], ours["GiB"], "GiB"),
    ]
    many = measured("s2r", options.many, options.short, options.repeats)
    step = [[name, f"{value:.3f} s"] for name, value in many.items() if name != "GiB"]
    total = sum(value for name, value in many.items() if name != "GiB")
    lines = [
        "# What verl's driver spends on advantages",
        "",
        f"{options.responses} responses of {options.length // 2:,} to {options.length:,} tokens, {ACTIONS} actions each; "
        f"{kit.PYTHON}, {os.cpu_count()} CPU cores, CPU time, the least of {options.repeats} processes each.",
        "",
        *kit.table(["", "verl's RLOO", "s2r process level", "ratio"], rows, 3),
        "",
        f"One step of {options.many:,} responses of up to {options.short:,} tokens, ours alone:",
        "",
        *kit.table(["", "driver"], [*step, ["all", f"{total:.3f} s"]], 1),
    ]
    kit.publish(lines, options.output)


if __name__ == "__main__":
    main()
