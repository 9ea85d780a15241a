"""What OpenRLHF's parsed flags ask of each GPU."""

from __future__ import annotations

from typing import Any

from s2r_rewards.adapter.memory import LOGITS, LOGITS_FORWARD, REFERENCE, STATE, Load

#: Bytes a parameter that ZeRO of a stage leaves whole on every GPU: weights, and below 2 gradients, below 1 all.
_WHOLE = {3: 0.0, 2: 2.0, 1: 4.0, 0: STATE}
#: Float32 master weights and Adam's moments, which ``--ds.adam_offload`` keeps in the memory of the CPU.
_ADAM = 12.0


def load_of(args: Any, gpus: int, beta: float = 0.0) -> Load:
    """Of RL or SFT; ``gpus`` and ``beta`` (its KL term) are SFT's. ValueError where there is no estimate."""
    if getattr(args.ds.lora, "rank", 0) or getattr(args.ds, "load_in_4bit", False):
        raise ValueError("no estimate for LoRA or 4-bit weights")
    online = hasattr(args, "rollout")
    whole = _WHOLE[args.ds.zero_stage]
    shared = STATE - whole - (_ADAM if getattr(args.ds, "adam_offload", False) else 0.0)
    ring, longest = args.ds.ring_attn_size, args.data.max_len
    micro = args.train.micro_batch_size * longest
    if not online:
        return Load(
            gpus,
            tokens=micro // ring,
            state=max(shared, 0.0),
            whole=whole,
            reference=REFERENCE if beta else 0.0,
            logits=LOGITS + (LOGITS_FORWARD if beta else 0.0),
            checkpointing=args.model.gradient_checkpointing_enable,
            ways_out={"training": "--ds.adam_offload, --ds.ring_attn_size 2, --s2r.offload, or more GPUs (S2R_GPUS)"},
        )
    dynamic, together = args.train.dynamic_batch_enable, args.train.colocate_all and not args.train.async_enable
    forward = args.rollout.max_tokens_per_gpu or args.train.max_tokens_per_gpu
    if not dynamic:
        forward = args.rollout.micro_batch_size * longest
    return Load(
        gpus=args.actor.num_nodes * args.actor.num_gpus_per_node,
        tokens=(args.train.max_tokens_per_gpu if dynamic else micro) // ring,
        forward_tokens=forward // ring,
        state=max(shared, 0.0),
        whole=whole,
        reference=REFERENCE if args.algo.kl.init_coef > 0 else 0.0,
        checkpointing=args.actor.gradient_checkpointing_enable,
        stays=not args.ds.enable_sleep,
        engine=args.vllm.gpu_memory_utilization if together and args.vllm.num_engines else 0.0,
        tensor_parallel=args.vllm.tensor_parallel_size,
        longest=longest,
        ways_out={
            "training": f"--train.max_tokens_per_gpu and --rollout.max_tokens_per_gpu (at least {longest}, one "
            "response), --ds.ring_attn_size 2, --ds.adam_offload, or more --actor.num_gpus_per_node",
            "sampling": "--ds.enable_sleep, or a smaller --vllm.gpu_memory_utilization",
            "engine": "more --vllm.gpu_memory_utilization or --vllm.tensor_parallel_size",
        },
    )
