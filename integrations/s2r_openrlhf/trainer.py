"""Trainer subclasses: OpenRLHF's trainer with the S²R experience maker, its metrics, evaluation and state."""

from __future__ import annotations

import logging
from itertools import groupby
from typing import Any

from s2r_openrlhf.carried import gold_or_nothing, response_ids
from s2r_openrlhf.options import Options
from s2r_rewards.rollouts import Rollout, RolloutWriter

logger = logging.getLogger(__name__)
STATE = "s2r_baseline"


def s2r_trainer(actor_class: Any, options: Options) -> type:
    """A subclass of the class behind a Ray actor class (``PPOTrainer``, or ``TrainingActor`` of async runs).

    Ray forbids subclassing the actor class itself. The class is local, so it travels to the actor by value, with
    ``options`` in it; swapping the maker in the driver would not reach the actor.
    """

    class S2RTrainer(actor_class.__ray_metadata__.modified_class):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            from s2r_openrlhf.maker import S2RExperienceMaker

            models = (
                self.actor_model_group,
                self.critic_model_group,
                self.reward_model_group,
                self.reference_model_group,
            )
            self.experience_maker = S2RExperienceMaker(
                *models, self.kl_ctl, self.strategy, self.tokenizer, options=options
            )
            # Of asynchronous runs another actor generates (see s2r_generator).
            self.evaluation = watched(self)

        def evaluate(self, global_step: int, **settings: Any) -> dict[str, Any]:
            logs = super().evaluate(global_step, **settings)
            metrics = self.evaluation.metrics(self.eval_dataloader)
            for tracker in (self.wandb_logger, self.tensorboard_logger):
                if tracker:
                    tracker.log_eval(global_step, metrics)
            return {**logs, **metrics}

        def train_step(self, rollout_samples: list[Any], global_step: int) -> tuple[dict[str, Any], int]:
            if options.rollouts:
                append_rollouts(options.rollouts, rollout_samples, self.tokenizer, global_step + 1, options)
            status, step = super().train_step(rollout_samples, global_step)
            return {**status, **self.experience_maker.metrics}, step

        def init_checkpoint_states(self) -> dict[str, Any]:
            states: dict[str, Any] = super().init_checkpoint_states()
            if STATE in states and self.experience_maker.state is not None:
                self.experience_maker.state.load_state_dict(states[STATE])
            return states

        def save_logs_and_checkpoints(
            self, global_step: int, logs_dict: dict[str, Any] | None = None, client_states: dict[str, Any] | None = None
        ) -> None:
            if client_states is not None and self.experience_maker.state is not None:
                client_states[STATE] = self.experience_maker.state.state_dict()
            super().save_logs_and_checkpoints(global_step, logs_dict, client_states)

    return S2RTrainer


def s2r_generator(actor_class: Any) -> type:
    """A subclass of the class behind ``GenerateSamplesActor``, which evaluates in asynchronous runs."""

    class S2RGenerator(actor_class.__ray_metadata__.modified_class):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.evaluation = watched(self)

        def _run_eval(self) -> dict[str, Any]:
            logs = super()._run_eval()
            return {**logs, **self.evaluation.metrics(self.eval_dataloader)}

    return S2RGenerator


def watched(owner: Any) -> Any:
    """The evaluation of an actor's sample generator, if it has one."""
    from s2r_openrlhf.rollouts.evaluation import Evaluation

    generator = getattr(owner, "samples_generator", None)
    return Evaluation(generator) if generator is not None else None


def append_rollouts(path: str, samples: list[Any], tokenizer: Any, step: int, options: Options) -> None:
    """``--s2r.rollouts``: one line of the library's JSONL a sample, for ``s2r score`` and ``s2r report``.

    ``samples`` are OpenRLHF's single-sample experiences, before batching. A full disk or the like is logged; it does not end the run.
    """
    try:
        with RolloutWriter(path, append=True) as writer:
            for sample in samples:
                writer.write(to_rollout(sample, tokenizer, step, options))
    except OSError as error:
        logger.warning("rollouts of step %d were not written to %s: %s", step, path, error)


def to_rollout(sample: Any, tokenizer: Any, step: int, options: Options) -> Rollout:
    ids = response_ids(sample, 0)
    turns = turns_of(sample, tokenizer)
    said = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    return Rollout(
        problem_id=sample.prompts[0],
        prompt=sample.prompts[0],
        response="".join(said) if len(said) > 1 else tokenizer.decode(ids, skip_special_tokens=False),
        gold=gold_or_nothing(sample.labels[0], options),
        step=step,
        token_ids=tuple(ids),
        finished=not bool(sample.truncated[0]),
        extra={"turns": turns} if len(said) > 1 else {},
    )


def turns_of(sample: Any, tokenizer: Any) -> list[dict[str, str]]:
    """The turns of a sample: runs of generated tokens are the model's, what stands between them is the user's."""
    ids, mask = sample.sequences[0][1:].tolist(), sample.action_mask[0].bool().tolist()
    last = len(mask) - mask[::-1].index(True) if any(mask) else 0
    first = mask.index(True) if any(mask) else 0
    turns = []
    for generated, places in groupby(range(first, last), key=lambda i: mask[i]):
        text = tokenizer.decode([ids[i] for i in places], skip_special_tokens=not generated)
        turns.append({"role": "assistant" if generated else "user", "content": text})
    return turns
