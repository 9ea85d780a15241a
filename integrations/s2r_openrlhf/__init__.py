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

import logging
from pathlib import Path

from s2r_rewards.adapter.machine import installed, within

logger = logging.getLogger(__name__)
FOLDER = Path(__file__).parent
#: Modules that OpenRLHF loads by their path.
REWARD_FILE = FOLDER / "reward.py"
AGENT_FILE = FOLDER / "agent.py"
SUPPORTED = ">=0.10.2,<0.12"


def require_supported(warn: bool = True) -> str:
    """The installed OpenRLHF version, tested or of the form that is used here; of an untested one, a warning.

    Raises:
        RuntimeError: it is too old, or differs from what is used here; says what is supported.
    """
    found = installed("openrlhf")
    if found is None:
        raise RuntimeError(
            f'OpenRLHF is not installed; s2r_openrlhf supports openrlhf{SUPPORTED}: pip install "openrlhf{SUPPORTED}"'
        )
    if within(found, (0, 10, 2), (0, 12)):
        return found
    if not within(found, (0, 10, 2), (99,)):
        raise RuntimeError(f"found openrlhf {found}; s2r_openrlhf supports openrlhf{SUPPORTED}")
    from s2r_openrlhf.checks.contract import broken

    if differences := broken():
        raise RuntimeError(
            f"found openrlhf {found}; s2r_openrlhf supports openrlhf{SUPPORTED}, and this one differs: "
            + "; ".join(differences)
        )
    if warn:
        logger.warning(
            "openrlhf %s is newer than what s2r_openrlhf was tested with (%s); all that it uses is there",
            found,
            SUPPORTED,
        )
    return found
