"""S²R for OpenRLHF: outcome and process rewards, online and offline, in the real trainer.

| job | entry |
|---|---|
| outcome rewards, stock OpenRLHF | ``--reward.remote_url <this folder>/reward.py`` or the URL of ``s2r serve`` |
| outcome or process rewards, with every ``s2r/*`` metric | ``python -m s2r_openrlhf.train_ppo_ray`` |
| offline RL from stored rollouts | the same with ``--s2r.offline`` |
| SFT data whose wrong attempts are masked | ``python -m s2r_openrlhf.sft`` |

Importing this package imports neither torch nor OpenRLHF.
"""

from __future__ import annotations

from pathlib import Path

from s2r_rewards.adapter.machine import installed, within

FOLDER = Path(__file__).parent
#: Modules that OpenRLHF loads by their path.
REWARD_FILE = FOLDER / "reward.py"
AGENT_FILE = FOLDER / "agent.py"
SUPPORTED = ">=0.10.2,<0.12"


def require_supported() -> str:
    """The installed OpenRLHF version; RuntimeError naming the supported range otherwise."""
    found = installed("openrlhf")
    if found is None:
        raise RuntimeError(
            f'OpenRLHF is not installed; s2r_openrlhf supports openrlhf{SUPPORTED}: pip install "openrlhf{SUPPORTED}"'
        )
    if not within(found, (0, 10, 2), (0, 12)):
        raise RuntimeError(f"found openrlhf {found}; s2r_openrlhf supports openrlhf{SUPPORTED}")
    return found
