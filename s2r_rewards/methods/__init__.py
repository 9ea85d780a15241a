"""Training methods by name. One module a paper; each says formula, source and caveat.

A method of your own is a :class:`Method` in any module: name it as ``package.module:OBJECT`` wherever a name stands.
"""

from __future__ import annotations

from s2r_rewards.methods import released, s2r
from s2r_rewards.methods.base import Method, OfflineFilter, prompt_accuracies
from s2r_rewards.resolve import named

METHODS: dict[str, Method] = {
    method.name: method
    for module in (s2r, released)
    for method in (module.PRL, module.ORL, module.OFFLINE_PRL, module.OFFLINE_ORL)
}


def get_method(method: str | Method) -> Method:
    """A method by name or ``package.module:OBJECT``, or the method itself. ValueError for anything else."""
    found = named(method, METHODS, "method") if isinstance(method, str) else method
    if not isinstance(found, Method):
        raise ValueError(f"method {method!r} is {type(found).__name__}; expected a Method")
    return found


__all__ = ["METHODS", "Method", "OfflineFilter", "get_method", "prompt_accuracies"]
