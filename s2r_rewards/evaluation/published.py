"""The paper's own figures (arXiv:2502.12853), in percent, to stand beside a run's; the table is ``published.json``."""

import json
from pathlib import Path

_FIGURES = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))

ACCURACY: dict[str, dict[str, dict[str, float]]] = _FIGURES["accuracy"]
"""Greedy pass@1: model -> ``math500``, or ``average`` of the seven in-domain benchmarks -> stage -> percent."""
BEHAVIOUR: dict[str, dict[str, dict[str, float]]] = _FIGURES["behaviour"]
"""Behaviour on MATH500 (appendix E): model -> metric -> stage -> percent."""
STYLES: dict[str, dict[str, list[float]]] = _FIGURES["styles"]
"""Accuracy of verifications: model -> style -> percent over all, where the attempt is right, where it is wrong."""
