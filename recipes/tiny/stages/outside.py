"""What needs no reinforcement: BI sampled otherwise, a loop around the base model, and a rule without a model."""

from s2r_rewards import behaviour_metrics
from s2r_rewards.rollouts import Rollout
from s2r_rewards.rollouts.scoring import judge_rollouts

from ..context import Context
from ..data import task
from ..learn.sampler import Sampler


def again(context: Context) -> None:
    """The initialised model at other temperatures: what sampling alone can do."""
    context.evaluate(context.load("bi"), (context.config.outside.temperature,))


def rule(context: Context) -> None:
    """Even → 2, ends in 5 → 5, else 3: the first attempt of somebody who sees the last digit only."""
    answers = ["2" if p.number % 2 == 0 else "5" if p.number % 5 == 0 else "3" for p in _problems(context)]
    _record(context, answers, 0.0)


def loop(context: Context) -> None:
    """Somebody else's loop: the base model proposes a prime and divides by it, until no remainder is left.

    It sees its earlier tries, as in its training documents. The model never says whether an answer is right: the loop
    reads the last remainder. After `outside.tries` tries the last proposal stands.
    """
    problems, settings = _problems(context), context.config.outside
    sampler = Sampler(context.load("base"))
    seen = [task.encode(p.prompt) for p in problems]
    answers = [""] * len(problems)
    waiting = list(range(len(problems)))
    for _ in range(settings.tries):
        prompts = [[*seen[i], task.IDS[task.ANSWER]] for i in waiting]
        proposed = [s.ids for s in sampler(prompts, 1, settings.temperature, context.generator)]
        prompts = [
            [*prompt, *box, *task.encode((task.BREAK, task.DIVISION))]
            for prompt, box in zip(prompts, proposed, strict=True)
        ]
        steps = 2 * len(str(task.LARGEST))
        divisions = [s.ids for s in sampler(prompts, steps, 0.0)]
        still = []
        for i, prompt, box, division in zip(waiting, prompts, proposed, divisions, strict=True):
            answers[i] = task.decode(box)
            if division[-1:] != [task.IDS[task.REMAINDERS[0]]]:
                still.append(i)
            padded = division + [task.IDS[task.BREAK]] * (steps - len(division))
            seen[i] = [*prompt, *padded, task.IDS[task.BREAK]]
        waiting = still
    _record(context, [a.removeprefix("\\boxed{").removesuffix("}.") for a in answers], settings.temperature)


def _problems(context: Context) -> list[task.Problem]:
    return task.held_out_problems(context.config.evaluation.problems)


def _record(context: Context, answers: list[str], temperature: float) -> None:
    """Evaluates final answers as responses of a single attempt."""
    problems = _problems(context)
    rollouts = [
        Rollout(p.id, "".join(p.prompt), f"The answer is \\boxed{{{a}}}.{task.END_TEXT}", p.gold, level=p.level)
        for p, a in zip(problems, answers, strict=True)
    ]
    metrics = behaviour_metrics(judge_rollouts(rollouts), levels=[p.level for p in problems])
    context.metrics.append({"stage": context.stage, "temperature": temperature, **metrics})
