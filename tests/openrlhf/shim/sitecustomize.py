"""Tests only: lets the unmodified OpenRLHF run on a machine without CUDA.

Python imports this file at start-up in every process whose PYTHONPATH holds its folder, Ray and vLLM workers
included. With S2R_CPU_SHIM=1 it edits a few modules just after they are first imported; nothing of
OpenRLHF's own logic is touched.
"""

import functools
import importlib.abc
import importlib.util
import os
import sys


class _CpuDevice(str):
    """Stands where OpenRLHF expects a CUDA index: usable in `.to(...)`, formats as 0 in `f"cuda:{...}"`."""

    def __new__(cls):
        return super().__new__(cls, "cpu")

    def __format__(self, spec):
        return "0"


def _torch(torch):
    for name in ("set_device", "synchronize", "empty_cache", "current_stream"):
        # One function object each: torch.compile's tables refuse the same object under two names.
        setattr(torch.cuda, name, lambda *args, **kwargs: None)
    torch.cuda.current_device = _CpuDevice
    allocate = torch.empty

    @functools.wraps(allocate)
    def empty(*args, **kwargs):  # the vLLM worker allocates received weights with device="cuda"
        if kwargs.get("device") == "cuda":
            kwargs["device"] = "cpu"
        return allocate(*args, **kwargs)

    torch.empty = empty


def _weight_sync(module):
    """NCCL is missing: weights travel through the group's own TCP store."""

    class StoreBroadcast:
        def __init__(self, group):
            self.group = group

        def broadcast(self, tensor, src, stream=None):
            sending = self.group.rank == src
            received = self.group.broadcast_obj(tensor.detach() if sending else None, src)
            if not sending:
                tensor.copy_(received)

    def init(master_address, master_port, rank, world_size, device):
        from vllm.distributed.utils import StatelessProcessGroup

        return StoreBroadcast(
            StatelessProcessGroup.create(host=master_address, port=master_port, rank=rank, world_size=world_size)
        )

    module.stateless_init_process_group = init


def _plain_linears(module):
    """vLLM on CPU packs linear weights and drops the originals; then a weight update has nowhere to go."""
    import torch

    def dispatch(layer, remove_weight):
        layer.cpu_linear = torch.nn.functional.linear

    module.dispatch_cpu_unquantized_gemm = dispatch


def _ray(ray):
    """Logical GPUs, so that OpenRLHF's placement groups fit; no dashboard, loopback only. A cluster that runs has its own."""
    if os.environ.get("RAY_ADDRESS"):
        return
    init = ray.init

    @functools.wraps(init)
    def local(*args, **kwargs):
        settings = {
            "num_cpus": 8,
            "num_gpus": 4,
            "include_dashboard": False,
            "object_store_memory": 300 * 2**20,
            "_node_ip_address": "127.0.0.1",
        }
        return init(*args, **{**settings, **kwargs})

    ray.init = local


def _attention(module):
    """OpenRLHF packs samples under FlashAttention only; PyTorch's attention stands in, see flash_attn/bert_padding.py."""
    choose = module.PreTrainedModel.get_correct_attn_implementation

    @functools.wraps(choose)
    def chosen(self, requested, *args, **kwargs):
        return choose(self, "sdpa" if requested == "flash_attention_2" else requested, *args, **kwargs)

    module.PreTrainedModel.get_correct_attn_implementation = chosen


def _float32(module):
    """With S2R_TEST_FLOAT32=1: weights in float32, so that what a spreading changes is not lost in bfloat16's rounding."""
    import torch

    if os.environ.get("S2R_TEST_FLOAT32") == "1":
        module.convert_to_torch_dtype = lambda param_dtype: torch.float32


def _float32_engine(module):
    if os.environ.get("S2R_TEST_FLOAT32") == "1":
        for name in ("get_train_ds_config", "get_eval_ds_config"):
            make = getattr(module, name)
            setattr(module, name, lambda *args, make=make, **kwargs: make(*args, **{**kwargs, "param_dtype": "fp32"}))


def _float32_to_vllm(module):
    """vLLM keeps its bfloat16: OpenRLHF asks for no other."""
    if os.environ.get("S2R_TEST_FLOAT32") == "1":
        update = module.WorkerWrap.update_weight

        def update_weight(self, name, dtype, shape, empty_cache=False):
            return update(self, name, self.model_config.dtype, shape, empty_cache)

        module.WorkerWrap.update_weight = update_weight


def _dump_first_batch(module):
    """With S2R_TEST_DUMP=FILE: the first batch exactly as the trainer will learn from it, for the tests to read."""
    import torch

    path = os.environ.get("S2R_TEST_DUMP")
    if not path:
        return
    make = module.RemoteExperienceMaker.make_experience_batch

    @functools.wraps(make)
    def make_experience_batch(self, rollout_samples):
        experiences = make(self, rollout_samples)
        if not os.path.exists(path):
            fields = ("sequences", "action_mask", "advantages", "returns", "truncated", "labels", "prompts")
            torch.save([{name: getattr(e, name) for name in fields} for e in experiences], path)
        return experiences

    module.RemoteExperienceMaker.make_experience_batch = make_experience_batch


_AFTER_IMPORT = {
    "torch": _torch,
    "ray": _ray,
    "openrlhf.trainer.ppo_utils.experience_maker": _dump_first_batch,
    "openrlhf.trainer.ray.vllm_worker_wrap": _float32_to_vllm,
    "openrlhf.utils.deepspeed.deepspeed_utils": _float32_engine,
    "openrlhf.utils.distributed_util": _weight_sync,
    "openrlhf.utils.utils": _float32,
    "transformers.modeling_utils": _attention,
    "vllm.model_executor.layers.utils": _plain_linears,
}


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        edit = _AFTER_IMPORT.get(name)
        if edit is None:
            return None
        sys.meta_path.remove(self)
        try:
            spec = importlib.util.find_spec(name)
        finally:
            sys.meta_path.insert(0, self)
        if spec is None or spec.loader is None:
            return spec
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            edit(module)

        spec.loader.exec_module = exec_module
        return spec


if os.environ.get("S2R_CPU_SHIM") == "1":
    sys.meta_path.insert(0, _Finder())
