"""Trainer subclasses: OpenRLHF's trainer with the S²R experience maker, its metrics and its state."""

from __future__ import annotations

from typing import Any

from s2r_openrlhf.options import Options

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

            self.experience_maker = S2RExperienceMaker(
                self.actor_model_group,
                self.critic_model_group,
                self.reward_model_group,
                self.reference_model_group,
                self.kl_ctl,
                self.strategy,
                self.tokenizer,
                options=options,
            )

        def train_step(self, rollout_samples: list[Any], global_step: int) -> tuple[dict[str, Any], int]:
            if options.rollouts:
                from s2r_openrlhf.rollout_log import append_rollouts

                append_rollouts(options.rollouts, rollout_samples, self.tokenizer, global_step + 1)
            status, step = super().train_step(rollout_samples, global_step)
            return {**status, **self.experience_maker.metrics}, step

        def init_checkpoint_states(self) -> dict[str, Any]:
            states: dict[str, Any] = super().init_checkpoint_states()
            if STATE in states and self.experience_maker.state is not None:
                self.experience_maker.state.load_state_dict(states[STATE])
            return states

        def save_logs_and_checkpoints(
            self,
            global_step: int,
            logs_dict: dict[str, Any] | None = None,
            client_states: dict[str, Any] | None = None,
        ) -> None:
            if client_states is not None and self.experience_maker.state is not None:
                client_states[STATE] = self.experience_maker.state.state_dict()
            super().save_logs_and_checkpoints(global_step, logs_dict, client_states)

    return S2RTrainer
