"""How the reward server behaves, checked once at the start."""

from __future__ import annotations

from dataclasses import dataclass, field

from s2r_rewards.adapter import TRAINING_OPTIONS, Options


@dataclass(frozen=True)
class Settings:
    """Raises ValueError for a value that makes no sense, or that the server could only ignore."""

    options: Options = field(default_factory=Options)
    """How responses are parsed, checked and rewarded; the protocol asks for the outcome."""
    workers: int = 2
    """Processes that score."""
    token: str | None = field(default=None, repr=False)
    """What requests have to show; None: nothing."""
    max_bytes: int = 16 * 2**20
    """Larger request bodies are refused with 413."""
    max_batch: int = 256
    """Samples of several requests that are judged together, at most."""
    batch_wait: float = 0.002
    """Seconds that a batch waits for company."""
    drain: float = 1.0
    """Seconds after SIGTERM in which new requests are still served (and /health says no)."""

    def __post_init__(self) -> None:
        self.options.check()
        self.options.refuse(TRAINING_OPTIONS, "the trainer decides that, not the server; drop it")
        self.options.refuse(("timeouts",), "a server has to give every response a reward; drop it")
        for name in ("workers", "max_bytes", "max_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("batch_wait", "drain"):
            if not 0 <= getattr(self, name) < 3600:
                raise ValueError(f"{name} is {getattr(self, name)}; expected seconds from 0 to an hour")
