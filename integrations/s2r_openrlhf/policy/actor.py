"""The actor that trains the policy: OpenRLHF's, with the method's loss over actions in it."""

from __future__ import annotations

from typing import Any

from s2r_rewards.methods import Method


def s2r_actor(actor_class: Any, method: Method) -> type:
    """A subclass of the class behind Ray's ``PolicyModelActor``; it travels to the workers by value."""

    class S2RPolicyActor(actor_class.__ray_metadata__.modified_class):
        def init_model_from_pretrained(self, *args: Any, **kwargs: Any) -> Any:
            result = super().init_model_from_pretrained(*args, **kwargs)
            from s2r_openrlhf.policy.actor import use_action_loss

            use_action_loss(self.trainer, method)
            return result

    return S2RPolicyActor


def use_action_loss(trainer: Any, method: Method) -> None:
    """Puts the loss into an ``ActorPPOTrainer``, and hands it each micro-batch's actions.

    The actions travel in ``Experience.returns``, which the actor of a run without a critic never reads.
    """
    from s2r_openrlhf.policy.loss import ActionLoss

    class ActionTrainer(type(trainer)):  # type: ignore[misc]
        def training_step(self, experience: Any, *args: Any, **kwargs: Any) -> Any:
            self.actor_loss_fn.ids = experience.returns
            status = super().training_step(experience, *args, **kwargs)
            # OpenRLHF weighs by tokens, and by a share of the step; this is averaged over responses.
            status["metrics"]["policy_loss"] = self.actor_loss_fn.mean
            status["weights"]["policy_loss"] = "token" if self.actor_loss_fn.by_tokens else "sample"
            return status

    trainer.actor_loss_fn = ActionLoss(trainer.actor_loss_fn, method)
    trainer.__class__ = ActionTrainer
