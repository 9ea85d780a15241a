"""The command lines of OpenRLHF in a launch script, as far as a shell's plain assignments and arrays go."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from s2r_openrlhf.checks.flags import RL_MODULE, SFT_MODULE, FlagError, read_flags
from s2r_openrlhf.checks.rules import data_problems, problems
from s2r_openrlhf.options import read_options, with_agent, with_client

OURS, OUR_SFT = "s2r_openrlhf.train_ppo_ray", "s2r_openrlhf.train_sft"
MODULES = (OURS, OUR_SFT, RL_MODULE, SFT_MODULE)
_ASSIGNMENT = re.compile(r"^[ \t]*(?:export[ \t]+)?(\w+)=(\([^)]*\)|\S*)", re.MULTILINE)
_REFERENCE = re.compile(r"""["']?\$\{?(\w+)(?:\[@\]|\[\*\])?\}?["']?""")


def commands(script: str) -> Iterator[tuple[str, list[str]]]:
    """(module, its arguments) of every training command."""
    text = re.sub(r"(^|\s)#[^\n]*", r"\1", script.replace("\\\n", " "))
    values = {name: value.strip("()").strip("\"'").split() for name, value in _ASSIGNMENT.findall(text)}
    for line in text.splitlines():
        if not any(module in line for module in MODULES):
            continue
        try:
            words = shlex.split(line)
        except ValueError:
            continue
        for module in MODULES:
            if module in words:
                found = [part for word in words[words.index(module) + 1 :] for part in _expanded(word, values)]
                yield module, found[: next((i for i, word in enumerate(found) if word in (";", "&", "&&", "|")), None)]


def _expanded(word: str, values: dict[str, list[str]], depth: int = 4) -> list[str]:
    whole = _REFERENCE.fullmatch(word)
    if whole and whole[1] in values and depth:
        return [part for one in values[whole[1]] for part in _expanded(one.strip("\"'"), values, depth - 1)]
    return [_REFERENCE.sub(lambda found: " ".join(values.get(found[1], [found[0]])), word)]


def command_problems(module: str, arguments: list[str]) -> list[str]:
    """What would keep the command from training on what it says; files that are not here are not looked into."""
    unknown = [word for word in arguments if re.fullmatch(r"\$\{?\w+\[[@*]\]\}?", word)]
    if unknown:
        return [
            f"{unknown[0]}: the script does not say what it holds; give --config a script that spells the flags out"
        ]
    try:
        if module == OUR_SFT:
            from s2r_openrlhf.train_sft import check

            try:
                check(arguments)
            except SystemExit:
                return [f"{OUR_SFT}: an option of its own is refused, as its parser says above"]
            return []
        if module != OURS:
            ours = [word for word in arguments if word.startswith("--s2r.")]
            if ours:
                return [f"{ours[0]}: {module} does not know it; start python -m {OURS}"]
            flags = read_flags(module, arguments)
            reward = str(flags.given.get("reward.remote_url", "")) if module == RL_MODULE else ""
            if "s2r" in reward and not flags.get("data.label_key"):
                return ["--data.label_key: missing, so that every golden answer would be empty; name the column"]
            return []
        options, rest = read_options(arguments)
        options, rest = with_client(options, rest)
        parsed = read_flags(RL_MODULE, with_agent(rest, options))
        return [*problems(parsed, options), *data_problems(parsed, options, must_exist=False)]
    except (FlagError, ValueError) as error:
        return [str(error)]
