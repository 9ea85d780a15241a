"""The sections of the overview, one function each: Summary in, markup out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from s2r_rewards.alarms import Alarm
from s2r_rewards.report.charts import Line, bar, diverging_bar, line_chart, stacked_bar
from s2r_rewards.report.markup import Html, el, join
from s2r_rewards.report.summary import Group, Summary, natural
from s2r_rewards.report.tree import Node
from s2r_rewards.trajectory import DEVIATIONS

TILES = (
    ("s2r/outcome/accuracy", "Final accuracy", "last attempt is right"),
    ("s2r/attempt/first_accuracy", "First attempt", "first attempt is right"),
    ("s2r/verify/accuracy", "Verification accuracy", "verdict agrees with the checker"),
    ("s2r/verify/error_recall", "Error recall", "wrong attempts that were rejected"),
    ("s2r/verify/correct_precision", "Correct precision", "confirmed attempts that are right"),
    ("s2r/correct/i2c", "Incorrect → correct", "first wrong, last right"),
    ("s2r/correct/c2i", "Correct → incorrect", "first right, last wrong"),
    ("s2r/trials/mean", "Attempts", "mean per rollout"),
)
CURVES = (
    ("Accuracy", ("s2r/outcome/accuracy", "s2r/attempt/first_accuracy"), ("final", "first attempt")),
    (
        "Verification",
        ("s2r/verify/accuracy", "s2r/verify/error_recall", "s2r/verify/correct_precision"),
        ("accuracy", "error recall", "correct precision"),
    ),
    ("Self-correction", ("s2r/correct/i2c", "s2r/correct/c2i"), ("incorrect → correct", "correct → incorrect")),
    (
        "Trouble",
        ("s2r/parse/malformed", "s2r/check/timeout", "s2r/check/ungradable"),
        ("malformed", "timeout", "ungradable"),
    ),
)


def tiles(summary: Summary) -> Html:
    """The headline figures: of the last step where there are steps, with the change since the first."""
    run = len(summary.steps) > 1
    shown = summary.steps[-1] if run else summary.overall
    items = []
    for name, title, meaning in TILES:
        value = shown.metrics.get(name, math.nan)
        change = value - summary.steps[0].metrics.get(name, math.nan) if run else math.nan
        delta = el("span", signed(change), class_="delta") if math.isfinite(change) else ""
        digits = 2 if name == "s2r/trials/mean" else 3
        figure = el("dd", el("b", number(value, digits)), delta)
        items.append(el("div", el("dt", title), figure, el("dd", meaning, class_="meaning"), class_="tile"))
    note = (
        f"Step {shown.key} ({shown.count:,} rollouts); the small figure is the change since step "
        f"{summary.steps[0].key}."
        if run
        else f"Over all {summary.count:,} rollouts. A dash means that the ratio has no cases."
    )
    return section("figures", "Key figures", el("p", note, class_="note"), el("dl", *items, class_="tiles"))


def alarms(found: Sequence[Alarm], places: dict[int, int]) -> Html:
    """Alarms that fired, with links to the rollouts that show it, then the quiet ones in a folded list.

    `places` maps indices of the summary's rollouts to rollouts that the page carries.
    """
    fired = [alarm for alarm in found if alarm.fired]
    cards = [
        el(
            "li",
            el("h3", alarm.title),
            el("p", alarm.formula, class_="note"),
            el("p", el("b", number(alarm.value)), f" — threshold {alarm.threshold:g}, {alarm.count:,} cases"),
            _evidence(alarm, places),
            class_="alarm",
        )
        for alarm in fired
    ]
    quiet = [
        el(
            "tr",
            el("td", a.title),
            el("td", number(a.value), class_="n"),
            el("td", f"{a.threshold:g}", class_="n"),
            el("td", a.formula),
        )
        for a in found
        if not a.fired
    ]
    head = el("p", f"{len(fired)} of {len(found)} fired." if fired else f"None of {len(found)} fired.", class_="note")
    rest = el("details", el("summary", f"{len(quiet)} quiet"), table(("alarm", "value", "threshold", "formula"), quiet))
    return section("alarms", "Alarms", head, el("ul", *cards, class_="alarms") if cards else "", rest if quiet else "")


def _evidence(alarm: Alarm, places: dict[int, int]) -> Html:
    links = [el("a", f"rollout {places[i]}", href=f"#r={places[i]}") for i in alarm.evidence if i in places]
    return el("p", "For instance ", join(links, ", "), ".") if links else Html("")


def curves(summary: Summary) -> Html:
    """Learning curves; nothing where the rollouts carry fewer than two steps."""
    steps = summary.steps
    if len(steps) < 2:
        return Html("")
    if any(natural(group.key)[0] for group in steps):  # names, not numbers: nothing to draw along
        return Html("")
    at = [float(group.key) for group in steps]
    charts = [
        line_chart(title, at, [Line(label, _series(steps, name)) for name, label in zip(names, labels, strict=True)])
        for title, names, labels in CURVES
    ]
    charts.append(line_chart("Attempts", at, [Line("mean", _series(steps, "s2r/trials/mean"))], unit_range=False))
    lengths = Line("characters", tuple(group.mean_length for group in steps))
    charts.append(line_chart("Response length", at, [lengths], unit_range=False))
    return section("curves", "Learning curves", el("div", *charts, class_="charts"))


def levels(summary: Summary) -> Html:
    """Accuracy and number of attempts by difficulty level."""
    if not summary.levels:
        return Html("")
    most = max(group.metrics["s2r/trials/mean"] for group in summary.levels)
    rows = [
        el(
            "tr",
            el("th", group.key, scope="row"),
            el("td", f"{group.count:,}", class_="n"),
            _with_bar(group.metrics["s2r/attempt/first_accuracy"]),
            _with_bar(group.metrics["s2r/outcome/accuracy"]),
            _with_bar(group.metrics["s2r/verify/accuracy"]),
            _with_bar(group.metrics["s2r/trials/mean"], most, "attempts"),
            el("td", _histogram(group)),
        )
        for group in summary.levels
    ]
    head = ("level", "rollouts", "first attempt", "final", "verification", "attempts", "1 · 2 · 3 · 4 · 5+ attempts")
    note = el("p", f"Over all {sum(g.count for g in summary.levels):,} rollouts that name a level.", class_="note")
    return section("levels", "By level", note, table(head, rows))


def _histogram(group: Group) -> Html:
    counts = [*group.attempts[:4], *([0] * (4 - len(group.attempts[:4]))), sum(group.attempts[4:])]
    shares = [n / max(1, group.count) for n in counts]
    names = ("1 attempt", "2", "3", "4", "5 or more")
    spoken = ", ".join(f"{name}: {100 * share:.0f} %" for name, share in zip(names, shares, strict=True))
    return stacked_bar(shares, spoken)


def tree(summary: Summary) -> Html:
    """Reward contexts with counts and mean rewards (the baseline of eq. 4 over the whole file)."""
    if not summary.nodes:
        return Html("")
    rows = [
        el("tr", _path(node), el("td", node.next_kind), el("td", f"{node.count:,}", class_="n"), _mean(node))
        for node in summary.nodes
    ]
    note = (
        "Each line is a reward context: what the actions before earned. The baseline is the mean reward of the "
        "actions taken there, over the whole file; a trainer takes it over each batch."
    )
    left = f" {summary.nodes_left_out:,} rarer or longer contexts are left out." if summary.nodes_left_out else ""
    return section(
        "contexts",
        "Reward contexts",
        el("p", note, left, class_="note"),
        table(("context", "next action", "n", "baseline"), rows),
    )


def _path(node: Node) -> Html:
    depth = len(node.context)
    signs = "".join("+" if reward > 0 else "−" for reward in node.context)
    good = "" if not node.context else (" up" if node.context[-1] > 0 else " down")
    indent = el("span", class_=f"indent d{min(depth, 8)}")
    return el(
        "th", indent, el("span", node.label, class_=f"step{good}"), " ", el("code", signs) if signs else "", scope="row"
    )


def _mean(node: Node) -> Html:
    return el("td", el("span", signed(node.mean, 3), class_="value"), diverging_bar(node.mean), class_="bars")


def deviations(summary: Summary) -> Html:
    """How often responses left the grammar, by kind."""
    if not summary.deviations:
        return section("deviations", "Deviations", el("p", "Every response follows the grammar.", class_="note"))
    rows = [
        el(
            "tr",
            el("th", el("code", code), scope="row"),
            el("td", f"{count:,}", class_="n"),
            _with_bar(count / summary.count, 1.0, "down"),
            el("td", DEVIATIONS.get(code, "")),
        )
        for code, count in summary.deviations
    ]
    return section("deviations", "Deviations", table(("deviation", "rollouts", "share", "meaning"), rows))


def checks(summary: Summary) -> Html:
    """Verdicts of the checker and the tier that decided."""
    total = sum(count for _, _, count in summary.checks)
    if not total:
        return Html("")
    rows = [
        el(
            "tr",
            el("th", verdict, class_=f"verdict {verdict}", scope="row"),
            el("td", tier),
            el("td", f"{count:,}", class_="n"),
            _with_bar(count / total),
        )
        for verdict, tier, count in summary.checks
    ]
    note = el("p", f"{total:,} attempts, checker {summary.checker}.", class_="note")
    return section("checker", "Checker", note, table(("verdict", "decided by", "attempts", "share"), rows))


def section(name: str, title: str, *content: Html | str) -> Html:
    """A titled landmark of the overview."""
    return el("section", el("h2", title, id=f"{name}-title"), *content, id=name, aria_labelledby=f"{name}-title")


def table(head: Sequence[str], rows: Sequence[Html]) -> Html:
    """A table that scrolls sideways on a phone instead of stretching the page."""
    cells = el("tr", *(el("th", title, scope="col") for title in head))
    return el(
        "div",
        el("table", el("thead", cells), el("tbody", *rows)),
        class_="scroll",
        tabindex=0,
        role="region",
        aria_label=", ".join(head),
    )


def number(value: float, digits: int = 3) -> str:
    """A figure, or a dash for a ratio without cases."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def signed(value: float, digits: int = 2) -> str:
    """A figure with its sign, the minus as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def _with_bar(value: float, top: float = 1.0, kind: str = "") -> Html:
    return el("td", el("span", number(value, 2), class_="value"), bar(value, top, kind), class_="bars")


def _series(groups: Sequence[Group], name: str) -> tuple[float, ...]:
    return tuple(group.metrics.get(name, math.nan) for group in groups)
