"""The overview of several runs: Summaries in, markup out. Differences are against the first run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from s2r_rewards.alarms import Alarm
from s2r_rewards.report.charts import line_chart
from s2r_rewards.report.compare.changes import Problem, difference
from s2r_rewards.report.compare.rows import MOST
from s2r_rewards.report.markup import Html, el, join
from s2r_rewards.report.paper import paper_figures
from s2r_rewards.report.sections import TILES, figure, kind_of, link, note, number, points, section, signed, table
from s2r_rewards.report.summary import Group, Summary, natural

Runs = Mapping[str, Summary]
MORE = (("s2r/parse/malformed", "Malformed"), ("s2r/check/timeout", "Timeouts"), ("s2r/check/ungradable", "Ungradable"))
FIGURES = (*((name, title) for name, title, _ in TILES), *MORE)


def overview(runs: Runs, problems: Sequence[Problem], trained_on: Sequence[int] = ()) -> Html:
    """All sections, those that have something to show."""
    return join([what(runs), figures(runs), changed(list(runs), problems), alarms(runs), curves(runs), levels(runs),
                 paper_figures(runs, trained_on), contexts(runs), deviations(runs)])  # fmt: skip


def what(runs: Runs) -> Html:
    """Which runs are compared, and whether they were scored alike."""
    rows = [
        (
            el("th", _key(k), link(name, run=k), scope="row"),
            figure(f"{one.overall.count:,}"),
            figure(f"{one.problems:,}"),
            figure(f"{one.steps[0].key} … {one.steps[-1].key}" if len(one.steps) > 1 else "–"),
            one.grammar,
            one.method,
            one.checker,
        )
        for k, (name, one) in enumerate(runs.items())
    ]
    differ = [
        name for name in ("grammar", "method", "checker") if len({getattr(one, name) for one in runs.values()}) > 1
    ]
    warning = f"They were scored with another {' and another '.join(differ)}: part of a difference may come from that."
    return section(
        "runs",
        "Runs",
        el("p", warning, class_="warning") if differ else "",
        table(("run", "rollouts", "problems", "steps", "grammar", "method", "checker"), rows),
    )


def figures(runs: Runs) -> Html:
    """The headline figures of each run: of its last step where it has steps."""
    shown = [one.steps[-1] if len(one.steps) > 1 else one.overall for one in runs.values()]
    heads = [f"{name} (step {g.key})" if g.key != "all" else name for name, g in zip(runs, shown, strict=True)]
    rows = [
        (el("th", title, scope="row"), *_compared(name, [group.metrics[name] for group in shown]))
        for name, title in FIGURES
    ]
    rows.append((el("th", "Rollouts", scope="row"), *(figure(f"{group.count:,}") for group in shown)))
    first = next(iter(runs))
    about = f"The figure behind each value is the difference from {first}. A dash means that the ratio has no cases."
    if any(group.key != "all" for group in shown):
        about = "Of the last step of each run. " + about
    return section("figures", "Key figures", note(about), table(("figure", *heads), rows))


def changed(names: Sequence[str], problems: Sequence[Problem]) -> Html:
    """How many problems went which way, for each run against the first."""
    rows = []
    for k in range(1, len(names)):
        found = difference(problems, 0, k)
        error = f" ± {found.error:.3f}" if math.isfinite(found.error) else ""
        mean = f"{signed(found.mean, 3)}{error}" if found.problems else "–"
        rows.append(
            (
                el("th", f"{names[k]} against {names[0]}", scope="row"),
                figure(f"{found.problems:,}"),
                el("td", _worded(mean, kind_of("s2r/outcome/accuracy", found.mean)), class_="n"),
                el("td", changes_link(f"{found.better:,} better", 0, k, "best"), class_="n"),
                el("td", changes_link(f"{found.worse:,} worse", 0, k, "worst"), class_="n"),
                figure(f"{found.problems - found.better - found.worse:,} the same"),
            )
        )
    about = (
        "Problems that both runs have met, each at the latest step at which a run met it: the mean change of a "
        "problem's final accuracy, ± its standard error over problems."
    )
    if len(problems) > MOST:
        about += f" The list holds the {MOST:,} that changed most, of {len(problems):,}."
    if not problems:
        about = "The runs have no problem in common: neither names and golden answers nor prompts agree."
    head = ("runs", "problems in both", "mean change", "better", "worse", "the same")
    return section("changed", "What changed", note(about), table(head, rows) if problems else "")


def changes_link(label: str, before: int, after: int, order: str) -> Html:
    """To the list of problems, one run against another."""
    return el("a", label, href=f"#changes&from={before}&to={after}&order={order}")


def alarms(runs: Runs) -> Html:
    """The alarms that fired in any run, run by run."""
    found = [one.alarms for one in runs.values()]
    fired = [row for row in zip(*found, strict=True) if any(alarm.fired for alarm in row)]
    rows = [
        (el("th", row[0].title, scope="row"), *(_alarm(alarm, k) for k, alarm in enumerate(row)), row[0].formula)
        for row in fired
    ]
    about = f"{len(fired) or 'None'} of {len(found[0])} fired in any of the runs."
    return section("alarms", "Alarms", note(about), table(("alarm", *runs, "formula"), rows) if rows else "")


def _alarm(alarm: Alarm, run: int) -> Html:
    value = number(alarm.value)
    if not alarm.fired:
        return el("td", value, el("small", " quiet"))
    since = link(f"fired at step {alarm.step}", run=run, step=alarm.step) if alarm.step is not None else "fired"
    return el("td", el("b", value, class_="bad"), " ", el("small", since))


def curves(runs: Runs) -> Html:
    """One chart a figure, one curve a run that has steps."""
    along = {
        name: one.steps
        for name, one in runs.items()
        if len(one.steps) > 1 and not any(natural(group.key)[0] for group in one.steps)
    }
    if not along:
        return Html("")
    order = list(runs)
    links = [{"run": str(order.index(name))} for name in along]
    charts = [
        line_chart(
            title,
            {name: points(steps, metric) for name, steps in along.items()},
            unit_range=metric != "s2r/trials/mean",
            links=links,
            colours=[order.index(name) for name in along],
        )
        for metric, title in FIGURES
        if (metric, title) not in MORE or any(value for one in along.values() for _, value in points(one, metric))
    ]
    lengths = {name: [(float(group.key), group.mean_length) for group in steps] for name, steps in along.items()}
    charts.append(
        line_chart(
            "Response length (characters)",
            lengths,
            unit_range=False,
            links=links,
            colours=[order.index(name) for name in along],
        )
    )
    return section("curves", "Learning curves", el("div", *charts, class_="charts"))


def levels(runs: Runs) -> Html:
    """Final accuracy by difficulty level."""
    by_run = [{group.key: group for group in one.levels} for one in runs.values()]
    keys = sorted({key for one in by_run for key in one}, key=natural)
    if not keys:
        return Html("")
    rows = [
        (
            el("th", link(key, level=key), scope="row"),
            *_compared("s2r/outcome/accuracy", [_of(one.get(key), "s2r/outcome/accuracy") for one in by_run]),
        )
        for key in keys
    ]
    about = "Final accuracy over all rollouts that name a level."
    return section("levels", "By level", note(about), table(("level", *runs), rows))


def _of(group: Group | None, name: str) -> float:
    return group.metrics[name] if group else math.nan


def contexts(runs: Runs) -> Html:
    """The baseline of each reward context, run by run."""
    rows = []
    for node in next((one.nodes for one in runs.values() if one.nodes), ()):
        signs = "".join("+" if reward > 0 else "−" for reward in node.context)
        there = [one.contexts.get(node.context) for one in runs.values()]
        cells = [
            el("td", signed(other.mean, 3), el("small", f" n = {other.count:,}")) if other else el("td", "–")
            for other in there
        ]
        rows.append(
            (
                el("th", link(node.label, ctx=signs) if signs else node.label, scope="row"),
                el("td", el("code", signs)),
                *cells,
            )
        )
    about = (
        "The mean reward of the actions taken in a context: what the actions before earned. By the first run's order."
    )
    return (
        section("contexts", "Reward contexts", note(about), table(("context", "rewards before", *runs), rows))
        if rows
        else Html("")
    )


def deviations(runs: Runs) -> Html:
    """The share of responses with each deviation."""
    shares = [{code: n / one.overall.count for code, n in one.deviations} for one in runs.values()]
    codes = sorted(
        {code for one in shares for code in one}, key=lambda code: -max(one.get(code, 0.0) for one in shares)
    )
    if not codes:
        return Html("")
    rows = [
        (el("th", link(el("code", code), dev=code), scope="row"),
         *_compared("s2r/parse/malformed", [one.get(code, 0.0) for one in shares]))
        for code in codes
    ]  # fmt: skip
    about = "The share of responses that leave the grammar in each way."
    return section("deviations", "Deviations", note(about), table(("deviation", *runs), rows))


def _compared(name: str, values: Sequence[float]) -> list[Html]:
    """A cell a run; behind all but the first the difference from the first, with a word for whether that is good."""
    digits = 2 if name == "s2r/trials/mean" else 3
    cells = [figure(number(values[0], digits))]
    for value in values[1:]:
        change = value - values[0]
        said = _worded(signed(change, digits), kind_of(name, change)) if math.isfinite(change) else ""
        cells.append(el("td", el("b", number(value, digits)), " ", said, class_="n"))
    return cells


def _worded(text: str, kind: str) -> Html:
    """Colour is never the only sign."""
    return el("span", text, el("small", f" {kind}") if kind != "same" else "", class_=f"delta {kind}")


def _key(index: int) -> Html:
    return el("span", class_=f"key line{index}")
