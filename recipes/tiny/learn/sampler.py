"""Batched sampling with a key-value cache that lets finished rows go; `generate` would carry them to the end."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..data.responses import Sample
from ..data.task import END
from .model import pad

COMPACT_AT = 0.25  # drop finished rows once they are this share of the batch: copying the cache costs too


class Sampler:
    """Decodes with the current weights of a Qwen2ForCausalLM; make a new one after each update."""

    def __init__(self, model: nn.Module):
        config: Any = model.config
        self.heads, self.kv_heads = config.num_attention_heads, config.num_key_value_heads
        self.width = config.hidden_size // self.heads
        self.ffn, self.eps = config.intermediate_size, config.rms_norm_eps
        weights = {name: p.detach() for name, p in model.named_parameters()}
        self.embedding, self.final_norm = weights["model.embed_tokens.weight"], weights["model.norm.weight"]
        self.layers = [_fuse(weights, f"model.layers.{i}.") for i in range(config.num_hidden_layers)]
        positions = torch.arange(config.max_position_embeddings, device=self.embedding.device)[None]
        rotary: Any = model.get_submodule("model.rotary_emb")
        with torch.no_grad():
            cos, sin = rotary(self.embedding[None], positions)
        self.cos, self.sin = cos[0], sin[0]

    @torch.no_grad()
    def __call__(
        self,
        prompts: list[list[int]],
        max_tokens: int,
        temperature: float,
        generator: torch.Generator | None = None,
        batch: int = 512,
    ) -> list[Sample]:
        """One response per prompt, in order; temperature 0 is greedy. All prompts have one length; the generator is on
        the model's device."""
        out: list[Sample] = []
        for start in range(0, len(prompts), batch):
            out += self._decode(pad(prompts[start : start + batch]), max_tokens, temperature, generator)
        return out

    def _decode(
        self, prompts: Tensor, limit: int, temperature: float, generator: torch.Generator | None
    ) -> list[Sample]:
        rows, offset = prompts.shape
        device = self.embedding.device
        shape = (rows, self.kv_heads, offset + limit, self.width)
        cache = [(torch.empty(shape, device=device), torch.empty(shape, device=device)) for _ in self.layers]
        ids = torch.zeros(rows, limit, dtype=torch.long, device=device)
        log_probs = torch.zeros(rows, limit, device=device)
        lengths = torch.full((rows,), limit, device=device)
        active = torch.arange(rows, device=device)
        finished = torch.zeros(rows, dtype=torch.bool, device=device)
        chosen = prompts.to(device)
        for step in range(limit):
            start = 0 if step == 0 else offset + step - 1
            distribution = self._forward(chosen, start, cache).log_softmax(-1)
            chosen = _choose(distribution, temperature, generator)
            ids[active, step] = chosen[:, 0]
            log_probs[active, step] = distribution.gather(1, chosen)[:, 0]
            ends = (chosen[:, 0] == END) & ~finished
            lengths[active[ends]] = step + 1
            finished |= ends
            if finished.all():
                break
            if finished.float().mean() > COMPACT_AT:
                going = ~finished
                active, chosen, finished = active[going], chosen[going], finished[going]
                cache = [(keys[going], values[going]) for keys, values in cache]
        return [
            Sample(i[:n], p[:n]) for i, p, n in zip(ids.tolist(), log_probs.tolist(), lengths.tolist(), strict=True)
        ]

    def _forward(self, ids: Tensor, start: int, cache: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Logits [B, V] after ids [B, n] at positions start … start + n − 1; fills the cache."""
        rows, count = ids.shape
        stop = start + count
        cos, sin = self.cos[start:stop], self.sin[start:stop]
        x = self.embedding[ids]
        for layer, (keys, values) in zip(self.layers, cache, strict=True):
            heads = F.linear(self._norm(x, layer["input_norm"]), layer["qkv"], layer["qkv_bias"])
            heads = heads.view(rows, count, -1, self.width).transpose(1, 2)
            q, k, v = heads.split([self.heads, self.kv_heads, self.kv_heads], dim=1)
            keys[:, :, start:stop] = _rotate(k, cos, sin)
            values[:, :, start:stop] = v
            mixed = F.scaled_dot_product_attention(
                _rotate(q, cos, sin), keys[:, :, :stop], values[:, :, :stop], is_causal=count > 1, enable_gqa=True
            )
            x = x + F.linear(mixed.transpose(1, 2).reshape(rows, count, -1), layer["out"])
            gate, up = F.linear(self._norm(x, layer["ffn_norm"]), layer["gate_up"]).split(self.ffn, dim=-1)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        return F.linear(self._norm(x[:, -1], self.final_norm), self.embedding)

    def _norm(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[-1:], weight, self.eps)


def _fuse(weights: dict[str, Tensor], at: str) -> dict[str, Tensor]:
    """One layer's weights, with projections of one input joined: fewer, larger products."""
    projections = [f"{at}self_attn.{x}_proj" for x in "qkv"]
    return {
        "input_norm": weights[at + "input_layernorm.weight"],
        "qkv": torch.cat([weights[p + ".weight"] for p in projections]),
        "qkv_bias": torch.cat([weights[p + ".bias"] for p in projections]),
        "out": weights[at + "self_attn.o_proj.weight"],
        "ffn_norm": weights[at + "post_attention_layernorm.weight"],
        "gate_up": torch.cat([weights[f"{at}mlp.{x}_proj.weight"] for x in ("gate", "up")]),
        "down": weights[at + "mlp.down_proj.weight"],
    }


def _rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-right, left], dim=-1) * sin


def _choose(log_probs: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """Next token ids [B, 1]."""
    if temperature == 0:
        return log_probs.argmax(-1, keepdim=True)
    return torch.multinomial((log_probs / temperature).softmax(-1), 1, generator=generator)
