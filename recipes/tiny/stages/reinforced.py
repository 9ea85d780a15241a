"""Online RL (stage 3), and offline RL from stored rollouts (stage 4; appendix F, arXiv:2502.12853)."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import nn

from s2r_rewards import JudgedTrajectory, Method, behaviour_metrics, parse
from s2r_rewards.datasets.offline import PromptCounts, cut, decide_on, in_band
from s2r_rewards.methods import OfflineFilter
from s2r_rewards.rollouts import Rollout, RolloutWriter, read_rollouts, write_rollouts
from s2r_rewards.rollouts.scoring import judge_rollouts

from ..config import OfflineConfig, OnlineConfig
from ..context import Context
from ..data.responses import extra_metrics, scored
from ..data.task import END_TEXT, Problems
from ..learn.model import new_optimizer, set_rate
from ..learn.policy import Batch, advantages_of, make_batch, renewed, schedule, update
from ..methods import control_of, offline_method, online_method, shuffled


def online(context: Context) -> None:
    """With the stage's method, or with any other."""
    settings = context.config.online
    method, control = online_method(context.stage, settings, context.rng), control_of(settings)
    policy, reference = context.load("bi"), context.load("bi").eval()
    groups = [i for i in range(settings.prompts) for _ in range(settings.samples)]
    problems_of, state = Problems(context.rng), method.new_state()

    def sampled(step: int) -> tuple[Batch, dict[str, float]]:
        drawn = problems_of.draw(settings.prompts)
        problems = [drawn[i] for i in groups]
        samples, rollouts = context.respond(policy, problems, settings.temperature, step + 1)
        judged = judge_rollouts(rollouts, method.grammar)
        trained = judge_rollouts(shuffled(rollouts, context.rng), method.grammar) if control.shuffled else judged
        advantages = advantages_of(method, trained, groups=groups, state=state)
        prompts, old = [r.prompt for r in rollouts], [s.log_probs for s in samples]
        batch = make_batch(method, prompts, trained, advantages, reference, old)
        with RolloutWriter(context.folder.rollouts(context.stage), append=step > 0) as writer:
            for rollout in scored(rollouts[: settings.keep], judged[: settings.keep]):
                writer.write(rollout)
        return batch, {**behaviour_metrics(judged), **extra_metrics(judged)}

    beta = settings.kl_orl if method.level == "outcome" else settings.kl_prl
    _learn(context, policy, settings, method, beta, settings.steps, sampled, "s2r/outcome/accuracy")


def store(context: Context) -> None:
    """Before stage 4: some samples per prompt of the initialised model."""
    settings = context.config.rollouts
    distinct = dict.fromkeys(Problems(context.rng).draw(settings.prompts))
    problems = [p for p in distinct for _ in range(settings.samples)]
    _, rollouts = context.respond(context.load("bi"), problems, settings.temperature)
    write_rollouts(context.folder.rollouts(context.stage), scored(rollouts, judge_rollouts(rollouts)))


def offline(context: Context) -> None:
    settings = context.config.offline
    method = offline_method(context.stage, settings)
    kept, fates = select(list(read_rollouts(context.folder.rollouts("rollouts"))), settings)
    context.metrics.append({"stage": context.stage, **{f"tiny/{k}": float(v) for k, v in fates.items()}})
    policy, reference = context.load("bi"), context.load("bi").eval()
    prompts, judged, accuracies = zip(*kept, strict=True)
    advantages = advantages_of(method, judged, groups=prompts, accuracy=accuracies)
    stored = make_batch(method, prompts, judged, advantages, reference)
    shuffles = [torch.from_numpy(context.rng.permutation(len(stored))) for _ in range(settings.passes)]
    chunks = [chunk for order in shuffles for chunk in order.split(settings.batch)]

    def chunk(step: int) -> tuple[Batch, dict[str, float]]:
        return renewed(stored.rows(chunks[step]), policy), {}

    _learn(context, policy, settings, method, settings.kl, len(chunks), chunk, "tiny/kl_to_reference")


def _learn(
    context: Context,
    policy: nn.Module,
    settings: OnlineConfig | OfflineConfig,
    method: Method,
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
        log({"step": step + 1, **metrics, **update(policy, optimizer, batch, settings, method, beta, context.rng)})
    context.finish(policy)


def select(
    rollouts: Sequence[Rollout], settings: OfflineConfig
) -> tuple[list[tuple[str, JudgedTrajectory, float]], Counter[str]]:
    """Prompts of middling accuracy; rollouts that alternate, cut where they are done; as many wrong as right.

    Returns what to learn from (prompt, response, the prompt's accuracy), and how many rollouts met which fate.
    """
    if settings.rejection not in ("truncate", "discard"):
        raise ValueError(f"offline.rejection is {settings.rejection!r}; expected truncate or discard")
    rules = OfflineFilter("truncate" if settings.rejection == "truncate" else "discard", settings.max_actions)
    judged = judge_rollouts(rollouts)
    decisions = [decide_on(j, rules) for j in judged]
    prompts: dict[str, PromptCounts] = defaultdict(PromptCounts)
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompts[rollout.problem_id].add(j.last_correct, decision.reason is None, any(j.correct))
    for name, prompt in prompts.items():
        prompt.restart(name)
    kept: list[tuple[str, JudgedTrajectory, float]] = []
    fates: Counter[str] = Counter()
    for rollout, j, decision in zip(rollouts, judged, decisions, strict=True):
        prompt = prompts[rollout.problem_id]
        if not in_band(prompt.accuracy, settings.low, settings.high):
            fates["prompt_out_of_band"] += 1
        elif decision.reason:
            fates[decision.reason] += 1
        elif settings.balance and not any(j.correct) and not prompt.take_wrong():
            fates["balanced_out"] += 1
        else:
            fates["truncated" if decision.truncated else "kept_whole"] += 1
            if decision.truncated:  # the end token is part of the text here
                shorter = cut(j, decision)
                j = replace(shorter, trajectory=parse(shorter.trajectory.text + END_TEXT))
            kept.append((rollout.prompt, j, prompt.accuracy))
    return kept, fates
