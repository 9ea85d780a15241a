"""How much memory of each GPU a recipe needs: an estimate by the arithmetic below, before a GPU is taken.

Two phases take turns on a GPU. With P parameters, N GPUs that share the training state, T tokens in a micro-batch:

======== ======================= ====================================================================================
phase    part                    bytes
======== ======================= ====================================================================================
training state                   16 P, over N: weights, gradients and Adam's two moments in float32 (verl, TRL), or
                                 bfloat16 weights and gradients with float32 master weights and moments (DeepSpeed)
training reference               2 P in bfloat16, over N where it is sharded; none where it waits in the memory of the CPU
training gathered                2 bytes for the weights of two layers, the embedding and the head, which are whole in
                                 use
training activations             2 bytes T: what each layer keeps (its input under gradient checkpointing), and all of
                                 one layer while it is computed again
training logits                  T times the vocabulary: 10 bytes (bfloat16, a float32 copy, its gradient), or 6 for
                                 the longer micro-batches of a forward pass, whichever is more
training engine                  its share of the GPU, unless it sleeps meanwhile
sampling engine                  its share of the GPU: 2 P and the cache of one longest response, over its
                                 tensor-parallel GPUs, have to fit in
sampling state                   what training leaves on the GPU meanwhile
both     overhead                4 GiB: CUDA's context, NCCL's buffers, fragmentation
======== ======================= ====================================================================================

An estimate, not a promise: kernels, their workspaces and the order of allocations differ between versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from s2r_rewards.adapter.machine import Finding

GIB = 2**30
STATE, REFERENCE, LOGITS, LOGITS_FORWARD = 16.0, 2.0, 10.0, 6.0
OVERHEAD = 4 * GIB
#: What vLLM needs beside weights and cache: activations of a prefill, CUDA graphs.
ENGINE_OVERHEAD = 3 * GIB


@dataclass(frozen=True)
class Shape:
    """A decoder with gated feed-forward blocks (Llama, Qwen2 and their like), in the words of its ``config.json``."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    num_key_value_heads: int
    intermediate_size: int
    vocab_size: int
    head_dim: int
    tie_word_embeddings: bool = False
    attention_bias: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Shape:
        """Of a ``config.json``. ValueError for models of another form."""
        if any(key in config for key in ("num_experts", "num_local_experts", "n_routed_experts")):
            raise ValueError(f"no estimate for a mixture of experts (model_type {config.get('model_type')!r})")
        try:
            heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
            return cls(
                hidden,
                int(config["num_hidden_layers"]),
                heads,
                int(config.get("num_key_value_heads") or heads),
                int(config["intermediate_size"]),
                int(config["vocab_size"]),
                int(config.get("head_dim") or hidden // heads),
                bool(config.get("tie_word_embeddings", False)),
                bool(config.get("attention_bias", config.get("model_type") == "qwen2")),
            )
        except KeyError as error:
            raise ValueError(f"no estimate: config.json has no {error.args[0]!r}") from None

    @property
    def layer(self) -> int:
        """Parameters of a layer."""
        queries, keys = self.num_attention_heads * self.head_dim, 2 * self.num_key_value_heads * self.head_dim
        attention = self.hidden_size * (2 * queries + keys) + (queries + keys) * self.attention_bias
        return attention + 3 * self.hidden_size * self.intermediate_size + 2 * self.hidden_size

    @property
    def embeddings(self) -> int:
        """Parameters of embedding and head."""
        return self.vocab_size * self.hidden_size * (1 if self.tie_word_embeddings else 2)

    @property
    def parameters(self) -> int:
        """All parameters."""
        return self.num_hidden_layers * self.layer + self.embeddings + self.hidden_size

    @property
    def cache(self) -> int:
        """Bytes of a token in a bfloat16 key-value cache."""
        return 2 * 2 * self.num_hidden_layers * self.num_key_value_heads * self.head_dim

    @property
    def within_layer(self) -> int:
        """Numbers that a layer keeps of a token until its gradient: norms, attention, the gated block."""
        attention = (2 * self.num_attention_heads + 2 * self.num_key_value_heads) * self.head_dim
        return 6 * self.hidden_size + attention + 4 * self.intermediate_size


@dataclass(frozen=True)
class Load:
    """What a configuration asks of each GPU, in the words of no framework."""

    gpus: int
    """GPUs that share weights, gradients and Adam's state."""
    tokens: int
    """Of a training micro-batch, on one GPU."""
    forward_tokens: int = 0
    """Of a micro-batch without gradients, on one GPU."""
    state: float = STATE
    """Bytes a parameter that are shared among the GPUs."""
    whole: float = 0.0
    """Bytes a parameter that every GPU holds (ZeRO below stage 3, data parallelism alone)."""
    reference: float = REFERENCE
    """Bytes a parameter of a reference model on the GPUs, shared."""
    reference_whole: float = 0.0
    """Bytes a parameter of a reference model that every GPU holds."""
    logits: float = LOGITS
    checkpointing: bool = True
    stays: tuple[float, float] | None = None
    """Bytes a parameter of the state, shared and whole, on the GPU while the engine samples; None: all of it."""
    engine: float = 0.0
    """Share of a GPU's memory for the engine; 0: it samples elsewhere or not at all."""
    awake: bool = False
    """Whether the engine keeps its share while the model trains."""
    tensor_parallel: int = 1
    longest: int = 0
    """Tokens of prompt and response together."""
    ways_out: Mapping[str, str] = field(default_factory=dict)
    """Phase → the keys that make it smaller."""


def training(shape: Shape, load: Load) -> dict[str, float]:
    """Bytes of each part of the training phase on one GPU."""
    kept = 1 if load.checkpointing else 0
    layers = shape.num_hidden_layers
    inside = shape.within_layer * (1 if load.checkpointing else layers)
    return {
        "state": (load.state / load.gpus + load.whole) * shape.parameters,
        "reference": (load.reference / load.gpus + load.reference_whole) * shape.parameters,
        "gathered": 0.0 if load.gpus == 1 else 2.0 * (2 * shape.layer + shape.embeddings),
        "activations": 2.0 * load.tokens * (kept * layers * shape.hidden_size + inside),
        "logits": shape.vocab_size * max(load.tokens * load.logits, load.forward_tokens * LOGITS_FORWARD),
        "overhead": float(OVERHEAD),
    }


def sampling(shape: Shape, load: Load, capacity: float) -> dict[str, float]:
    """Bytes of each part of the sampling phase on one GPU of ``capacity`` bytes."""
    shared, whole = (load.state, load.whole) if load.stays is None else load.stays
    staying = (shared / load.gpus + whole) * shape.parameters + training(shape, load)["reference"]
    return {"engine": load.engine * capacity, "state": staying, "overhead": float(OVERHEAD)}


def engine_needs(shape: Shape, load: Load) -> float:
    """Bytes that the engine's share has to hold: weights, the cache of one longest sequence, its workspace."""
    return (2.0 * shape.parameters + shape.cache * load.longest) / load.tensor_parallel + ENGINE_OVERHEAD


def estimate(shape: Shape, load: Load, capacity: float) -> Iterator[Finding]:
    """What fits on GPUs of ``capacity`` bytes, and what does not."""
    awake = {"engine": load.engine * capacity} if load.awake else {}
    yield _finding("training", {**training(shape, load), **awake}, capacity, load)
    if load.engine:
        yield _finding("sampling", sampling(shape, load, capacity), capacity, load)
        needs, has = engine_needs(shape, load), load.engine * capacity
        if needs > has:
            found = f"{needs / GIB:.1f} GiB for weights and one longest response, its share is {has / GIB:.1f}"
            way = load.ways_out.get("engine", "")
            yield Finding("problem", "memory of each GPU, engine", found, way)


def _finding(phase: str, parts: Mapping[str, float], capacity: float, load: Load) -> Finding:
    total = sum(parts.values())
    named = ", ".join(f"{name} {size / GIB:.1f}" for name, size in parts.items() if size)
    found = f"{total / GIB:.1f} of {capacity / GIB:.0f} GiB ({named})"
    fits = total <= capacity
    return Finding(
        "ok" if fits else "problem", f"memory of each GPU, {phase}", found, "" if fits else _way(load, phase)
    )


def _way(load: Load, phase: str) -> str:
    return f"it does not fit: {load.ways_out.get(phase) or 'more GPUs, or shorter responses'}"


def shape_of(model: str, facts: Mapping[str, Any]) -> Shape:
    """Of a folder with a ``config.json``, else of a recipe's model file (its block ``shape``).

    Raises:
        ValueError: neither says it, or the model has another form.
    """
    path = Path(model, "config.json")
    if path.is_file():
        return Shape.of(json.loads(path.read_text(encoding="utf-8")))
    if "shape" in facts:
        return Shape.of(facts["shape"])
    raise ValueError(f"no estimate: {path} does not exist and the model's file has no block `shape`")
