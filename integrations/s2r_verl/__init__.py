"""S²R inside verl: rewards, advantages, losses, metrics, SFT and offline replay, by configuration alone.

verl finds :mod:`s2r_verl.plugin` through its ``verl.plugins`` entry point; see ``recipes/verl/README.md``
for the configuration keys.  Importing this package imports neither verl nor torch.
"""

from __future__ import annotations

from s2r_verl.contract import TESTED, problem_with

__all__ = ["TESTED", "problem_with"]
