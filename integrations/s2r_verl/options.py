"""The configuration block ``algorithm.s2r`` → the options that every trainer, command and server shares.

Command line: ``+algorithm.s2r.leave_one_out=True``; YAML: a block ``s2r:`` under ``algorithm:``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from s2r_rewards.adapter import ConfigError, Options

__all__ = ["ConfigError", "Options", "read_block", "read_options"]

BLOCK = "algorithm.s2r"
#: Keys of former releases → what says the same today.
_FORMER = {
    "level": "the method has it: method=s2r-prl (process) or method=s2r-orl (outcome)",
    "preset": "method=s2r-prl or s2r-orl (paper), released-prl or released-orl (released)",
}


def read_options(algorithm: Any) -> Options:
    """From verl's ``algorithm`` block (DictConfig, dict, dataclass or None). ConfigError names key and way out."""
    if hasattr(algorithm, "get"):
        block = algorithm.get("s2r")
    else:
        block = getattr(algorithm, "s2r", None)
    return read_block({} if block is None else block, BLOCK)


def read_block(block: Any, where: str) -> Options:
    """From a mapping of options; ``where`` is its name in messages."""
    if not isinstance(block, Mapping) and not hasattr(block, "items"):
        raise ConfigError(f"{where} is {block!r}; expected a mapping")
    given = dict(block.items())
    for key, way_out in _FORMER.items():
        if key in given:
            raise ConfigError(f"{where}.{key}={given[key]!r} is a key of former releases; use {way_out}")
    if given.get("baseline") == "running":
        raise ConfigError(f"{where}.baseline=running is a value of former releases; use running=true")
    return Options.from_mapping(given, where)
