"""What a composed verl configuration asks of each GPU. Imports no verl."""

from __future__ import annotations

from typing import Any

from s2r_rewards.adapter.memory import LOGITS, LOGITS_FORWARD, Load
from s2r_verl.checks.setup import TRAINERS, find

_ACTOR, _ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
#: verl keeps a reference model in the memory of the CPU (``forward_only``), whichever FSDP it is.
_ON_CPU = 0.0


def load_of(config: Any) -> Load:
    """Of an SFT or an RL configuration. ValueError for engines and adapters without an estimate."""
    return _sft(config) if find(config, "algorithm") is None else _rl(config)


def _require_fsdp(strategy: Any, lora: Any) -> None:
    if strategy not in ("fsdp", "fsdp2"):
        raise ValueError(f"no estimate for strategy={strategy}; only for fsdp and fsdp2")
    if lora:
        raise ValueError(f"no estimate for lora_rank={lora}")


def _shared(config: Any, engine: str) -> int:
    gpus = int(find(config, "trainer.nnodes", 1)) * int(find(config, "trainer.n_gpus_per_node", 1))
    size = int(find(config, f"{engine}.fsdp_size", -1))
    return min(size, gpus) if size > 0 else gpus


def _state(config: Any, engine: str) -> float:
    return 0.0 if find(config, f"{engine}.offload_policy") else Load.state


def _sft(config: Any) -> Load:
    _require_fsdp(find(config, "engine.strategy"), find(config, "model.lora_rank"))
    longest, parallel = int(config.data.max_length), int(find(config, "engine.ulysses_sequence_parallel_size", 1))
    tokens = int(config.data.micro_batch_size_per_gpu) * longest // parallel
    if config.data.use_dynamic_bsz:
        tokens = int(config.data.max_token_len_per_gpu)
    return Load(
        gpus=_shared(config, "engine"),
        tokens=tokens,
        state=_state(config, "engine"),
        reference=_ON_CPU,
        # The KL term looks at the whole vocabulary of both models.
        logits=LOGITS + (LOGITS_FORWARD if find(config, "s2r.beta") else 0),
        checkpointing=bool(find(config, "model.enable_gradient_checkpointing")),
        ways_out={
            "training": f"data.max_token_len_per_gpu below {tokens} (one row has up to {longest}) with "
            "engine.ulysses_sequence_parallel_size=2, more trainer.n_gpus_per_node, or engine.offload_policy=True"
        },
    )


def _rl(config: Any) -> Load:
    _require_fsdp(find(config, f"{_ACTOR}.strategy"), find(config, "actor_rollout_ref.model.lora_rank"))
    fsdp = f"{_ACTOR}.fsdp_config"
    longest = int(config.data.max_prompt_length) + int(config.data.max_response_length)
    parallel = int(find(config, f"{fsdp}.ulysses_sequence_parallel_size", 1))

    def tokens(block: str, dynamic: str, most: str, micro: str) -> int:
        if find(config, f"{block}.{dynamic}"):
            return int(find(config, f"{block}.{most}"))
        return int(find(config, f"{block}.{micro}", 1) or 1) * longest // parallel

    train = tokens(_ACTOR, "use_dynamic_bsz", "ppo_max_token_len_per_gpu", "ppo_micro_batch_size_per_gpu")
    names = ("log_prob_use_dynamic_bsz", "log_prob_max_token_len_per_gpu", "log_prob_micro_batch_size_per_gpu")
    forward = max(tokens(_ROLLOUT, *names), tokens("actor_rollout_ref.ref", *names))
    fused = find(config, "actor_rollout_ref.model.use_fused_kernels")
    elsewhere = TRAINERS.get(str(find(config, "trainer.v1.trainer_mode")), "sync") == "separate_async"
    state = _state(config, fsdp)
    return Load(
        gpus=_shared(config, fsdp),
        tokens=train,
        forward_tokens=0 if fused else forward,
        state=state,
        reference=_ON_CPU,
        logits=0.0 if fused else LOGITS,
        checkpointing=bool(find(config, "actor_rollout_ref.model.enable_gradient_checkpointing")),
        stays=(0.0, 0.0) if all(find(config, f"{fsdp}.{part}_offload") for part in ("param", "optimizer")) else None,
        engine=0.0 if elsewhere else float(find(config, f"{_ROLLOUT}.gpu_memory_utilization", 0.5)),
        awake=not find(config, f"{_ROLLOUT}.free_cache_engine", True),
        tensor_parallel=int(find(config, f"{_ROLLOUT}.tensor_model_parallel_size", 1)),
        longest=longest,
        ways_out={
            "training": f"{_ACTOR}.ppo_max_token_len_per_gpu below {train} (one response has up to {longest} with its "
            f"prompt; {fsdp}.ulysses_sequence_parallel_size=2 halves that), more trainer.n_gpus_per_node, or "
            f"{fsdp}.offload_policy=True",
            "sampling": f"{fsdp}.param_offload=True {fsdp}.optimizer_offload=True, or a smaller "
            f"{_ROLLOUT}.gpu_memory_utilization",
            "engine": f"more {_ROLLOUT}.gpu_memory_utilization or {_ROLLOUT}.tensor_model_parallel_size",
        },
    )
