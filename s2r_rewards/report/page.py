"""Put the page together: template, styles, scripts and data in one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from s2r_rewards.judging import JudgedTrajectory
from s2r_rewards.report import sections
from s2r_rewards.report.compare import problems_of, view
from s2r_rewards.report.compare.rows import rows_of, samples_of
from s2r_rewards.report.markup import Html, escape, join, json_block
from s2r_rewards.report.payload import MAX_TEXT, payload
from s2r_rewards.report.sample import FLAGS, choose, flags_of
from s2r_rewards.report.summary import Summary, natural, summarise
from s2r_rewards.rollouts import Rollout
from s2r_rewards.trajectory import DEVIATIONS

SCRIPTS = ("state.js", "tex.js", "list.js", "detail.js", "changes.js", "main.js")
MOST_RUNS = 8
"""More curves than these cannot be told apart."""


@dataclass(frozen=True)
class Limits:
    """How much of a large file the page carries; the figures always cover all of it."""

    rollouts: int = 5_000
    megabytes: float = 20.0
    text: int = MAX_TEXT


def render(rollouts: Sequence[Rollout], title: str = "rollouts", limits: Limits = Limits()) -> str:
    """The report of scored rollouts (each with its `s2r` record) as one HTML document.

    Raises ValueError for a rollout that is not scored or for no rollouts at all.
    """
    return render_runs({title: rollouts}, title, limits)


def render_runs(runs: Mapping[str, Sequence[Rollout]], title: str = "runs", limits: Limits = Limits()) -> str:
    """The report of one run, or of several side by side: name → scored rollouts. The first is what others are
    compared with.

    Raises ValueError for a rollout that is not scored, for a run without rollouts, or for too many runs.
    """
    empty = next((name for name, rollouts in runs.items() if not rollouts), None)
    if empty is not None or not runs:
        raise ValueError("there are no rollouts to report on" + (f" in {empty}" if len(runs) > 1 else ""))
    if len(runs) > MOST_RUNS:
        raise ValueError(f"{len(runs)} runs; at most {MOST_RUNS} can be read side by side")
    rollouts = [rollout for run in runs.values() for rollout in run]
    owners = [k for k, run in enumerate(runs.values()) for _ in run]
    judged = [rollout.judged for rollout in rollouts]
    flags = [flags_of(one) for one in judged]
    several = len(runs) > 1
    summaries = _summaries(runs, judged)
    summary = next(iter(summaries.values()))
    problems = problems_of(list(runs.values())) if several else []
    sizes = [
        min(len(r.response) + len(r.prompt) + 60 * len(j.trajectory.actions) + 200, 2 * limits.text + 2_000)
        for r, j in zip(rollouts, judged, strict=True)
    ]
    wanted = samples_of(problems)
    room = int(limits.megabytes * 1e6)
    evidence = {i for alarm in summary.alarms if alarm.fired and not several for i in alarm.evidence}
    chosen = sorted({*choose(flags, sizes, limits.rollouts, room, wanted=wanted), *evidence})
    places = {i: i + 1 for i in chosen}
    data = {
        "total": len(rollouts),
        "telling": next((places[i] for i in _telling(flags, sizes) if i in places), None),
        "flags": FLAGS,
        "deviations": DEVIATIONS,
        "levels": _distinct(r.level for r in rollouts),
        "steps": _distinct(r.step for r in rollouts),
        "runs": list(runs) if several else [],
        "problems": rows_of(problems, places),
        "rollouts": [
            payload(places[i], rollouts[i], flags[i], limits.text, owners[i] if several else None) for i in chosen
        ],
    }
    overview = view.overview(summaries, problems) if several else _overview(summary, places)
    meta = f"{len(rollouts):,} rollouts"
    meta += f" · {len(runs)} runs" if several else f" · {summary.problems:,} problems"
    meta += f" · grammar {summary.grammar} · method {summary.method}"
    return _fill(title, meta, overview, json_block(data), _note(len(chosen), len(rollouts)))


def _summaries(runs: Mapping[str, Sequence[Rollout]], judged: Sequence[JudgedTrajectory]) -> dict[str, Summary]:
    found, at = {}, 0
    for name, rollouts in runs.items():
        found[name] = summarise(rollouts, judged[at : at + len(rollouts)])
        at += len(rollouts)
    return found


def _overview(summary: Summary, places: dict[int, int]) -> Html:
    return join(
        [
            sections.tiles(summary),
            sections.alarms(summary.alarms, places),
            sections.curves(summary),
            sections.levels(summary),
            sections.tree(summary),
            sections.deviations(summary),
            sections.checks(summary),
        ]
    )


def _telling(flags: Sequence[Sequence[str]], sizes: Sequence[int]) -> list[int]:
    """The rollouts, the most telling first: one that corrects itself and does nothing odd, and is short."""
    return sorted(range(len(flags)), key=lambda i: ("wrong_to_right" not in flags[i], len(flags[i]), sizes[i]))


def _note(shown: int, total: int) -> str:
    if shown == total:
        return f"All {total:,} rollouts are in this page."
    return (
        f"Figures cover all {total:,} rollouts; {shown:,} of them are in this page: half for their wrong verdicts, "
        "changes from right to wrong, timeouts and deviations, the rest drawn at random."
    )


def _fill(title: str, meta: str, overview: Html, data: Html, note: str) -> str:
    style, script = _asset("style.css"), "\n".join(map(_asset, SCRIPTS))
    library = _asset("katex/katex.min.js")
    values = {
        "policy": (
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(library)}' '{_digest(script)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "title": escape(title),
        "meta": escape(meta),
        "note": escape(note),
        "overview": overview,
        "data": data,
        "style": style,
        "library": Html(library),
        "script": script,
    }
    # In one pass: a placeholder inside model output is never looked at.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (files("s2r_rewards.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _distinct(values: Iterable[object]) -> list[str]:
    return [str(v) for v in sorted({v for v in values if v is not None}, key=natural)]
