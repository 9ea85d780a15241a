"""Which OpenRLHF is supported, and a clear word for any other."""

from __future__ import annotations

import re
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
    numbers = tuple(int(number) for number in re.findall(r"\d+", found)[:3])
    if not OLDEST <= numbers < BELOW:
        raise RuntimeError(f"found openrlhf {found}; s2r_openrlhf supports openrlhf{SUPPORTED}")
    return found
