"""The tokens that end a response. Models have several: Qwen2.5 ``<|im_end|>`` and ``<|endoftext|>``, Llama 3 three."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)
#: Files of a model that name its end tokens; vLLM and transformers read the first that there is.
FILES = ("generation_config.json", "config.json")


def end_tokens(tokenizer: Any, *models: str | None) -> frozenset[int]:
    """The ids at which generation stops: the tokenizer's end token, and those of the model's generation_config.json.

    Args:
        tokenizer: a transformers tokenizer; the model is looked for where it is from.
        models: other places of the model, folders or names in the hub's cache. Nothing is downloaded: what is not on this
            machine adds nothing.
    """
    places = (getattr(tokenizer, "name_or_path", None), *models)
    found = {*_ids(getattr(tokenizer, "eos_token_id", None))}
    return frozenset(found.union(*(_of_model(name) for name in places if isinstance(name, str) and name)))


def ended(ids: Sequence[int], ends: frozenset[int]) -> bool:
    """Whether the last of the ids is an end token."""
    return len(ids) > 0 and int(ids[-1]) in ends


@cache
def _of_model(name: str) -> frozenset[int]:
    for file in FILES:
        path = _local(name, file)
        if path is None:
            continue
        try:
            return frozenset(_ids(json.loads(path.read_text(encoding="utf-8")).get("eos_token_id")))
        except (OSError, ValueError, AttributeError) as error:
            logger.warning("%s: its end tokens cannot be read (%s); the tokenizer's own counts alone", path, error)
            return frozenset()
    return frozenset()


def _local(name: str, file: str) -> Path | None:
    if Path(name).is_dir():
        path = Path(name) / file
        return path if path.is_file() else None
    try:
        from huggingface_hub import try_to_load_from_cache

        cached = try_to_load_from_cache(name, file)
    except (ImportError, ValueError):  # no hub here, or nothing that could be a model's name there
        return None
    return Path(cached) if isinstance(cached, str) else None


def _ids(value: Any) -> list[int]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return [one for one in values if isinstance(one, int) and not isinstance(one, bool)]
