"""S²R for OpenRLHF: outcome and process rewards, online and offline, in the real trainer.

| job | entry |
|---|---|
| outcome rewards, stock OpenRLHF | ``--reward.remote_url <this folder>/reward_file.py`` or the URL of ``s2r serve`` |
| outcome or process rewards, with every ``s2r/*`` metric | ``python -m s2r_openrlhf.train_ppo_ray`` |
| offline RL from stored rollouts | the same with ``--s2r.offline`` |
| SFT data whose wrong attempts are masked | ``python -m s2r_openrlhf.sft`` |

Importing this package imports neither torch nor OpenRLHF.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
REWARD_FILE = FOLDER / "reward_file.py"
AGENT_FILE = FOLDER / "agent_file.py"
REPLAY_FILE = FOLDER / "replay_file.py"
