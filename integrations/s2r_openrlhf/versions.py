"""Which OpenRLHF is supported, and a clear word for any other."""

from __future__ import annotations

from importlib import metadata

OLDEST = (0, 10, 2)
BELOW = (0, 12)
SUPPORTED = ">=0.10.2,<0.12"


def require_supported() -> str:
    """The installed OpenRLHF version; RuntimeError naming the supported range otherwise."""
    try:
        found = metadata.version("openrlhf")
    except metadata.PackageNotFoundError:
        raise RuntimeError(
            f'OpenRLHF is not installed; s2r_openrlhf supports openrlhf{SUPPORTED}: pip install "openrlhf{SUPPORTED}"'
        ) from None
    if not OLDEST <= _numbers(found) < BELOW:
        raise RuntimeError(f"found openrlhf {found}; s2r_openrlhf supports openrlhf{SUPPORTED}")
    return found


def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers: ``"0.11.2.post1"`` → (0, 11, 2)."""
    numbers: list[int] = []
    for part in version.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
