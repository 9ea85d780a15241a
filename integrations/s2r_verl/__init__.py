"""S²R inside verl: rewards, advantages, losses, metrics, SFT and offline replay, by configuration alone.

verl finds :mod:`s2r_verl.plugin` through its ``verl.plugins`` entry point; see ``recipes/verl/README.md``
for the configuration keys.  Importing this package imports neither verl nor torch.
"""

from __future__ import annotations

from s2r_rewards.adapter.machine import installed, within

TESTED = ("0.9.0", "0.9.1")


def problem_with(version: str | None) -> str | None:
    """What is wrong with this verl version and the way out; None if nothing is."""
    tested = " and ".join(TESTED)
    if version is None:
        return f'verl is not installed; tested with {tested}: pip install "s2r-rewards[verl]"'
    if not within(version, (0, 9), (0, 10)):
        return (
            f"verl {version} is not supported; s2r_verl needs verl >=0.9,<0.10 (tested with {tested}), "
            'because hooks moved between versions: pip install "verl==0.9.1"'
        )
    return None


def require_supported_verl() -> None:
    """Raises RuntimeError naming the versions that work."""
    import verl  # the running verl may be a source tree without metadata

    problem = problem_with(getattr(verl, "__version__", None) or installed("verl"))
    if problem:
        raise RuntimeError(problem)
