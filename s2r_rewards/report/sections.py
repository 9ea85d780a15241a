"""The sections of the overview, one function each: Summary in, markup out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlencode

from s2r_rewards.alarms import Alarm
from s2r_rewards.report.charts import bar, diverging_bar, line_chart, stacked_bar
from s2r_rewards.report.markup import Html, el, join
from s2r_rewards.report.summary import Group, Node, Summary, natural
from s2r_rewards.trajectory import DEVIATIONS, UNCERTAINTIES

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
#: Figures of which less is better.
WORSE = frozenset({"s2r/correct/c2i", "s2r/parse/malformed", "s2r/check/timeout", "s2r/check/ungradable"})
CURVES = {
    "Accuracy": {"final": "s2r/outcome/accuracy", "first attempt": "s2r/attempt/first_accuracy"},
    "Verification": {
        "accuracy": "s2r/verify/accuracy",
        "error recall": "s2r/verify/error_recall",
        "correct precision": "s2r/verify/correct_precision",
    },
    "Self-correction": {"incorrect → correct": "s2r/correct/i2c", "correct → incorrect": "s2r/correct/c2i"},
    "Trouble": {
        "malformed": "s2r/parse/malformed",
        "timeout": "s2r/check/timeout",
        "ungradable": "s2r/check/ungradable",
    },
}


def tiles(summary: Summary) -> Html:
    """The headline figures: of the last step where there are steps, with the change since the first."""
    run = len(summary.steps) > 1
    shown = summary.steps[-1] if run else summary.overall
    items = []
    for name, title, meaning in TILES:
        value = shown.metrics[name]
        change = value - summary.steps[0].metrics[name] if run else math.nan
        delta = el("span", signed(change), class_=f"delta {kind_of(name, change)}") if math.isfinite(change) else ""
        digits = 2 if name == "s2r/trials/mean" else 3
        shown_as = el("dd", el("b", number(value, digits)), delta)
        items.append(el("div", el("dt", title), shown_as, el("dd", meaning, class_="meaning"), class_="tile"))
    about = (
        f"Step {shown.key} ({shown.count:,} rollouts); the small figure is the change since step {summary.steps[0].key}."
        if run
        else f"Over all {shown.count:,} rollouts. A dash means that the ratio has no cases."
    )
    return section("figures", "Key figures", note(about), el("dl", *items, class_="tiles"))


def kind_of(name: str, change: float) -> str:
    """Whether a change is to be welcomed; more attempts are neither."""
    if name == "s2r/trials/mean" or not abs(change) >= 0.005:
        return "same"
    return "better" if (change > 0) != (name in WORSE) else "worse"


def link(label: object, **filters: object) -> Html:
    """To the rollouts behind a figure, filtered."""
    return el("a", label, href=f"#rollouts&{urlencode(filters, errors='replace')}")


def alarms(found: Sequence[Alarm], places: dict[int, int]) -> Html:
    """Alarms that fired, with links to the rollouts that show it, then the quiet ones in a folded list.

    `places` maps indices of the summary's rollouts to rollouts that the page carries.
    """
    fired = [alarm for alarm in found if alarm.fired]
    cards = [
        el(
            "li",
            el("h3", alarm.title),
            note(alarm.formula),
            el("p", el("b", number(alarm.value)), f" — threshold {alarm.threshold:g}, {alarm.count:,} cases"),
            el("p", _when(alarm)) if alarm.step is not None else "",
            _evidence(alarm, places),
            class_="alarm",
        )
        for alarm in fired
    ]
    quiet = [(a.title, figure(number(a.value)), figure(f"{a.threshold:g}"), a.formula) for a in found if not a.fired]
    head = note(f"{len(fired) or 'None'} of {len(found)} fired.")
    rest = el("details", el("summary", f"{len(quiet)} quiet"), table(("alarm", "value", "threshold", "formula"), quiet))
    return section("alarms", "Alarms", head, el("ul", *cards, class_="alarms") if cards else "", rest if quiet else "")


def _when(alarm: Alarm) -> str:
    return f"First fired at step {alarm.step}; at the latest step it is {number(alarm.now if alarm.now is not None else alarm.value)}."


def _evidence(alarm: Alarm, places: dict[int, int]) -> Html:
    links = [el("a", f"rollout {places[i]}", href=f"#r={places[i]}") for i in alarm.evidence if i in places]
    return el("p", "For instance ", join(links, ", "), ".") if links else Html("")


def curves(summary: Summary) -> Html:
    """Learning curves; nothing where the rollouts carry fewer than two steps."""
    steps = summary.steps
    if len(steps) < 2 or any(natural(group.key)[0] for group in steps):  # names, not numbers: nothing to draw along
        return Html("")
    charts = [
        line_chart(title, {label: points(steps, name) for label, name in lines.items()})
        for title, lines in CURVES.items()
    ]
    charts.append(line_chart("Attempts", {"mean": points(steps, "s2r/trials/mean")}, unit_range=False))
    lengths = [(float(group.key), group.mean_length) for group in steps]
    charts.append(line_chart("Response length", {"characters": lengths}, unit_range=False))
    return section("curves", "Learning curves", el("div", *charts, class_="charts"))


def points(steps: Sequence[Group], name: str) -> list[tuple[float, float]]:
    """A metric along steps whose names are numbers."""
    return [(float(group.key), group.metrics[name]) for group in steps]


def levels(summary: Summary) -> Html:
    """Accuracy and number of attempts by difficulty level."""
    if not summary.levels:
        return Html("")
    most = max(group.metrics["s2r/trials/mean"] for group in summary.levels)
    rows = [
        (
            el("th", link(group.key, level=group.key), scope="row"),
            figure(f"{group.count:,}"),
            _with_bar(group.metrics["s2r/attempt/first_accuracy"]),
            _with_bar(group.metrics["s2r/outcome/accuracy"]),
            _with_bar(group.metrics["s2r/verify/accuracy"]),
            _with_bar(group.metrics["s2r/trials/mean"], most, "attempts"),
            _histogram(group),
        )
        for group in summary.levels
    ]
    head = ("level", "rollouts", "first attempt", "final", "verification", "attempts", "1 · 2 · 3 · 4 · 5+ attempts")
    about = f"Over all {sum(g.count for g in summary.levels):,} rollouts that name a level."
    return section("levels", "By level", note(about), table(head, rows))


def _histogram(group: Group) -> Html:
    shares = [n / max(1, group.count) for n in group.attempts]
    names = ("1 attempt", "2", "3", "4", "5 or more")
    spoken = ", ".join(f"{name}: {100 * share:.0f} %" for name, share in zip(names, shares, strict=True))
    return el("td", stacked_bar(shares, spoken))


def tree(summary: Summary) -> Html:
    """Reward contexts with counts and mean rewards (the baseline of eq. 4 over the whole file)."""
    if not summary.nodes:
        return Html("")
    rows = [(_path(node), node.next_kind, figure(f"{node.count:,}"), _mean(node)) for node in summary.nodes]
    about = (
        "Each line is a reward context: what the actions before earned. The baseline is the mean reward of the "
        "actions taken there, over the whole file; a trainer takes it over each batch."
    )
    left = f" {summary.nodes_left_out:,} rarer or longer contexts are left out." if summary.nodes_left_out else ""
    nodes = table(("context", "next action", "n", "baseline"), rows)
    return section("contexts", "Reward contexts", note(about + left), nodes)


def _path(node: Node) -> Html:
    signs = "".join("+" if reward > 0 else "−" for reward in node.context)
    kind = {"": "step", "+": "step up", "−": "step down"}[signs[-1:]]
    indent = el("span", class_=f"indent d{min(len(signs), 8)}")
    named = link(node.label, ctx=signs) if signs else node.label
    return el("th", indent, el("span", named, class_=kind), " ", el("code", signs) if signs else "", scope="row")


def _mean(node: Node) -> Html:
    return el("td", el("span", signed(node.mean, 3), class_="value"), diverging_bar(node.mean), class_="bars")


def deviations(summary: Summary) -> Html:
    """How often responses left the grammar, and how often the parser guessed or something just missed, by kind."""
    parts = [note("Every response follows the grammar.")]
    if summary.deviations:
        parts = [_by_code("deviation", summary.deviations, DEVIATIONS, summary)]
    if summary.uncertainties:
        parts.append(note("Near misses and guesses of the parser; they change no reward by themselves."))
        parts.append(_by_code("uncertainty", summary.uncertainties, UNCERTAINTIES, summary))
    return section("deviations", "Deviations", *parts)


def _by_code(name: str, counts: Sequence[tuple[str, int]], meanings: Mapping[str, str], summary: Summary) -> Html:
    rows = [
        (
            el("th", link(el("code", code), dev=code) if name == "deviation" else el("code", code), scope="row"),
            figure(f"{count:,}"),
            _with_bar(count / summary.overall.count, kind="down"),
            meanings.get(code, ""),
        )
        for code, count in counts
    ]
    return table((name, "rollouts", "share", "meaning"), rows)


def checks(summary: Summary) -> Html:
    """Verdicts of the checker and the tier that decided."""
    total = sum(count for _, _, count in summary.checks)
    if not total:
        return Html("")
    rows = [
        (
            el("th", link(verdict, check=f"{verdict}:{tier}"), class_=f"verdict {verdict}", scope="row"),
            tier,
            figure(f"{n:,}"),
            _with_bar(n / total),
        )
        for verdict, tier, n in summary.checks
    ]
    about = note(f"{total:,} attempts, checker {summary.checker}.")
    return section("checker", "Checker", about, table(("verdict", "decided by", "attempts", "share"), rows))


def section(name: str, title: str, *content: Html | str) -> Html:
    """A titled landmark of the overview."""
    return el("section", el("h2", title, id=f"{name}-title"), *content, id=name, aria_labelledby=f"{name}-title")


def table(head: Sequence[str], rows: Iterable[Sequence[Html | str]]) -> Html:
    """A table that scrolls sideways on a phone instead of stretching the page; plain text becomes a cell."""
    titles = el("tr", *(el("th", title, scope="col") for title in head))
    body = [el("tr", *(cell if isinstance(cell, Html) else el("td", cell) for cell in row)) for row in rows]
    whole = el("table", el("thead", titles), el("tbody", *body))
    return el("div", whole, class_="scroll", tabindex=0, role="region", aria_label=", ".join(head))


def note(text: str) -> Html:
    """A remark in small print."""
    return el("p", text, class_="note")


def figure(text: str) -> Html:
    """A cell that holds a figure."""
    return el("td", text, class_="n")


def number(value: float, digits: int = 3) -> str:
    """A figure, or a dash for a ratio without cases."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"


def signed(value: float, digits: int = 2) -> str:
    """A figure with its sign, the minus as wide as the plus."""
    return f"{value:+.{digits}f}".replace("-", "−")


def _with_bar(value: float, top: float = 1.0, kind: str = "") -> Html:
    return el("td", el("span", number(value, 2), class_="value"), bar(value, top, kind), class_="bars")
