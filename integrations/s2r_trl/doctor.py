"""What ``s2r doctor`` asks of a machine that is to train with TRL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from s2r_rewards.adapter.machine import Check, Finding, Machine, within
from s2r_rewards.adapter.memory import Load
from s2r_rewards.adapter.recipes import compose
from s2r_trl.checks import TESTED, require_supported

#: Tokens of a prompt, which TRL does not bound; as in the recipes of verl.
PROMPT = 1024


def check_trl(machine: Machine) -> Iterator[Finding]:
    """Its version, and what our trainer needs of it; nothing where it is not installed."""
    trl = machine.version("trl")
    if trl is None:
        return
    if trl != TESTED:
        way = f"reward functions work; s2r_trl.trainer was tested with {TESTED}"
        if not within(trl, (1, 0), (2,)):
            yield Finding("problem", "trl", trl, f"s2r_trl wants 1.0 to 2: pip install 'trl=={TESTED}'")
            return
        yield Finding("warning", "trl", trl, way)
    else:
        yield Finding("ok", "trl", trl)
    if trl == _here():
        try:
            require_supported()
        except (RuntimeError, ImportError) as error:
            yield Finding("problem", "trl", trl, str(error))
    if not machine.version("vllm"):
        yield Finding(
            "warning", "vllm", "not installed", "TRL then generates with transformers: slow; use_vllm needs it"
        )


def _here() -> str | None:
    from s2r_rewards.adapter.machine import installed

    return installed("trl")


CHECKS: tuple[Check, ...] = (check_trl,)


def memory_of(folder: Path, stage: str, model: str) -> tuple[str, Load]:
    """(the model that a stage starts from, what it asks of each GPU). ValueError where that cannot be said."""
    settings = compose(folder, stage, model)
    facts, own = settings["recipe"], settings["trl"]
    gpus, words = int(facts["gpus"]), list(map(str, facts.get("accelerate", [])))
    if own.get("use_peft"):
        raise ValueError("no estimate for adapters (use_peft)")
    sharded = "--use_fsdp" in words or "--use_deepspeed" in words
    longest = int(own["max_completion_length"]) + PROMPT
    colocated = own.get("use_vllm") and own.get("vllm_mode") == "colocate"
    reference = 4.0 if settings.get("s2r", {}).get("beta") else 0.0  # in float32, as TRL loads it
    return own["model_name_or_path"], Load(
        gpus=gpus if sharded else 1,
        tokens=int(own["per_device_train_batch_size"]) * longest,
        reference=reference,
        logits=0.0,  # its head computes log-probabilities in tiles, without the logits
        checkpointing=bool(own.get("gradient_checkpointing")),
        engine=float(own.get("vllm_gpu_memory_utilization", 0.3)) if colocated else 0.0,
        awake=not own.get("vllm_enable_sleep_mode", False),
        tensor_parallel=int(own.get("vllm_tensor_parallel_size", 1)),
        longest=longest,
        ways_out={
            "training": "vllm_enable_sleep_mode, recipe.accelerate with --use_fsdp, a smaller per_device_train_batch_size with more "
            "gradient_accumulation_steps, or more GPUs (S2R_GPUS)",
            "sampling": "a smaller vllm_gpu_memory_utilization",
            "engine": "more vllm_gpu_memory_utilization or vllm_tensor_parallel_size",
        },
    )
