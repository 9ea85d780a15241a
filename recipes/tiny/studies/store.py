"""Stages by content: what depends on the same settings is computed once, for all arms of all studies."""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path

from s2r_rewards.scored import VERSION

from ..runfolder import RunFolder, dumps
from ..stages import ALL

RECIPE = 1
"""Counted up when the recipe's own code changes results."""


@dataclass(frozen=True)
class StoredRun(RunFolder):
    """An arm with one seed. Each stage has a folder of its own, named by a hash of all that it depends on."""

    def home(self, stage: str) -> Path:
        return self.path / f"{stage}-{self._key(stage)}"

    def _key(self, stage: str) -> str:
        config, (_, _, needs, reads) = asdict(self.config), ALL[stage]
        shared = ("seed", "threads", "device", "max_tokens", "evaluation")
        content = {name: config[name] for name in (*shared, *reads)}
        parts = [stage, str(RECIPE), str(VERSION), dumps(content), *(self._key(need) for need in needs)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]
