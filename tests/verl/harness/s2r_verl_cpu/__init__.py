"""Tests only: verl's real trainers on a machine without an accelerator.

verl loads this package in every process through the ``verl.plugins`` entry point. It does nothing unless
``VERL_PLATFORM=cpu``. It adds what verl lacks for a CPU (a platform, an engine key, a rollout backend)
through verl's own registries, and corrects one backend string; no file of verl changes.
"""

import os

if os.environ.get("VERL_PLATFORM", "").strip().lower() == "cpu":
    from s2r_verl_cpu import platform, registries

    registries.install()
    __all__ = ["platform", "registries"]
