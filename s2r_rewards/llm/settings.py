"""Which judge to ask, about what, and what it may cost: one frozen set of parameters."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

#: What can go to the judge.
#:
#: ``ungradable``   results where the rules say that nobody could be right
#: ``timeout``      checks that ran out of time
#: ``disagreeing``  where our checker and math-verify differ
#: ``incorrect``    every answer that the rules call wrong (dear, and a chance for an answer to talk its way out)
OCCASIONS = ("ungradable", "timeout", "disagreeing", "incorrect")


@dataclass(frozen=True, slots=True)
class JudgeSettings:
    """The parameters of a judge. Hashable, so that a process has one judge for each.

    Attributes:
        url: an OpenAI-compatible server's address up to and including ``/v1``
        model: its name there
        when: occasions on which it is asked, of :data:`OCCASIONS`
        budget: requests at most; shared by all processes that use one cache file, otherwise per process
        cache: file (SQLite) in which replies are kept; empty: in memory
        concurrency: requests under way at a time
        timeout: seconds for one request
        patience: seconds for one batch, after which what is missing stays undecided
        max_tokens: tokens of a reply
        key_variable: environment variable with the API key
    """

    url: str
    model: str
    when: tuple[str, ...] = ("ungradable", "timeout")
    budget: int = 10_000
    cache: str = ""
    concurrency: int = 16
    timeout: float = 30.0
    patience: float = 120.0
    max_tokens: int = 1024
    key_variable: str = "S2R_JUDGE_API_KEY"

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError(f"judge: url={self.url!r}: expected http://host:port/v1 or the like")
        if not self.model:
            raise ValueError("judge: model is empty; expected the model's name on the server")
        if not self.when or (unknown := set(self.when) - set(OCCASIONS)):
            raise ValueError(
                f"judge: when={'+'.join(self.when)!r}: expected some of {'+'.join(OCCASIONS)}, not {unknown}"
            )
        for name in ("budget", "concurrency", "timeout", "patience", "max_tokens"):
            if getattr(self, name) <= 0:
                raise ValueError(f"judge: {name}={getattr(self, name)!r}: expected a number above 0")


_TYPES: dict[str, Any] = {
    field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(JudgeSettings)
}


def get_judge_settings(judge: JudgeSettings | str) -> JudgeSettings:
    """The settings that are meant: themselves, ``"url=…,model=…,when=ungradable+timeout"``, or ``"package.module:OBJECT"``.

    Raises:
        ValueError: a parameter that is unknown, missing or unusable, or a reference to something else.
    """
    if isinstance(judge, JudgeSettings):
        return judge
    if "=" not in judge:
        from s2r_rewards.resolve import load_object

        found = load_object(judge, "judge")
        if not isinstance(found, JudgeSettings):
            raise ValueError(f"judge {judge!r}: expected JudgeSettings, found {type(found).__name__}")
        return found
    given: dict[str, Any] = {}
    for part in filter(None, map(str.strip, judge.split(","))):
        name, equals, value = part.partition("=")
        if name not in _TYPES or not equals:
            raise ValueError(f"unknown judge parameter {part!r}; expected name=value with one of {', '.join(_TYPES)}")
        try:
            given[name] = tuple(value.split("+")) if name == "when" else _TYPES[name](value)
        except ValueError:
            raise ValueError(f"judge parameter {name}={value!r}: expected {_TYPES[name].__name__}") from None
    if missing := {"url", "model"} - given.keys():
        raise ValueError(
            f"judge {judge!r}: {' and '.join(sorted(missing))} missing; expected url=http://…/v1,model=NAME"
        )
    return JudgeSettings(**given)
