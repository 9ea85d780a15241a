"""TRL's GRPOTrainer with an advantage for every action, by any method of the library.

    from s2r_rewards.adapter import Options
    from s2r_trl.trainer import S2RTrainer

    S2RTrainer(model=…, args=GRPOConfig(…), train_dataset=dataset_with_gold_column, options=Options("s2r-prl"))

Completions are generated and logged by TRL. They are scored with `options`, the records of all processes meet, and every
process computes the method's advantages of the whole batch, so contexts are shared over all prompts (Eq. 4). The loss is the
method's (Eq. 6 for `s2r-prl`); `loss="trl"` keeps TRL's own, with one advantage a token.
"""

from __future__ import annotations

import copy
import json
import math
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from accelerate.utils import gather_object
from torch import Tensor
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
from trl import GRPOConfig, GRPOTrainer

from s2r_rewards.adapter import (
    TRAINING_OPTIONS,
    ConfigError,
    Options,
    Sample,
    batch_metrics,
    resolve_method,
    score_responses,
    step_alarms,
)
from s2r_rewards.adapter.options import kind_of
from s2r_rewards.baselines.base import Values
from s2r_rewards.losses import by_response, kl_penalised, response_losses
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import action_ids, spread
from s2r_rewards.tokens import end_tokens, ended
from s2r_trl import S2RReward, gold_columns, golds_of
from s2r_trl.checks import require_good_config, require_supported

STATE_FILE = "s2r_baseline.json"


