"""Put the page together: template, styles, scripts and data in one file that needs no network."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from s2r_rewards.report import sections
from s2r_rewards.report.compare import problems_of, view
from s2r_rewards.report.compare.rows import rows_of, samples_of
from s2r_rewards.report.markup import Html, escape, join, json_block
from s2r_rewards.report.paper import paper_figures
from s2r_rewards.report.payload import MAX_TEXT
from s2r_rewards.report.sample import FLAGS, choose
from s2r_rewards.report.sources import Compared, Held, Source
from s2r_rewards.report.summary import Summary, natural, summary_of
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
    if not rollouts:
        raise ValueError("there are no rollouts to report on")
    return render_run(Held(rollouts), title, limits)


def render_run(run: Source, title: str = "rollouts", limits: Limits = Limits(), trained_on: Sequence[int] = ()) -> str:
    """The report of one run, wherever its rollouts are.

    Args:
        trained_on: the number of training examples, if known, for the paper's figure 1.
    """
    summary = summary_of(run.figures)
    evidence = {i for alarm in summary.alarms if alarm.fired for i in alarm.evidence}
    sizes = _bounded(run.sizes, limits)
    chosen = sorted({*choose(run.flags, sizes, limits.rollouts, int(limits.megabytes * 1e6)), *evidence})
    shown = run.payloads(chosen, limits.text)
    data = _data(run.flags, sizes, chosen, shown, run.figures.levels, run.figures.steps)
    found = overview(summary, {i: i + 1 for i in chosen}, trained_on)
    return _fill(title, meta_of(summary), found, json_block(data), _note(len(chosen), len(run.flags)))


def meta_of(summary: Summary) -> str:
    """The line under the title."""
    counts = f"{summary.overall.count:,} rollouts · {summary.problems:,} problems"
    if summary.steps:
        counts += f" · {len(summary.steps):,} steps"
    return f"{counts} · grammar {summary.grammar} · method {summary.method}"


def _bounded(sizes: Sequence[int], limits: Limits) -> list[int]:
    return [min(size, 2 * limits.text + 2_000) for size in sizes]


def _data(
    flags: Sequence[Sequence[str]],
    sizes: Sequence[int],
    chosen: Sequence[int],
    shown: Sequence[Mapping[str, Any]],
    levels: Iterable[object],
    steps: Iterable[object],
) -> dict[str, Any]:
    """What the page's script reads."""
    kept = {*chosen}
    return {
        "total": len(flags),
        "telling": next((i + 1 for i in _telling(flags, sizes) if i in kept), None),
        "flags": FLAGS,
        "deviations": DEVIATIONS,
        "levels": distinct(levels),
        "steps": distinct(steps),
        "runs": [],
        "problems": [],
        "rollouts": list(shown),
    }


def render_runs(
    runs: Mapping[str, Sequence[Rollout]],
    title: str = "runs",
    limits: Limits = Limits(),
    trained_on: Sequence[int] = (),
) -> str:
    """The report of several runs side by side: name → scored rollouts. The first is what others are compared with.

    Args:
        trained_on: training examples of each run, in order, or nothing; for the paper's figure 1.

    Raises ValueError for a rollout that is not scored, for a run without rollouts, or for too many runs.
    """
    return render_compared({name: Held(rollouts) for name, rollouts in runs.items()}, title, limits, trained_on)


def render_compared(
    runs: Mapping[str, Compared], title: str = "runs", limits: Limits = Limits(), trained_on: Sequence[int] = ()
) -> str:
    """As :func:`render_runs`, wherever the rollouts are."""
    empty = next((name for name, run in runs.items() if not run.flags), None)
    if empty is not None or not runs:
        raise ValueError("there are no rollouts to report on" + (f" in {empty}" if len(runs) > 1 else ""))
    if len(runs) > MOST_RUNS:
        raise ValueError(f"{len(runs)} runs; at most {MOST_RUNS} can be read side by side")
    if len(runs) == 1:
        return render_run(next(iter(runs.values())), title, limits, trained_on)
    flags = [one for run in runs.values() for one in run.flags]
    sizes = _bounded([size for run in runs.values() for size in run.sizes], limits)
    problems = problems_of([run.samples for run in runs.values()])
    chosen = choose(flags, sizes, limits.rollouts, int(limits.megabytes * 1e6), wanted=samples_of(problems))
    shown: list[dict[str, Any]] = []
    start = 0
    for k, run in enumerate(runs.values()):
        own = [i - start for i in chosen if 0 <= i - start < len(run.flags)]
        shown += ({**one, "i": one["i"] + start, "u": k} for one in run.payloads(own, limits.text))
        start += len(run.flags)
    figures = [run.figures for run in runs.values()]
    levels, steps = ({key for one in figures for key in getattr(one, name)} for name in ("levels", "steps"))
    data = _data(flags, sizes, chosen, shown, levels, steps)
    data |= {"runs": list(runs), "problems": rows_of(problems, {i: i + 1 for i in chosen})}
    summaries = {name: summary_of(run.figures) for name, run in runs.items()}
    methods = ", ".join(dict.fromkeys(f"grammar {one.grammar} · method {one.method}" for one in summaries.values()))
    meta = f"{len(flags):,} rollouts · {len(runs)} runs · {methods}"
    found = view.overview(summaries, problems, trained_on)
    return _fill(title, meta, found, json_block(data), _note(len(chosen), len(flags)))


def served(title: str, state: Mapping[str, Any], overview: str) -> str:
    """The page of a run that a server follows: it carries no rollouts, and its script asks for what it shows.

    Args:
        state: what the server says of the run now, and again whenever it is asked.
    """
    data = {**_data((), (), (), (), (), ()), "served": True, **state}
    return _fill(title, state["meta"], Html(overview), json_block(data), state["note"], ("live.js",))


def overview(summary: Summary, places: dict[int, int], trained_on: Sequence[int] = ()) -> Html:
    """The sections of one run; `places` maps rollouts to those that the page can show."""
    return join(
        [
            sections.tiles(summary),
            sections.alarms(summary.alarms, places),
            sections.curves(summary),
            sections.levels(summary),
            paper_figures({"": summary}, trained_on),
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


def _fill(title: str, meta: str, overview: Html, data: Html, note: str, more: Sequence[str] = ()) -> str:
    """`more`: further scripts, of a page that may ask its server."""
    style, script = _asset("style.css"), "\n".join(map(_asset, (*SCRIPTS[:-1], *more, SCRIPTS[-1])))
    library = _asset("katex/katex.min.js")
    values = {
        "policy": (
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(library)}' '{_digest(script)}'; "
            + ("connect-src 'self'; " if more else "")
            + "img-src data:; base-uri 'none'; form-action 'none'"
        ),
        "title": escape(title),
        "meta": escape(meta),
        "note": escape(note),
        "overview": overview,
        "data": data,
        "style": style,
        "licence": Html(_asset("katex/LICENSE").replace("--", "- -")),
        "library": Html(library),
        "script": script,
    }
    # In one pass: a placeholder inside model output is never looked at.
    return re.sub(r"\{\{(\w+)\}\}", lambda match: values[match[1]], _asset("page.html"))


def _asset(name: str) -> str:
    return (files("s2r_rewards.report") / "assets" / name).read_text(encoding="utf-8")


def _digest(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def distinct(values: Iterable[object]) -> list[str]:
    """The different values, as texts in their natural order."""
    return [str(v) for v in sorted({v for v in values if v is not None}, key=natural)]
