"""What OpenRLHF's own command line makes of arguments, without starting anything: no Ray, no DeepSpeed, no vLLM.

Both of its command lines are one block under ``if __name__ == "__main__"``: a parser, checks, and last ``train(args)``.
That block runs here with a ``train`` that hands the arguments back.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import util
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any, NoReturn

RL_MODULE, SFT_MODULE = "openrlhf.cli.train_ppo_ray", "openrlhf.cli.train_sft"


class FlagError(ValueError):
    """Arguments that OpenRLHF's parser or its own checks refuse; the message is one line."""


@dataclass(frozen=True)
class Flags:
    """A parsed command line."""

    args: Any
    """Nested, as training gets it: ``args.algo.kl.init_coef``."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """Flag without dashes → value, of those that were written out."""

    def get(self, name: str, default: Any = None) -> Any:
        """``get("algo.kl.init_coef")``; ``default`` where this version has no such flag."""
        found = self.args
        for part in name.split("."):
            found = getattr(found, part, default)
            if found is default:
                return default
        return found


def flags(settings: Mapping[str, Any], prefix: str = "--") -> Iterator[str]:
    """``{"algo": {"kl": {"init_coef": 0.05}}}`` → ``--algo.kl.init_coef 0.05``.

    True is a bare flag; a flag that is None or False is not given; a list gives a flag several values.
    """
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flags(value, f"{prefix}{key}.")
        elif value is not None and value is not False:
            values = [] if value is True else value if isinstance(value, list) else [value]
            yield from (prefix + key, *map(str, values))


def for_installed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings in the words of OpenRLHF 0.11.2, for the one that is here.

    Before, the correction for vLLM's log-probabilities had a switch and one type; ``icepop`` is ``token`` and ``mask``.
    """
    advantage = settings.get("algo", {}).get("advantage", {})
    level, mode = (advantage.get(f"is_correction_{name}") for name in ("level", "mode"))
    spec = util.find_spec(RL_MODULE) if util.find_spec("openrlhf") else None
    if level is None or spec is None or not spec.origin:
        return dict(settings)
    if "--algo.advantage.is_correction_level" in Path(spec.origin).read_text(encoding="utf-8"):
        return dict(settings)
    kinds = {("token", "mask"): "icepop", ("token", "clip"): "tis", ("seq", "mask"): "seq-mask-tis"}
    older = {k: v for k, v in advantage.items() if k not in ("is_correction_level", "is_correction_mode")}
    older |= {"is_correction_enable": True, "is_correction_type": kinds.get((level, mode), mode)}
    return {**settings, "algo": {**settings["algo"], "advantage": older}}


def read_flags(module: str, arguments: Sequence[str]) -> Flags:
    """What training would get.

    Raises:
        FlagError: the parser or a check of OpenRLHF refuses them; abbreviated flags are refused too, since what they
            stand for is easily missed.
        RuntimeError: this OpenRLHF's command line has another form.
    """
    parsers: list[_Parser] = []

    class Parser(_Parser):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{**kwargs, "allow_abbrev": False})
            parsers.append(self)

        def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
            return super().parse_args(list(arguments), namespace)

    found: list[Any] = []
    names = {
        "argparse": SimpleNamespace(**{**vars(argparse), "ArgumentParser": Parser}),
        "train": found.append,
        "__name__": module,
    }
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            exec(_command_line(module), names)  # noqa: S102 - OpenRLHF's own code, as its command would run it
    except AssertionError as error:
        raise FlagError(f"OpenRLHF refuses it: {error}") from None
    if not found or not parsers:
        raise RuntimeError(f"{module} does not end in train(args); this version's command line is not known here")
    return Flags(found[0], parsers[0].written(arguments))


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would print its usage and end the process."""

    def error(self, message: str) -> NoReturn:
        word = message.partition("unrecognized arguments: ")[2].split(" ")[0].partition("=")[0]
        meant = [flag for flag in self._option_string_actions if word and flag.startswith(word)]
        hint = f"; abbreviations are not taken, write {' or '.join(meant)}" if meant else ""
        raise FlagError(f"OpenRLHF's parser: {message}{hint}")

    def written(self, arguments: Sequence[str]) -> dict[str, Any]:
        """The flags that are written out, with their values."""
        for action in self._actions:
            action.default = argparse.SUPPRESS
        self._defaults.clear()
        return vars(argparse.ArgumentParser.parse_args(self, list(arguments)))


def _command_line(module: str) -> CodeType:
    spec = util.find_spec(module)
    if spec is None or not spec.origin:
        raise RuntimeError(f"{module} was not found")
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"), spec.origin)
    light = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom)) and _is_light(node)]
    blocks = [node for node in tree.body if isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)]
    if len(blocks) != 1:
        raise RuntimeError(f"{module} has no block under __main__; this version's command line is not known here")
    return compile(ast.Module([*light, *blocks[0].body], []), spec.origin, "exec")


def _is_light(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether an import is one of the standard library's that the block may need."""
    if isinstance(node, ast.ImportFrom):
        return node.module in ("datetime",)
    return all(alias.name in ("os", "math", "datetime", "sys", "json") for alias in node.names)
