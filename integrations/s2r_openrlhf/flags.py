"""Flags files of recipes: one flag a line, with variables, so that no fact stands twice.

include stages/rl            another file, first
let kl = 0.05                a variable; the last one counts, also for lines before it
env NAME = value             an environment variable of the run
--algo.kl.init_coef {kl}     a flag; the last one of a name counts
# a comment
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ASSIGNMENT = re.compile(r"(let|env)\s+(\w+)\s*=\s*(.*)")
VARIABLE = re.compile(r"\{(\w+)\}")


class FlagsError(ValueError):
    """A line of a flags file that cannot be used; names file and line."""


@dataclass
class Flags:
    """Everything that a flags file and its includes say, before variables are filled in."""

    variables: dict[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    flags: dict[str, list[str]] = field(default_factory=dict)

    def value(self, name: str) -> str:
        """A variable, filled in. FlagsError if it, or one that it needs, is missing."""
        return self._fill("{" + name + "}", ())

    def arguments(self) -> list[str]:
        """The flags as an argument list."""
        return [
            word for name, words in self.flags.items() for word in (name, *(self._fill(w, ()) for w in words))
        ]

    def _fill(self, text: str, inside: tuple[str, ...]) -> str:
        def one(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.variables or name in inside:
                reason = (
                    "is defined by itself" if name in inside else "is not defined; add: let " + name + " = …"
                )
                raise FlagsError(f"variable {name!r} {reason}")
            return self._fill(self.variables[name], (*inside, name))

        return VARIABLE.sub(one, text)


def read_flags(path: Path, shared: Path) -> Flags:
    """Reads a recipe's flags file; ``shared`` is the folder that ``include`` looks in.

    Raises:
        FlagsError: names file, line, what was found and what was expected.
    """
    flags = Flags()
    _read(path, shared, flags)
    return flags


def _read(path: Path, shared: Path, flags: Flags) -> None:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise FlagsError(f"{path}: {error.strerror or error}") from None
    for number, line in enumerate(lines, 1):
        line = line.strip()
        assignment = ASSIGNMENT.fullmatch(line)
        if not line or line.startswith("#"):
            continue
        if assignment:
            target = flags.variables if assignment[1] == "let" else flags.environment
            target[assignment[2]] = assignment[3]
        elif line.startswith("include "):
            _read(shared / (line.removeprefix("include ").strip() + ".flags"), shared, flags)
        elif line.startswith("drop --"):
            flags.flags.pop(line.removeprefix("drop ").strip(), None)
        elif line.startswith("--"):
            name, *values = line.split()
            flags.flags.pop(name, None)
            flags.flags[name] = values
        else:
            raise FlagsError(
                f"{path}:{number}: found {line!r}; expected --flag, drop, let, env, include or a comment"
            )
