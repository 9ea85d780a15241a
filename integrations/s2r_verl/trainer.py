"""Trainer ``s2r_sync``: verl's synchronous trainer with S²R's advantages, metrics, KL term and action-level loss.

``trainer.v1.trainer_mode=s2r_sync``. verl's own trainer shows the advantage estimator and the log nothing of what the
reward workers report during training, and gives the policy loss no way to know where actions end; all is added here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from verl.trainer.ppo.v1.trainer_base import register_trainer
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.config import omega_conf_to_dataclass
from verl.workers.utils.padding import response_to_nested

from s2r_rewards.adapter import batch_metrics, resolve_method, step_alarms
from s2r_rewards.losses import kl_penalised
from s2r_rewards.scored import ScoredRollout
from s2r_verl.algorithms import Batch, at_hand, fit, loss_with_actions
from s2r_verl.checks import LOSS, RL_COLUMNS, TRAINER, read_options, require_columns, require_good_config
from s2r_verl.records import ACTION_IDS, FIELD, record_of

STATE_FILE = "s2r_baseline.json"


@register_trainer(TRAINER)
class S2RTrainer(PPOTrainerSync):  # type: ignore[misc]
    """Refuses a configuration that would train on something else than it says, before anything starts."""

    def __init__(self, config: Any) -> None:
        require_good_config(config)
        require_columns(config.data.train_files, RL_COLUMNS, "data.train_files")
        require_columns(config.data.val_files, RL_COLUMNS, "data.val_files")
        self.s2r_options = read_options(config)
        self.s2r_method = resolve_method(self.s2r_options)
        self.s2r_state = self.s2r_method.new_state()
        super().__init__(config)

    def _build_replay_buffer(self) -> Any:
        self.trainer_mode = "sync"  # verl's base class compares with this word
        return super()._build_replay_buffer()

    def on_init_end(self) -> None:
        super().on_init_end()
        if self.config.actor_rollout_ref.actor.policy_loss.loss_mode == LOSS:
            actor = omega_conf_to_dataclass(self.config.actor_rollout_ref.actor)
            method = self.s2r_method
            loss = partial(loss_with_actions, config=actor, ratio=method.ratio, clip=method.clip)
            self.actor_rollout_wg.set_loss_fn(loss)

    def _fetch(self, batch: Any, keys: list[str], names: list[str]) -> Any:
        return tq.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=names)

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        records = _records(self._fetch(batch, batch.keys, ["extra_fields"]))
        with at_hand(Batch(records, self.s2r_method, self.s2r_state)):
            batch = super()._compute_advantage(batch, metrics)
        if self.s2r_options.beta:
            self._subtract_kl(batch, [record is not None and record.left_out for record in records])
        return batch

    def _subtract_kl(self, batch: Any, left_out: list[bool]) -> None:
        """A − β log(π/π_ref) of the action (Eq. 5), or of the whole response at the outcome level (Eq. 3).

        Rows that are left out of training keep 0.
        """
        data = self._fetch(batch, batch.keys, ["advantages", "old_log_probs", "ref_log_prob", "response_mask"])
        nested_mask = data["response_mask"]
        padded = data.to_padded_tensor()
        mask = padded["response_mask"]
        if self.s2r_method.level == "process":
            stored = self._fetch(batch, batch.keys, [ACTION_IDS]).to_padded_tensor()
            ids = fit(stored[ACTION_IDS], mask) - 1
        else:
            ids = mask.long() - 1  # the whole response is one action
        ids[torch.tensor(left_out, device=ids.device)] = -1
        # verl keeps log-probabilities in the model's bfloat16; a sum over an action needs more digits.
        log_probs, reference = padded["old_log_probs"].float(), padded["ref_log_prob"].float()
        penalised = kl_penalised(padded["advantages"], log_probs, reference, ids, self.s2r_options.beta)
        data["advantages"] = response_to_nested(penalised, nested_mask)
        tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=data.select("advantages"))

    def _compute_metrics(self, batch: Any, metrics: dict[str, Any], *rest: Any, **more: Any) -> None:
        super()._compute_metrics(batch, metrics, *rest, **more)
        real = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding")]
        data = self._fetch(batch, real, ["prompts", "responses", "extra_fields"])
        records = [record for record in _records(data) if record]
        metrics.update(batch_metrics(records))
        if len(records) == len(real):
            prompts, responses = ([row.tolist() for row in data[name].unbind()] for name in ("prompts", "responses"))
            texts = (self.tokenizer.decode(ids, skip_special_tokens=True) for ids in prompts)
            golds = [""] * len(real)
            metrics.update(step_alarms(records, golds, texts, responses, self.tokenizer, self.s2r_options))

    def _val_metrics_update(
        self, sources: Any, uids: Any, infos: dict[str, list[Any]], *rest: Any, **more: Any
    ) -> dict[str, float]:
        others = {name: values for name, values in infos.items() if name != FIELD}
        metrics: dict[str, float] = super()._val_metrics_update(sources, uids, others, *rest, **more)
        texts: Iterable[str | None] = infos.get(FIELD, ())
        found = batch_metrics(ScoredRollout.loads(text) for text in texts if text)
        metrics.update({f"val-{name}": value for name, value in found.items()})
        return metrics

    def _save_checkpoint(self) -> None:
        if self.s2r_state is not None:
            folder = Path(self.config.trainer.default_local_dir) / f"global_step_{self.global_steps}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / STATE_FILE).write_text(json.dumps(self.s2r_state.state_dict()), encoding="utf-8")
        super()._save_checkpoint()

    def _load_checkpoint(self) -> None:
        super()._load_checkpoint()
        if self.s2r_state is None or not self.global_steps:
            return
        folder = Path(self.config.trainer.resume_from_path or self.config.trainer.default_local_dir)
        if not folder.name.startswith("global_step_"):
            folder /= f"global_step_{self.global_steps}"
        if (folder / STATE_FILE).exists():
            self.s2r_state.load_state_dict(json.loads((folder / STATE_FILE).read_text(encoding="utf-8")))


def _records(data: Any) -> list[ScoredRollout | None]:
    return [record_of(fields) for fields in data["extra_fields"]]
