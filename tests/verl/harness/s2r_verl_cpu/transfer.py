"""Checkpoint engine ``ray_cpu``: all weights through one named Ray actor (verl's separate trainer refuses the naive one).

``actor_rollout_ref.rollout.checkpoint_engine.backend=ray_cpu …custom_backend_module=s2r_verl_cpu.transfer``
"""

from __future__ import annotations

import asyncio

import ray
import torch
from verl.checkpoint_engine.base import CheckpointEngine, CheckpointEngineRegistry
from verl.workers.rollout.utils import ensure_async_iterator


@ray.remote(num_cpus=0)
class Box:
    def __init__(self) -> None:
        self.state, self.version = None, 0

    def put(self, state) -> None:
        self.state, self.version = state, self.version + 1

    def newer(self, seen: int):
        return self.version, self.state if self.version > seen else None


@CheckpointEngineRegistry.register("ray_cpu")
class RayCheckpointEngine(CheckpointEngine):
    def __init__(self, bucket_size: int = 0, is_master: bool = False, **unused) -> None:
        self.is_master, self.seen = is_master, 0

    def _box(self):
        options = {"name": "s2r_verl_cpu_box", "namespace": "s2r_verl_cpu", "lifetime": "detached"}
        return Box.options(get_if_exists=True, **options).remote()

    def prepare(self) -> dict:
        return {}

    @classmethod
    def build_topology(cls, trainers: int, rollouts: int, metadata):
        return {"role": ["actor"] * trainers}, {"role": ["rollout"] * rollouts}

    def init_process_group(self, role) -> None:
        self.role = role

    def finalize(self) -> None:
        return None

    async def send_weights(self, weights, global_steps=None) -> dict:
        pairs = ensure_async_iterator(weights)
        state = {name: tensor.detach().to("cpu", torch.float32).clone() async for name, tensor in pairs}
        if self.is_master:
            await self._box().put.remote(state)
        return {}

    async def receive_weights(self, global_steps=None):
        state = None
        while state is None:
            version, state = await self._box().newer.remote(self.seen)
            if state is None:
                await asyncio.sleep(0.1)
        self.seen = version
        for item in state.items():
            yield item