class S2RTrainer(GRPOTrainer):  # type: ignore[misc]
    """A GRPOTrainer whose advantages are those of a method, one an action.

    Args:
        options: method, grammar, checker and so on, as in every other trainer.
        gold_column: as of :class:`s2r_trl.S2RReward`.
        loss: "method" (the method's ratio, clip and average; what it leaves open is TRL's `epsilon`), or "trl".
        reward_funcs: reward functions of one's own, if there are any. TRL's advantages of theirs are added to every
            token. Those of this library are logged and nothing more.

    Raises:
        ConfigError: a setting that could only be ignored; names it and the way out.
        ValueError: the data set has no golden answers.
    """

    def __init__(
        self,
        model: Any,
        reward_funcs: Any = None,
        args: Any = None,
        *more: Any,
        options: Options | None = None,
        gold_column: str | None = None,
        loss: str = "method",
        **kwargs: Any,
    ) -> None:
        require_supported()
        self.s2r_options, self.s2r_gold_column, self.s2r_loss = options or Options(), gold_column, loss
        self.s2r_options.check()
        self.s2r_method = resolve_method(self.s2r_options)
        self.s2r_state = self.s2r_method.new_state()
        given = (
            list(reward_funcs) if isinstance(reward_funcs, (list, tuple)) else [reward_funcs] if reward_funcs else []
        )
        self._s2r_adds = any(not isinstance(one, S2RReward) for one in given)
        args = GRPOConfig("s2r") if args is None else args
        require_good_config(args, self.s2r_options, loss, self._s2r_adds)
        for name in ("tools", "environment_factory"):
            if kwargs.get(name):
                raise ConfigError(
                    f"{name}: what a tool answers would be read as the model's own words; drop it, or use "
                    "s2r_trl.outcome_reward with TRL's GRPOTrainer"
                )
        columns = getattr(kwargs.get("train_dataset", more[0] if more else None), "column_names", None)
        if columns:
            gold_columns(columns, gold_column)
        if self.s2r_options.beta:
            # TRL then keeps a reference model and its log-probabilities; the term itself is in our loss.
            args = copy.copy(args)
            args.beta = self.s2r_options.beta
        outcome = S2RReward("outcome", Options(**self._shared_options()), gold_column)
        super().__init__(model, given or [outcome], args, *more, **kwargs)

    def _shared_options(self) -> dict[str, Any]:
        """What a reward function for the log has in common with the trainer."""
        return {name: value for name, value in self.s2r_options.given().items() if name not in TRAINING_OPTIONS}

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        out: dict[str, Any] = super()._generate_and_score_completions(inputs)
        mask = out["completion_mask"]
        if "tool_mask" in out and bool(((1 - out["tool_mask"]) * mask).any()):
            raise ConfigError(
                "completions hold tokens that the model did not write (env_mask of rollout_func): they would be read as "
                "its own words; drop them, or use s2r_trl.outcome_reward with TRL's GRPOTrainer"
            )
        rows = [
            ids[: _length(kept)].tolist()
            for ids, kept in zip(out["completion_ids"], out["completion_mask"], strict=True)
        ]
        records = self._s2r_score(rows, inputs)
        everyone = [ScoredRollout.loads(text) for text in gather_object([record.dumps() for record in records])]
        first = self.accelerator.process_index * len(records)
        advantages = self._s2r_advantages(everyone)
        mine = slice(first, first + len(records))
        width = mask.shape[1]
        ids = action_ids([record.objective_spans(self.s2r_method.count_end) for record in records], width).to(
            mask.device
        )
        ids = torch.where(mask.bool(), ids, -1)
        own = spread(advantages[mine], [record.spans for record in records], width).to(mask.device)
        out["advantages"] = own + out["advantages"].unsqueeze(1) if self._s2r_adds else own
        out["action_ids"] = ids
        _, weights = by_response(torch.zeros_like(own), ids, self.s2r_method.average, self.s2r_method.divisor)
        out["s2r_weight"] = self.accelerator.gather(weights.sum()).sum()
        self._s2r_log(everyone, advantages, rows, inputs)
        return out

    def _s2r_score(self, rows: Sequence[Sequence[int]], inputs: Sequence[dict[str, Any]]) -> list[ScoredRollout]:
        """The records of this process's completions, one action each at the level of whole responses."""
        columns = {name: [row.get(name) for row in inputs] for name in inputs[0]}
        golds = golds_of(columns, len(inputs), self.s2r_gold_column, kind_of(self.s2r_options))
        ends = end_tokens(self._s2r_tokenizer).union(_ends(self.generation_config))
        samples = [
            Sample(ids, gold, finished=ended(ids, ends), level=row.get("level"))
            for ids, gold, row in zip(rows, golds, inputs, strict=True)
        ]
        records = score_responses(samples, self.s2r_options, tokenizer=self._s2r_tokenizer)
        # A completion without a trained token (mask_truncated_completions) takes no part.
        records = [replace(one, left_out=one.left_out or not ids) for one, ids in zip(records, rows, strict=True)]
        if self.s2r_method.level == "process":
            return records
        return [record.as_one_action(len(ids)) for record, ids in zip(records, rows, strict=True)]

    def _s2r_advantages(self, everyone: Sequence[ScoredRollout]) -> Values:
        """Of all processes' completions; evaluation teaches a running baseline nothing."""
        training = self.model.training
        samples: int = self.num_generations if training else self.num_generations_eval
        state = self.s2r_state if training else copy.deepcopy(self.s2r_state)
        return self.s2r_method.advantages(everyone, [i // samples for i in range(len(everyone))], state=state)

    def _s2r_log(
        self,
        everyone: Sequence[ScoredRollout],
        advantages: Values,
        rows: Sequence[Sequence[int]],
        inputs: Sequence[dict[str, Any]],
    ) -> None:
        """The metrics of the whole batch, on every process alike, and each completion's mean advantage in TRL's table."""
        mode = "train" if self.model.training else "eval"
        metrics = batch_metrics(everyone)
        if self.s2r_options.alarms and self.s2r_method.level == "process":
            prompts, ids = gather_object([str(row.get("prompt", "")) for row in inputs]), gather_object(list(rows))
            metrics |= step_alarms(everyone, [""] * len(ids), prompts, ids, self._s2r_tokenizer, self.s2r_options)
        for name, value in metrics.items():
            if math.isfinite(value):
                self._metrics[mode][name].append(value)
        table = self._logs["advantages"]
        for i, row in enumerate(reversed(advantages), 1):
            if i <= len(table):  # it keeps the latest only
                table[-i] = math.fsum(row) / len(row) if row else 0.0

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        if self.s2r_loss == "trl":
            found: Tensor = super()._compute_loss(model, inputs)
            return found
        log_probs = self._s2r_log_probs(model, inputs)
        old = inputs.get("old_per_token_logps")
        old = log_probs.detach() if old is None else old
        advantages, ids = inputs["advantages"], inputs["action_ids"]
        if self.s2r_options.beta:
            advantages = kl_penalised(advantages, old, inputs["ref_per_token_logps"], ids, self.s2r_options.beta)
        if inputs.get("importance_sampling_ratio") is not None:
            advantages = advantages * inputs["importance_sampling_ratio"]
        settings = {"clip": self._s2r_clip(), **self.s2r_method.loss_options}
        losses, _, stats = response_losses(log_probs, old, advantages, ids, **settings)
        mode = "train" if self.model.training else "eval"
        for name, value in stats.items():
            self._metrics[mode][f"policy_loss/{name}"].append(value)
        return losses.sum() / self._s2r_normaliser(inputs["s2r_weight"])

    def _s2r_log_probs(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """log π of the completion's tokens, [B, T]."""
        found = self._get_per_token_logps_and_entropies(
            model,
            torch.cat([inputs["prompt_ids"], inputs["completion_ids"]], dim=1),
            torch.cat([inputs["prompt_mask"], inputs["completion_mask"]], dim=1),
            inputs["completion_ids"].size(1),
            compute_entropy=False,
        )
        log_probs: Tensor = found[0]
        return log_probs.float()

    def _s2r_clip(self) -> tuple[float, float]:
        """TRL's, where it was changed or the method has none."""
        trls = (self.epsilon_low, self.epsilon_high)
        return trls if self.s2r_method.clip is None or trls != (0.2, 0.2) else self.s2r_method.clip

    def _s2r_normaliser(self, weight: Tensor) -> Tensor:
        """What the sum of a micro-batch's losses is divided by, so that micro-batches and processes add up to the mean
        over the batch of an optimiser step. ``weight`` is that of the generation batch, which may hold several."""
        windows = 1.0
        if self.model.training:
            windows = self.args.steps_per_generation / self.current_gradient_accumulation_steps
        share: Tensor = weight.clamp(min=1.0) / (self.accelerator.num_processes * windows)
        return share

    @property
    def _s2r_tokenizer(self) -> Any:
        return getattr(self.processing_class, "tokenizer", self.processing_class)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.s2r_state is not None and self.args.should_save:
            folder = os.path.join(
                self._get_output_dir(trial=trial), f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
            )
            with open(os.path.join(folder, STATE_FILE), "w", encoding="utf-8") as file:
                json.dump(self.s2r_state.state_dict(), file)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        path = os.path.join(checkpoint, STATE_FILE) if checkpoint and self.s2r_state is not None else ""
        if self.s2r_state is not None and os.path.isfile(path):
            with open(path, encoding="utf-8") as file:
                self.s2r_state.load_state_dict(json.load(file))


def _length(mask: Tensor) -> int:
    """How many tokens a completion has; padding is on its right."""
    return int(mask.sum())


def _ends(generation_config: Any) -> list[int]:
    """The token ids that end a generation."""
    ends = getattr(generation_config, "eos_token_id", None)
    return [] if ends is None else list(ends) if isinstance(ends, (list, tuple)) else [ends]
