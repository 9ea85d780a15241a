"""The KL term of Eq. 1 in OpenRLHF's SFT trainer: a frozen reference, and a loss that sees the logits."""

from __future__ import annotations

import inspect
from typing import Any

import torch
import torch.nn.functional as F
from openrlhf.models import Actor, SFTLoss
from torch import Tensor

from s2r_rewards.losses import full_kl


class KLSFTLoss(SFTLoss):  # type: ignore[misc]
    """OpenRLHF's loss plus β·KL, both under the same divisor.

    OpenRLHF shows its loss log-probabilities and mask alone; the logits and inputs of the latest call of the model are kept
    by :meth:`see`, a forward hook.
    """

    def __init__(self, reference: Any, packed: bool, beta: float) -> None:
        super().__init__()
        self._reference = [reference]  # in a list: not a part of this module
        self.packed, self.beta = packed, beta
        self._seen: tuple[Tensor, Tensor, Tensor] | None = None
        self.terms: list[tuple[float, float]] = []
        """(NLL, KL) of each micro-batch since they were last taken."""

    def see(self, module: Any, args: Any, kwargs: dict[str, Any], output: Any) -> None:
        """Forward hook of the model that is trained; evaluation asks for no logits."""
        if kwargs.get("return_output") and module.training:
            self._seen = args[0], kwargs["attention_mask"], output[1]["logits"]

    def take(self) -> dict[str, float]:
        """Means over the micro-batches since the last call, each of which OpenRLHF scales to the whole step."""
        terms, self.terms = self.terms, []
        means = [sum(column) / len(terms) for column in zip(*terms, strict=True)] if terms else []
        return dict(zip(("s2r/nll", "s2r/kl"), means, strict=False))

    def forward(self, per_token_logps: Tensor, loss_mask: Tensor, **divisors: Any) -> Tensor:
        """Arguments as OpenRLHF's: log-probabilities and δ, [B, T − 1], and what the sum is divided by."""
        nll: Tensor = super().forward(per_token_logps, loss_mask, **divisors)
        if self._seen is None:
            return nll
        kl: Tensor = super().forward(-self._kl(loss_mask), loss_mask, **divisors)
        self.terms.append((nll.item(), kl.item()))
        return nll + self.beta * kl

    def _kl(self, mask: Tensor) -> Tensor:
        """[B, T − 1]: the KL on the trained tokens, 0 on all others."""
        assert self._seen is not None
        ids, attention, logits = self._seen
        self._seen = None
        with torch.no_grad():
            base = self._reference[0](ids, attention_mask=attention, return_output=True)["logits"]
        trained = F.pad(mask, (0, 1)).bool()
        if self.packed:  # logits are [1, N, V]: the attended tokens of all rows, one row after the other
            trained = trained & attention.bool()
            chosen = trained[attention.bool()].unsqueeze(0)
        else:
            chosen = trained
        at = chosen.flatten().nonzero().squeeze(-1)
        found = full_kl(logits.flatten(0, 1), base.flatten(0, 1), at=at)
        kl = torch.zeros(trained.shape, dtype=found.dtype, device=found.device).masked_scatter(trained, found)
        return kl[:, :-1]


def s2r_sft_trainer(base: type, beta: float, reference: str | None, offload: bool) -> type:
    """A subclass of OpenRLHF's SFTTrainer. RuntimeError: its loss is not told the divisor of the whole step."""
    if "batch_num_tokens" not in inspect.signature(SFTLoss.forward).parameters:
        raise RuntimeError("--s2r.beta needs OpenRLHF 0.11 or later, whose SFT loss is a mean over the whole step")

    class S2RSFTTrainer(base):  # type: ignore[misc]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            given, strategy = self.args, self.strategy
            model = Actor(
                reference or given.model.model_name_or_path,
                attn_implementation=given.ds.attn_implementation,
                param_dtype=given.ds.param_dtype,
                load_in_4bit=given.ds.load_in_4bit,
                ds_config=strategy.get_ds_eval_config(offload=offload),
                packing_samples=given.ds.packing_samples,
            )
            if offload:
                model._offload = True
            frozen = strategy.prepare(model)
            frozen.eval().requires_grad_(False)
            self.loss_fn = KLSFTLoss(frozen, given.ds.packing_samples, beta)
            self.model.register_forward_hook(self.loss_fn.see, with_kwargs=True)

        def save_logs_and_checkpoints(
            self, args: Any, global_step: int, step_bar: Any, logs_dict: Any = None, client_states: Any = None
        ) -> None:
            terms = self.strategy.all_reduce(self.loss_fn.take())
            self.strategy.print(f"step {global_step}: " + ", ".join(f"{k} {v:.8f}" for k, v in terms.items()))
            super().save_logs_and_checkpoints(
                args, global_step, step_bar, {**(logs_dict or {}), **terms}, client_states
            )

    return S2RSFTTrainer
