"""Registrations that must wait until verl imports the module that holds the registry."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch
import torch.distributed as dist
import wrapt

ROLLOUT = "hf"
DUMP_ENV = "S2R_VERL_CPU_DUMP"
DUMPED = (
    "prompts",
    "responses",
    "response_mask",
    "rm_scores",
    "advantages",
    "old_log_probs",
    "ref_log_prob",
    "s2r_action_ids",
)


def install() -> None:
    wrapt.register_post_import_hook(_alias_engines, "verl.workers.engine")
    wrapt.register_post_import_hook(_register_replica, "verl.workers.rollout.replica")
    wrapt.register_post_import_hook(_register_adapter, "verl.workers.rollout.base")
    wrapt.register_post_import_hook(_offload_without_pinning, "verl.workers.engine.fsdp.transformer_impl")
    wrapt.register_post_import_hook(_offer_attention, "verl.workers.engine.fsdp.transformer_impl")
    if os.environ.get(DUMP_ENV):
        wrapt.register_post_import_hook(_record_losses, "verl.workers.utils.losses")
    wrapt.wrap_function_wrapper(dist, "init_process_group", _one_backend_per_device)


def _alias_engines(module) -> None:
    from verl.workers.engine.base import EngineRegistry

    for backends in EngineRegistry._engines.values():
        for devices in backends.values():
            if "cuda" in devices:
                devices.setdefault("cpu", devices["cuda"])


def _register_replica(module) -> None:
    def load():
        from s2r_verl_cpu.rollout import Replica

        return Replica

    module.RolloutReplicaRegistry.register(ROLLOUT, load)


def _register_adapter(module) -> None:
    module._ROLLOUT_REGISTRY[(ROLLOUT, "async")] = "s2r_verl_cpu.rollout.Adapter"


def _one_backend_per_device(wrapped, instance, args, kwargs):
    """verl asks for f"cpu:gloo,{device}:{backend}"; with device = cpu, torch rejects the repetition."""
    if kwargs.get("backend") == "cpu:gloo,cpu:gloo":
        kwargs["backend"] = "cpu:gloo"
    elif args and args[0] == "cpu:gloo,cpu:gloo":
        args = ("cpu:gloo", *args[1:])
    return wrapped(*args, **kwargs)


def _offload_without_pinning(module) -> None:
    """verl keeps the reference model in pinned host memory, which torch gives out only beside an accelerator."""
    policy = module.CPUOffloadPolicy
    module.CPUOffloadPolicy = lambda **kwargs: policy(**{**kwargs, "pin_memory": False})


def _offer_attention(module) -> None:
    import s2r_verl_cpu.attention  # noqa: F401


def _record_losses(module) -> None:
    """Saves what reaches the actor's loss, micro-batch by micro-batch, under the folder of ``DUMP_ENV``."""

    @wrapt.decorator
    def recorded(wrapped, instance, args, kwargs):
        data = kwargs["data"] if "data" in kwargs else args[2]
        loss, metrics = wrapped(*args, **kwargs)
        rows = {name: [row.detach().clone() for row in data[name].unbind()] for name in DUMPED if name in data}
        rows["policy_loss"] = float(loss)
        torch.save(rows, Path(os.environ[DUMP_ENV]) / f"{time.time_ns()}.pt")
        return loss, metrics

    module.ppo_loss = recorded(module.ppo_loss)


def recorded_rows(folder: Path) -> list[dict[str, torch.Tensor]]:
    """Every row that reached the actor's loss, in order of arrival."""
    rows = []
    for path in sorted(folder.glob("*.pt")):
        columns = torch.load(path)
        names = [name for name in columns if name != "policy_loss"]
        rows += [{name: columns[name][i] for name in names} for i in range(len(columns[names[0]]))]
    return rows
