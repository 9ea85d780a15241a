"""Registrations that must wait until verl imports the module that holds the registry."""

from __future__ import annotations

import torch.distributed as dist
import wrapt

ROLLOUT = "hf"


def install() -> None:
    wrapt.register_post_import_hook(_alias_engines, "verl.workers.engine")
    wrapt.register_post_import_hook(_register_replica, "verl.workers.rollout.replica")
    wrapt.register_post_import_hook(_register_adapter, "verl.workers.rollout.base")
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
