"""Whether a model's chat template and its end token agree: SFT teaches the one, rollouts stop at the other.

Base models of Qwen2.5 have a template that ends a turn with ``<|im_end|>`` and ``<|endoftext|>`` as end token: such a model
learns to write an end at which nothing stops, every response runs to its maximal length, and none counts as finished.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from s2r_rewards.tokens import end_tokens

_ANSWER = "An answer."


def chat_problem(tokenizer: Any, model: str, template: str | None = None) -> str:
    """What is wrong with a Hugging Face tokenizer's chat template for training, with the way out; "" for nothing.

    Args:
        template: another template than the tokenizer's own.
    """
    if not (template or tokenizer.chat_template):
        return f"{model}: its tokenizer has no chat template; choose an instruct model, or add a chat_template.jinja"
    turns = [{"role": "user", "content": "A question?"}, {"role": "assistant", "content": _ANSWER}]
    try:
        text = tokenizer.apply_chat_template(turns, tokenize=False, chat_template=template)
    except Exception as error:  # a template is code of somebody else: whatever it raises is the finding
        return f"{model}: its chat template cannot write a conversation: {type(error).__name__}: {error}"
    _, found, tail = text.rpartition(_ANSWER)
    if not found:
        return f"{model}: its chat template changes what the assistant says: {text[-80:]!r}"
    stop = tokenizer.eos_token
    if tail.strip().startswith(stop or "\0"):
        return ""
    ids = tokenizer(tail.strip(), add_special_tokens=False)["input_ids"]
    if not ids:
        return (
            f"{model}: its chat template writes no end behind an answer, so that SFT would not teach one; let it write "
            f"{{{{ eos_token }}}} ({stop!r}) there"
        )
    if ids[0] in end_tokens(tokenizer):  # one of several, in the model's generation_config.json
        return ""
    end = tokenizer.convert_ids_to_tokens(ids[0])
    return (
        f"{model}: its chat template ends a turn with {end!r}, and its end token is {stop!r}: rollouts would not stop, and "
        f'no response would count as finished. Copy the model to a folder, set "eos_token": "{end}" in its '
        f'tokenizer_config.json and "eos_token_id": {ids[0]} in its generation_config.json and config.json, and start '
        "from there (S2R_START)"
    )


def lacks_template(folder: Path) -> bool:
    """Whether a model's folder has a tokenizer without a chat template; read from its files, without transformers."""
    settings = folder / "tokenizer_config.json"
    if not settings.is_file() or any(
        (folder / name).is_file() for name in ("chat_template.jinja", "chat_template.json")
    ):
        return False
    return not json.loads(settings.read_text(encoding="utf-8")).get("chat_template")


def local_chat_problem(model: str, template: str | None = None, trust_remote_code: bool = False) -> str | None:
    """The same for a folder or a model in the hub's cache; None for one that is not here, which is not downloaded.

    Args:
        trust_remote_code: whether a tokenizer may bring its own code, as the run's configuration says.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True, trust_remote_code=trust_remote_code)
    except (OSError, ValueError) as error:
        if not Path(model).is_dir():
            return None
        return f"{model}: its tokenizer cannot be read: {error}"
    return chat_problem(tokenizer, model, template)
