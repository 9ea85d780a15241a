"""``torchrun … -m s2r_verl.sft.train``: verl's SFT trainer with the KL term of Eq. 1 (arXiv:2502.12853).

Takes every key of ``verl.trainer.sft_trainer``, and ``s2r.beta`` (β; 0.1 in the paper, 0.01 for Qwen2.5-Math-7B),
``s2r.reference`` (default: ``model.path``) and ``s2r.offload`` (keep the reference's shards in the memory of the CPU).
A second, frozen engine reads every micro-batch. verl's engine shows a loss its logits only where it distils, so the KL
comes in through that door; NLL and KL are both means over the trained tokens of the whole batch and all ranks.
"""

from __future__ import annotations

import copy
from typing import Any

import hydra
import torch
from torch import Tensor
from verl.trainer.sft_trainer import SFTTrainer
from verl.utils import tensordict_utils as tu
from verl.utils.metric import AggregationType, Metric
from verl.workers.engine import EngineRegistry
from verl.workers.engine_workers import TrainingWorker, TrainingWorkerConfig

from s2r_rewards.losses import nll_and_kl
from s2r_verl.checks.sft import kl_problems

TERMS = ("s2r_nll", "s2r_kl")


class KLWorker(TrainingWorker):  # type: ignore[misc]
    """Asks the engine to show the loss its logits, and to leave its own log-probabilities out."""

    def train_batch(self, data: Any) -> Any:
        return self._flat(super().train_batch(_asking(data)))

    def infer_batch(self, data: Any) -> Any:
        return self._flat(super().infer_batch(_asking(data)))

    @staticmethod
    def _flat(output: Any) -> Any:
        """verl's SFT trainer logs metrics as they are: sums over micro-batches and ranks become numbers here."""
        if output is not None:
            metrics = tu.get(output, "metrics")
            for name in [name for name in metrics if name.startswith("s2r/")]:
                metrics[name] = Metric.aggregate_dp(metrics[name])
        return output


def _asking(data: Any) -> Any:
    tu.assign_non_tensor(data, distillation_use_topk=True, distillation_only=True)
    return data


class KLLoss:
    """Called twice a micro-batch: with ``student_logits`` for the terms of each token, then with these for the loss."""

    def __init__(self, reference: Any, beta: float) -> None:
        self.reference, self.beta = reference, beta

    def __call__(
        self,
        model_output: Any = None,
        data: Any = None,
        dp_group: Any = None,
        student_logits: Any = None,
        **unused: Any,
    ) -> Any:
        if student_logits is not None:  # [1, n, V]
            return {name: term.unsqueeze(0) for name, term in self.terms(student_logits.squeeze(0), data).items()}
        share = data["dp_size"] / data["batch_num_tokens"]
        nll, kl = (model_output[name].values().sum() * share for name in TERMS)
        metrics = {"s2r/nll": nll.detach(), "s2r/kl": kl.detach()}
        return nll + self.beta * kl, {n: Metric(value=v, aggregation=AggregationType.SUM) for n, v in metrics.items()}

    def terms(self, logits: Tensor, data: Any) -> dict[str, Tensor]:
        """−log π(token) and KL(π ‖ π_ref) of each of the n packed tokens, 0 where nothing is trained; logits [n, V]."""
        mask, labels = (torch.roll(data[name].values(), -1, 0) for name in ("loss_mask", "input_ids"))
        if self.reference.use_ulysses_sp:
            mask, labels = self._own_part(mask), self._own_part(labels)
        at = mask.nonzero().squeeze(-1)
        found = nll_and_kl(logits, labels[at], self._reference_logits(data), at=at)
        nothing = logits.new_zeros(len(logits), dtype=found[0].dtype) + 0.0 * logits[:1].sum()
        return {name: nothing.index_put((at,), term) for name, term in zip(TERMS, found, strict=True)}

    def _own_part(self, packed: Tensor) -> Tensor:
        """This rank's part of a packed sequence, cut as the engine cuts it."""
        from verl.utils.ulysses import ulysses_pad_and_slice_inputs

        size = self.reference.ulysses_sequence_parallel_size
        cut: Tensor = ulysses_pad_and_slice_inputs(packed.unsqueeze(0), None, sp_size=size)[0]
        return cut.squeeze(0)

    @torch.no_grad()
    def _reference_logits(self, data: Any) -> Tensor:
        inputs, _ = self.reference.prepare_model_inputs(micro_batch=data)
        with self.reference.eval_mode():
            logits: Tensor = self.reference.module(**inputs, use_cache=False).logits
        if tu.get_non_tensor_data(data, "use_remove_padding", True):
            return logits.squeeze(0)
        lengths = data["input_ids"].offsets().diff().tolist()
        return torch.cat([row[:length] for row, length in zip(logits, lengths, strict=True)])


class KLTrainer(SFTTrainer):  # type: ignore[misc]
    """verl's SFT trainer, with a reference beside the model."""

    def _build_engine(self) -> None:
        self.training_client = KLWorker(
            config=TrainingWorkerConfig(
                model_type="language_model",
                model_config=self.model_config,
                engine_config=self.engine_config,
                optimizer_config=self.optimizer_config,
                checkpoint_config=self.checkpoint_config,
                profiler_config=self.profiler_config,
            )
        )
        self.engine = self.training_client.engine
        self.reference = self._build_reference()
        self.training_client.set_loss_fn(KLLoss(self.reference, self.config.s2r.beta))

    def _build_reference(self) -> Any:
        from verl.utils.config import omega_conf_to_dataclass

        own = self.config.s2r
        block = copy.deepcopy(self.config.model)
        block.path = own.get("reference") or block.path
        model, engine = omega_conf_to_dataclass(block), omega_conf_to_dataclass(self.config.engine)
        model.model_type = "language_model"
        engine.use_remove_padding = block.use_remove_padding
        offload = bool(own.get("offload", False))
        if offload:
            object.__setattr__(engine, "forward_only", True)
        # Without forward_only verl builds an optimizer, whose state stays empty; with it, FSDP2 offloads parameters.
        optimizer = None if offload else omega_conf_to_dataclass(self.config.optim)
        reference = EngineRegistry.new(
            model_type="language_model",
            backend=engine.strategy,
            model_config=model,
            engine_config=engine,
            optimizer_config=optimizer,
            checkpoint_config=self.checkpoint_config,
        )
        reference.initialize()
        reference.module.requires_grad_(False)
        return reference


@hydra.main(config_path="pkg://verl.trainer.config", config_name="sft_trainer_engine", version_base=None)
def main(config: Any) -> None:
    from verl.utils.device import auto_set_device
    from verl.utils.distributed import destroy_global_process_group, initialize_global_process_group

    if problems := kl_problems(config):
        raise SystemExit("\n".join(f"s2r: {problem}" for problem in problems))
    auto_set_device(config)
    initialize_global_process_group()
    KLTrainer(config=config).fit()
    destroy_global_process_group()


if __name__ == "__main__":
    main()
