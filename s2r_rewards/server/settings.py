"""How the reward server behaves, checked once at the start."""

from __future__ import annotations

from dataclasses import dataclass

from s2r_rewards.grammar import get_grammar
from s2r_rewards.presets import get_preset


@dataclass(frozen=True)
class Settings:
    """Raises ValueError for a value that makes no sense."""

    grammar: str | None = None
    """How responses are parsed; None: as the preset says."""
    preset: str = "paper"
    max_bytes: int = 16 * 2**20
    """Larger request bodies are refused with 413."""
    max_batch: int = 256
    """Samples of several requests that are judged together, at most."""
    batch_wait: float = 0.002
    """Seconds that a batch waits for company."""
    drain: float = 1.0
    """Seconds after SIGTERM in which new requests are still served (and /health says no)."""

    def __post_init__(self) -> None:
        get_grammar(self.grammar_name)
        for name in ("max_bytes", "max_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("batch_wait", "drain"):
            if not 0 <= getattr(self, name) < 3600:
                raise ValueError(f"{name} is {getattr(self, name)}; expected seconds from 0 to an hour")

    @property
    def grammar_name(self) -> str:
        return self.grammar or get_preset(self.preset).grammar
