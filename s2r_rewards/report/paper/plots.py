"""Bars side by side, lines over named places, points over a number: inline SVG in the manner of `report.charts`.

Each function returns one figure, or nothing where no value is finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import urlencode

from s2r_rewards.report.charts import BOTTOM, HEIGHT, LEFT, MANY, RIGHT, TOP, WIDTH, WINDOWS, smoothed
from s2r_rewards.report.markup import Html, el, join

Series = dict[str, list[tuple[float, float]]]
"""label → (x, y) in the order of x"""
_INNER = WIDTH - LEFT - RIGHT
_LONGEST_NAME = 14
_NUMBERED = 12
"""Most bars that have their number written above."""


def bars(title: str, groups: Sequence[str], values: Mapping[str, Sequence[float]]) -> list[Html]:
    """A group of bars for each name, in each a bar a run; shares in [0, 1], cut at a round number above the largest."""
    top = _top(values, unit_range=max(_finite(values), default=1.0) > 0.5)
    if top is None:
        return []
    room = _INNER / len(groups)
    width = min(26.0, 0.84 * room / len(values))
    marks = []
    for k, (label, shares) in enumerate(values.items()):
        for place, (group, share) in enumerate(zip(groups, shares, strict=True)):
            if math.isfinite(share):
                left = LEFT + room * (place + 0.5) + width * (k - len(values) / 2)
                y = _y(share, top)
                tip = el("title", f"{_named(label, values)}{group} {share:.3f}")
                size = {"x": f"{left:.1f}", "y": f"{y:.1f}", "width": f"{0.9 * width:.1f}"}
                marks.append(el("rect", tip, class_=f"dot line{k}", height=f"{HEIGHT - BOTTOM - y:.1f}", **size))
                if len(groups) * len(values) <= _NUMBERED:
                    at = {"x": f"{left + 0.45 * width:.1f}", "y": f"{y - 3:.1f}"}
                    marks.append(el("text", f"{share:.2f}", class_="tick", text_anchor="middle", **at))
    ticks = [_in_two_lines(LEFT + room * (place + 0.5), group) for place, group in enumerate(groups)]
    return [_figure(title, top, marks, ticks, values, dict.fromkeys(values, groups))]


def places(
    title: str, names: Sequence[str], values: Mapping[str, Sequence[float]], unit_range: bool = True
) -> list[Html]:
    """A line a run over named places, each dot a link to the rollouts of that level."""
    top = _top(values, unit_range)
    if top is None:
        return []
    room = _INNER / len(names)
    marks = []
    for k, (label, found) in enumerate(values.items()):
        dots = [
            (LEFT + room * (place + 0.5), _y(value, top), name, value)
            for place, (name, value) in enumerate(zip(names, found, strict=True))
            if math.isfinite(value)
        ]
        marks.append(_line(k, [(x, y) for x, y, _, _ in dots]))
        for x, y, name, value in dots:
            tip = el("title", f"{_named(label, values)}level {name}: {value:.3f}")
            dot = el("circle", tip, class_=f"dot line{k}", cx=f"{x:.1f}", cy=f"{y:.1f}", r=3)
            filters = {"level": name, **({"run": str(k)} if len(values) > 1 else {})}
            href = f"#rollouts&{urlencode(filters, errors='replace')}"
            marks.append(el("a", dot, href=href, tabindex=-1, aria_label=f"rollouts of level {name}"))
    every = math.ceil(len(names) / 10)  # so that the names have room
    ticks = [_below(LEFT + room * (i + 0.5), name, "middle") for i, name in enumerate(names) if i % every == 0]
    return [_figure(title, top, marks, ticks, values, dict.fromkeys(values, names))]


def points(title: str, series: Series, unit: str, logarithmic: bool = False) -> list[Html]:
    """A line a run over a number, or a dot where a run has one point; shares in [0, 1]. Long lines are moving means."""
    values = {label: [y for _, y in found] for label, found in series.items()}
    top = _top(values)
    if top is None:
        return []
    scale: Callable[[float], float] = math.log if logarithmic else float
    low, high = (scale(pick(x for found in series.values() for x, _ in found)) for pick in (min, max))
    span = high - low

    def at(x: float) -> float:
        return LEFT + _INNER * ((scale(x) - low) / span * 0.9 + 0.05 if span else 0.5)

    marks = []
    for k, (label, found) in enumerate(series.items()):
        means = smoothed(values[label], len(found) // WINDOWS) if len(found) > MANY else values[label]
        dots = [(at(x), _y(y, 1.0), x, y) for (x, _), y in zip(found, means, strict=True) if math.isfinite(y)]
        marks.append(_line(k, [(x, y) for x, y, _, _ in dots]))
        for x, y, size, value in dots if len(found) <= MANY else []:
            tip = el("title", f"{_named(label, series)}{size:,.0f} {unit}: {value:.3f}")
            marks.append(el("circle", tip, class_=f"dot line{k}", cx=f"{x:.1f}", cy=f"{y:.1f}", r=3))
    ends = [x for found in series.values() for x, _ in found]
    ticks = [_below(at(max(ends)), f"{max(ends):,.0f} {unit}", "end" if span else "middle")]
    if span:
        ticks.append(_below(at(min(ends)), f"{min(ends):,.0f}", "middle"))
    names = {label: [f"{x:,.0f} {unit}" for x, _ in found] for label, found in series.items()}
    return [_figure(title, 1.0, marks, ticks, values, names)]


def _figure(
    title: str,
    top: float,
    marks: Sequence[Html],
    ticks: Sequence[Html],
    values: Mapping[str, Sequence[float]],
    names: Mapping[str, Sequence[str]],
) -> Html:
    grid = []
    for v in (0.0, top / 2, top):
        y = f"{_y(v, top):.1f}"
        grid.append(el("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y))
        grid.append(el("text", f"{v:g}", class_="tick", x=LEFT - 6, y=f"{_y(v, top) + 4:.1f}", text_anchor="end"))
    spoken = "; ".join(
        f"{_named(label, values)}{name} {value:.2f}"
        for label, found in values.items()
        for name, value in zip(names[label], found, strict=True)
        if math.isfinite(value)
    )
    svg = el(
        "svg", el("title", f"{title}: {spoken}"), *grid, *ticks, *marks, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="group"
    )
    keys = [el("li", el("span", class_=f"key line{k}"), label) for k, label in enumerate(values)]
    legend = el("ul", *keys, class_="legend") if len(values) > 1 else ""
    return el("figure", el("figcaption", title), svg, legend, class_="chart")


def _line(index: int, dots: Sequence[tuple[float, float]]) -> Html:
    if len(dots) < 2:
        return Html("")
    return el("polyline", class_=f"curve line{index}", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in dots))


def _below(x: float, text: str, anchor: str) -> Html:
    short = text if len(text) <= 2 * _LONGEST_NAME else text[: 2 * _LONGEST_NAME - 1] + "…"
    return el("text", short, class_="tick", x=f"{x:.1f}", y=HEIGHT - 8, text_anchor=anchor)


def _in_two_lines(x: float, text: str) -> Html:
    first, _, second = text.rpartition(" ")
    lines = [
        el("text", line, class_="tick", x=f"{x:.1f}", y=HEIGHT - above, text_anchor="middle")
        for line, above in ((first, 15), (second, 3))
    ]
    return join(lines)


def _named(label: str, values: Mapping[str, object]) -> str:
    """An only run goes without its name."""
    return f"{label}, " if len(values) > 1 else ""


def _finite(values: Mapping[str, Sequence[float]]) -> list[float]:
    return [v for found in values.values() for v in found if math.isfinite(v)]


def _top(values: Mapping[str, Sequence[float]], unit_range: bool = True) -> float | None:
    """The top of the axis; None where there is nothing to draw."""
    finite = _finite(values)
    if not finite:
        return None
    steps = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 5.0, 10.0, 20.0, 50.0, 100.0)
    return 1.0 if unit_range else next((step for step in steps if step >= max(finite)), max(finite))


def _y(value: float, top: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)
