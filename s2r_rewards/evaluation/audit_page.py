"""The disagreements of an audit as one HTML page without scripts: worst first, each with a link to itself and its record."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

from s2r_rewards.answers import CheckResult
from s2r_rewards.answers.gold import Gold, accepted
from s2r_rewards.evaluation.auditing import Audit

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
section { border-top: 1px solid #8886; padding: .6rem 0; } section:target { background: #fd03; }
h2 { font-size: 1rem; margin: 0; } a { color: inherit; } pre { white-space: pre-wrap; margin: .2rem 0; }
td, th { text-align: left; padding: 0 1rem 0 0; vertical-align: top; } details pre { opacity: .8; }
.correct { color: #087f23; } .incorrect { color: #b3261e; }
@media (prefers-color-scheme: dark) { body { background: #181818; color: #ddd; } .correct { color: #6fcf7f; }
.incorrect { color: #ff8a80; } }
"""


def write_page(path: Path, audit: Audit, first: str, second: str) -> None:
    """Write the page; texts of models are shown as texts, whatever they hold."""
    path.write_text("\n".join(_lines(audit, first, second)) + "\n", encoding="utf-8", errors="backslashreplace")


def _lines(audit: Audit, first: str, second: str) -> Iterator[str]:
    found = audit.worst_first
    title = f"{len(found):,} of {len(audit.pairs):,} answers are judged differently"
    yield f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
    yield f"<h1>{title}</h1><p>{escape(first)} against {escape(second)}; the worst first.</p>"
    for index in found:
        pair = audit.pairs[index]
        anchor = f"case-{index}"
        yield f'<section id="{anchor}"><h2><a href="#{anchor}">{escape(pair.name)}</a> {_source(pair.where)}</h2><table>'
        yield f"<tr><th>gold<td><pre>{_shown(pair.gold)}</pre><tr><th>answer<td><pre>{_shown(pair.answer)}</pre>"
        opinions = [(first, audit.first[index]), (second, audit.second[index])]
        opinions += [(name, given[index]) for name, given in audit.others.items() if index in given]
        yield from (_opinion(name, result) for name, result in opinions)
        if pair.expected is not None:
            verdict = "correct" if pair.expected else "incorrect"
            yield f'<tr><th>label<td class="{verdict}">{verdict}'
        yield "</table>"
        if pair.text:
            yield f"<details><summary>the attempt</summary><pre>{escape(pair.text)}</pre></details>"
        yield "</section>"
    yield "</html>"


def _opinion(name: str, result: CheckResult) -> str:
    verdict = f'<span class="{result.verdict}">{result.verdict}</span>'
    return f"<tr><th>{escape(name)}<td>{verdict} ({escape(result.tier)}: {escape(result.reason)})"


def _source(where: str) -> str:
    """``file:line`` as a link to the file."""
    name, _, line = where.rpartition(":")
    if not name:
        return ""
    return f'<small><a href="{escape(Path(name).resolve().as_uri())}#L{escape(line)}">{escape(where)}</a></small>'


def _shown(text: Gold | None) -> str:
    if text is None:
        return "(none)"
    return escape(" or ".join(accepted(text)))
