"""Trainers ``s2r_sync``, ``s2r_colocate_async`` and ``s2r_separate_async``: verl's, with S²R's advantages, metrics, KL
term and action-level loss.

``trainer.v1.trainer_mode=s2r_sync``. verl's own trainers show the advantage estimator and the log nothing of what the
reward workers report during training, and give the policy loss no way to know where actions end; all is added here. The
settings of the asynchronous modes stay under their names in verl (``trainer.v1.separate_async.parameter_sync_step``).
In ``s2r_separate_async`` a baseline over the batch sees one mini-batch, as every estimator does there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transfer_queue as tq
from tensordict import TensorDict
from verl import DataProto
from verl.trainer.ppo.rollout_corr_helper import compute_rollout_correction_and_add_to_batch
from verl.trainer.ppo.v1.trainer_base import PPOTrainer, register_trainer
from verl.trainer.ppo.v1.trainer_colocate_async import PPOTrainerColocateAsync
from verl.trainer.ppo.v1.trainer_separate_async import PPOTrainerSeparateAsync
from verl.trainer.ppo.v1.trainer_sync import PPOTrainerSync
from verl.utils.config import omega_conf_to_dataclass

from s2r_rewards.adapter import ConfigError, Measured, batch_metrics, measured, resolve_method
from s2r_rewards.scored import ScoredRollout
from s2r_rewards.tensors import spread_rows
from s2r_verl import contract
from s2r_verl.algorithms import Batch, action_advantages, at_hand, loss_with_actions
from s2r_verl.checks import require_good_config, require_good_data
from s2r_verl.checks.data import agent_name_problems
from s2r_verl.checks.setup import CREDIT, LOSS, TRAINERS, Setup
from s2r_verl.precision import InFloat32
from s2r_verl.records import ADVANTAGES, FIELD, SPANS, at_rest, jagged, read_records, rows_of, spans_of

STATE_FILE = "s2r_baseline.json"


class S2RTrainerMixin(PPOTrainer):  # type: ignore[misc]
    """Refuses a configuration that would train on something else than it says, before anything starts."""

    s2r_mode = "sync"
    """verl's word for the trainer that this one extends."""

    def __init__(self, config: Any) -> None:
        contract.require()
        require_good_config(config)
        require_good_data(config)
        self.s2r_setup = Setup.of(config)
        self.s2r_options = self.s2r_setup.options
        self.s2r_method = resolve_method(self.s2r_options)
        self.s2r_state = self.s2r_method.new_state()
        self.s2r_measured: dict[str, Measured | None] = {}
        """What the responses of the running step add to its metrics, by key."""
        super().__init__(config)

    def _build_replay_buffer(self) -> Any:
        self.trainer_mode = self.s2r_mode  # verl's base class compares with this word, and looks for its settings there
        self.parameter_sync_step = self.config.trainer.v1.get(self.s2r_mode, {}).get("parameter_sync_step", 1)
        return super()._build_replay_buffer()

    def _init_dataloader(self) -> None:
        super()._init_dataloader()
        for name in ("train_dataset", "val_dataset"):
            found = list(agent_name_problems(_column(getattr(self, name), "agent_name"), self.s2r_setup, f"{name}"))
            if found:
                raise ConfigError("; ".join(found))

    def on_init_end(self) -> None:
        super().on_init_end()
        setup, method = self.s2r_setup, self.s2r_method
        if setup.credits or setup.loss == LOSS:
            teacher = omega_conf_to_dataclass(self.config.distillation) if setup.on("distillation.enabled") else None
            actor = omega_conf_to_dataclass(self.config.actor_rollout_ref.actor)
            beta = self.s2r_options.beta
            loss = partial(loss_with_actions, config=actor, level=method.level, beta=beta, distillation=teacher)
            self.actor_rollout_wg.set_loss_fn(InFloat32(loss, **method.loss_options))

    def _fetch(self, batch: Any, keys: list[str], names: list[str]) -> Any:
        return tq.kv_batch_get(keys=keys, partition_id=batch.partition_id, select_fields=names)

    def _store(self, batch: Any, **fields: torch.Tensor) -> Any:
        data = TensorDict(fields, batch_size=len(batch))
        return tq.kv_batch_put(keys=batch.keys, partition_id=batch.partition_id, fields=data)

    def _records(self, batch: Any, keys: list[str]) -> list[ScoredRollout | None]:
        """Records by key; what they add to the metrics is kept, they are not."""
        records = read_records(self._fetch(batch, keys, ["extra_fields"])["extra_fields"])
        self.s2r_measured |= {key: measured(r) if r else None for key, r in zip(keys, records, strict=True)}
        return records

    @at_rest()
    def _measured(self, batch: Any, keys: list[str]) -> list[Measured]:
        new = [key for key in keys if key not in self.s2r_measured]
        if new:
            self._records(batch, new)
        return [found for key in keys if (found := self.s2r_measured[key])]

    def _compute_advantage(self, batch: Any, metrics: dict[str, Any]) -> Any:
        if not self.s2r_setup.credits:
            return super()._compute_advantage(batch, metrics)
        if self.s2r_setup.estimator not in CREDIT:  # replayed samples carry their advantages
            return batch
        real = [not tag.get("is_padding") for tag in batch.tags]
        self._refuse_several_outputs(batch.keys, real)
        correction = self.config.algorithm.get("rollout_correction") or {}
        if not correction.get("bypass_mode") and any(
            correction.get(k) is not None for k in ("rollout_is", "rollout_rs")
        ):
            with at_hand(self._with_records(batch, real)):  # weights and rejected tokens are verl's, on every token
                return super()._compute_advantage(batch, metrics)
        batch = self._store(batch, **{ADVANTAGES: self._action_advantages(batch, real)})
        self._log_rollout_mismatch(batch, metrics, correction)
        return batch

    def _with_records(self, batch: Any, real: list[bool]) -> Batch:
        records = [
            r if takes_part else None for r, takes_part in zip(self._records(batch, batch.keys), real, strict=True)
        ]
        return Batch(records, self.s2r_method, self.s2r_state, self._outcomes(batch))

    @at_rest()
    def _action_advantages(self, batch: Any, real: list[bool]) -> torch.Tensor:
        """[B, j] nested: an advantage for each action."""
        lengths = [int(tag["response_len"]) for tag in batch.tags]
        uids = [str(uid) for uid in self._fetch(batch, batch.keys, ["uid"])["uid"]]
        return jagged(action_advantages(self._with_records(batch, real), lengths, uids, real)[0])

    def _refuse_several_outputs(self, keys: list[str], real: list[bool]) -> None:
        sessions = [key.rpartition("_")[0] for key, takes_part in zip(keys, real, strict=True) if takes_part]
        if len(set(sessions)) < len(sessions):
            raise ConfigError(
                "an agent loop gave several outputs for one response, and S2R's record tells the actions of the last only: "
                "set actor_rollout_ref.rollout.agent.default_agent_loop=s2r_agent, or a stock estimator"
            )

    def _outcomes(self, batch: Any) -> list[float] | None:
        """Where verl's manager called the reward function, it may have added a penalty to what the record says."""
        if self.s2r_setup.ours or self.s2r_method.level != "outcome":
            return None
        return [float(row.sum()) for row in self._fetch(batch, batch.keys, ["rm_scores"])["rm_scores"].unbind()]

    def _log_rollout_mismatch(self, batch: Any, metrics: dict[str, Any], correction: Any) -> None:
        """What verl logs of the rollout engine's log-probabilities while it computes advantages."""
        rollout = self.config.actor_rollout_ref.rollout
        if not correction or correction.get("bypass_mode") or not rollout.calculate_log_probs:
            return
        names = ["response_mask", "rollout_log_probs", "old_log_probs"]
        data = self._fetch(batch, batch.keys, names)
        if all(name in data for name in names):
            found = compute_rollout_correction_and_add_to_batch(DataProto(batch=data.to_padded_tensor()), correction)
            metrics.update(found[1])

    def _compute_metrics(self, batch: Any, metrics: dict[str, Any], *rest: Any, **more: Any) -> None:
        if self.s2r_setup.credits:
            self._show_advantages(batch)
        super()._compute_metrics(batch, metrics, *rest, **more)
        real = [key for key, tag in zip(batch.keys, batch.tags, strict=True) if not tag.get("is_padding")]
        metrics.update(batch_metrics(self._measured(batch, real), alarms=self.s2r_options.alarms))
        self.s2r_measured = {}

    def _show_advantages(self, batch: Any) -> None:
        """verl logs statistics of the tokens' advantages, which until now were one number an action."""
        data = self._fetch(batch, batch.keys, [ADVANTAGES, SPANS])
        values = rows_of(data, ADVANTAGES)
        if values is None:  # verl spread them itself
            return
        lengths = [int(tag["response_len"]) for tag in batch.tags]
        spans = spans_of(data, lengths)
        real = [not tag.get("is_padding") for tag in batch.tags]
        kept = [v[: len(s)] if r else () for v, s, r in zip(values, spans, real, strict=True)]
        tokens = spread_rows(kept, spans, lengths)
        self._store(batch, advantages=tokens, returns=tokens)

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


def _column(dataset: Any, name: str) -> list[Any]:
    """A column of a data set: all of it where it lies in a table, else what the first item has."""
    table = getattr(dataset, "dataframe", None)
    if table is not None and hasattr(table, "column_names"):
        return list(table[name]) if name in table.column_names else []
    first = dataset[0] if len(dataset) else {}
    return [first[name]] if name in first else []


@register_trainer("s2r_sync")
class S2RTrainer(S2RTrainerMixin, PPOTrainerSync):  # type: ignore[misc]
    """Trainer and rollout take turns."""


@register_trainer("s2r_colocate_async")
class S2RColocateAsync(S2RTrainerMixin, PPOTrainerColocateAsync):  # type: ignore[misc]
    """On the same GPUs; unfinished rollouts go on after an update."""

    s2r_mode = TRAINERS["s2r_colocate_async"]


@register_trainer("s2r_separate_async")
class S2RSeparateAsync(S2RTrainerMixin, PPOTrainerSeparateAsync):  # type: ignore[misc]
    """On GPUs of their own."""

    s2r_mode = TRAINERS["s2r_separate_async"]
