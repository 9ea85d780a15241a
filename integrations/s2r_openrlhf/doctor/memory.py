"""What OpenRLHF's parsed flags ask of each GPU."""

from __future__ import annotations

from typing import Any

from s2r_rewards.adapter.memory import LOGITS, LOGITS_FORWARD, REFERENCE, STATE, Load

#: Bytes a parameter that ZeRO of a stage leaves whole on every GPU: weights, and below 2 gradients, below 1 all.
_WHOLE = {3: 0.0, 2: 2.0, 1: 4.0, 0: STATE}
#: Float32 master weights and Adam's moments, which ``--ds.adam_offload`` keeps in the memory of the CPU.
_ADAM = 12.0
#: bfloat16 weights, which ``--ds.enable_sleep`` leaves where they are.
_WEIGHTS = 2.0


def load_of(args: Any, gpus: int, beta: float = 0.0, offload: bool = False) -> Load:
    """Of RL or SFT; ``gpus``, ``beta`` (its KL term) and ``offload`` (of its reference) are SFT's.

    ValueError where there is no estimate.
    """
    if getattr(args.ds.lora, "rank", 0) or getattr(args.ds, "load_in_4bit", False):
        raise ValueError("no estimate for LoRA or 4-bit weights")
    online, sharded = hasattr(args, "rollout"), args.ds.zero_stage == 3
    whole, on_cpu = _WHOLE[args.ds.zero_stage], getattr(args.ds, "adam_offload", False)
    shared = STATE - whole - (_ADAM if on_cpu else 0.0)
    ring, longest = args.ds.ring_attn_size, args.data.max_len
    micro = args.train.micro_batch_size * longest // ring
    offload = args.ref.offload if online else offload
    # A frozen model is either sharded or whole (ZeRO-3 or none), and only the former waits in the memory of the CPU.
    known = (args.algo.kl.init_coef > 0) if online else beta
    reference = REFERENCE if known and sharded and not offload else 0.0
    reference_whole = REFERENCE if known and not sharded else 0.0
    if not online:
        return Load(
            gpus,
            tokens=micro,
            state=max(shared, 0.0),
            whole=whole,
            reference=reference,
            reference_whole=reference_whole,
            logits=LOGITS + (LOGITS_FORWARD if beta else 0.0),
            checkpointing=args.model.gradient_checkpointing_enable,
            ways_out={"training": "--ds.adam_offload, --ds.ring_attn_size 2, --s2r.offload, or more GPUs (S2R_GPUS)"},
        )
    dynamic, together = args.train.dynamic_batch_enable, args.train.colocate_all and not args.train.async_enable

    def tokens(budget: int, size: int) -> int:
        """On one GPU. The budget is of each GPU: OpenRLHF fills a ring with so many times it, one response at least."""
        found = max(budget * args.ds.tensor_parallel_size, longest // ring) if dynamic else size * longest // ring
        return int(found)

    forward = args.rollout.max_tokens_per_gpu or args.train.max_tokens_per_gpu
    # Adam's state on the CPU makes OpenRLHF's sleep do nothing; without ZeRO there is nothing that could be moved.
    asleep = args.ds.enable_sleep and not on_cpu and args.ds.zero_stage > 0
    return Load(
        gpus=args.actor.num_nodes * args.actor.num_gpus_per_node,
        tokens=tokens(args.train.max_tokens_per_gpu, args.train.micro_batch_size),
        forward_tokens=tokens(forward, args.rollout.micro_batch_size),
        state=max(shared, 0.0),
        whole=whole,
        reference=reference,
        reference_whole=reference_whole,
        checkpointing=args.actor.gradient_checkpointing_enable,
        stays=((_WEIGHTS, 0.0) if sharded else (0.0, _WEIGHTS)) if asleep else None,
        engine=args.vllm.gpu_memory_utilization if together and args.vllm.num_engines else 0.0,
        awake=not args.vllm.enable_sleep,
        tensor_parallel=args.vllm.tensor_parallel_size,
        longest=longest,
        ways_out={
            "training": f"--train.max_tokens_per_gpu and --rollout.max_tokens_per_gpu (at least {longest}, one "
            "response; half of it with --ds.ring_attn_size 2), --ref.offload with ZeRO-3, --ds.adam_offload, or more "
            "--actor.num_gpus_per_node",
            "sampling": "--ds.enable_sleep without --ds.adam_offload, or a smaller --vllm.gpu_memory_utilization",
            "engine": "more --vllm.gpu_memory_utilization or --vllm.tensor_parallel_size",
        },
    )
