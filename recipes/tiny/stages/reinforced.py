"""Online RL (stage 3), and offline RL from stored rollouts (stage 4; appendix F, arXiv:2502.12853)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from s2r_rewards import JudgedTrajectory, behaviour_metrics, parse
from s2r_rewards.datasets.offline import PromptCounts, cut, decide_on, in_band
from s2r_rewards.methods import OfflineFilter
from s2r_rewards.rollouts import Rollout, RolloutWriter, read_rollouts, write_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts, score_rollouts

from ..config import OfflineConfig, OnlineConfig
from ..context import Context
from ..data.responses import METHODS, extra_metrics
from ..data.task import END_TEXT, Problems
from ..learn.model import new_optimizer, set_rate
from ..learn.policy import Batch, make_batch, renewed, schedule, update

FILTER = OfflineFilter("truncate", max_actions=10)  # as the released code's limit works out


def online(context: Context) -> None:
    """At the outcome level (RLOO) or at the process level (reward-context baseline)."""
    settings, method = context.config.online, METHODS[context.stage]
    policy, reference = context.load("bi"), context.load("bi").eval()
    groups = [i for i in range(settings.prompts) for _ in range(settings.samples)]
    stream = Problems(context.rng)

    def sampled(step: int) -> tuple[Batch, dict[str, float]]:
        drawn = stream.draw(settings.prompts)
        problems = [drawn[i] for i in groups]
        samples, rollouts = context.respond(policy, problems, settings.temperature, step + 1)
        judged = judge_rollouts(rollouts)
        prompts = [r.prompt for r in rollouts]
        batch = make_batch(method, prompts, judged, groups, reference, [s.log_probs for s in samples])
        with RolloutWriter(context.folder.rollouts(context.stage), append=step > 0) as writer:
            for rollout in score_rollouts(rollouts[: settings.keep], METHODS["prl"]):
                writer.write(rollout)
        return batch, {**behaviour_metrics(judged), **extra_metrics(judged)}

    beta = {"orl": settings.kl_orl, "prl": settings.kl_prl}[context.stage]
    _learn(context, policy, settings, beta, settings.steps, sampled, "s2r/outcome/accuracy")


def store(context: Context) -> None:
    """Before stage 4: rollouts/offline.jsonl, some samples per prompt of the initialised model."""
    settings = context.config.offline
    distinct = dict.fromkeys(Problems(context.rng).draw(settings.prompts))
    problems = [p for p in distinct for _ in range(settings.samples)]
    _, rollouts = context.respond(context.load("bi"), problems, settings.temperature)
    write_rollouts(context.folder.rollouts("offline"), score_rollouts(rollouts, METHODS["prl"]))


def offline(context: Context) -> None:
    settings = context.config.offline
    kept, fates = select(list(read_rollouts(context.folder.rollouts("offline"))), settings)
    context.metrics.append({"stage": context.stage, **{f"tiny/{k}": float(v) for k, v in fates.items()}})
    policy, reference = context.load("bi"), context.load("bi").eval()
    prompts, judged, accuracies = zip(*kept, strict=True)
    stored = make_batch(METHODS[context.stage], prompts, judged, accuracies, reference)
    shuffled = [torch.from_numpy(context.rng.permutation(len(stored))) for _ in range(settings.passes)]
    chunks = [chunk for order in shuffled for chunk in order.split(settings.batch)]

    def chunk(step: int) -> tuple[Batch, dict[str, float]]:
        return renewed(stored.rows(chunks[step]), policy), {}

    _learn(context, policy, settings, settings.kl, len(chunks), chunk, "tiny/kl_to_reference")


def _learn(
    context: Context,
    policy: nn.Module,
    settings: OnlineConfig | OfflineConfig,
    beta: float,
    steps: int,
    batch_of: Callable[[int], tuple[Batch, dict[str, float]]],
    shown: str,
) -> None:
    """One pass over each step's batch; `batch_of` gives it and what else there is to log."""
    optimizer, log = new_optimizer(policy, settings.lr), context.log(steps, shown)
    for step in range(steps):
        set_rate(optimizer, settings.lr * schedule(step, steps))
        batch, metrics = batch_of(step)
        log({"step": step + 1, **metrics, **update(policy, optimizer, batch, settings, beta, context.rng)})
    context.finish(policy)


def select(
    rollouts: Sequence[Rollout], settings: OfflineConfig
) -> tuple[list[tuple[str, JudgedTrajectory, float]], Counter[str]]:
    """Prompts of middling accuracy; rollouts that alternate, cut where they are done; as many wrong as right.

    Returns what to learn from (prompt, response, the prompt's accuracy), and how many rollouts met which fate.
    """
    judged = judge_rollouts(rollouts)
    decisions = [decide_on(j, FILTER) for j in judged]
    prompts: dict[str, PromptCounts] = defaultdict(PromptCounts)
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompts[rollout.problem_id].add(j.last_correct, decision.reason is None, any(j.correct))
    kept: list[tuple[str, JudgedTrajectory, float]] = []
    fates: Counter[str] = Counter()
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompt = prompts[rollout.problem_id]
        if not in_band(prompt.accuracy, settings.low, settings.high):
            fates["prompt_out_of_band"] += 1
        elif decision.reason:
            fates[decision.reason] += 1
        elif not any(j.correct) and not prompt.take_wrong():
            fates["balanced_out"] += 1
        else:
            fates["truncated" if decision.truncated else "kept_whole"] += 1
            if decision.truncated:  # the end token is part of the text here
                shorter = cut(j, decision)
                j = replace(shorter, trajectory=parse(shorter.trajectory.text + END_TEXT))
            kept.append((rollout.prompt, j, prompt.accuracy))
    return kept, fates
