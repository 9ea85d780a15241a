"""Small line charts and bars as inline SVG: no script, no inline style, readable by a screen reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from urllib.parse import urlencode

from s2r_rewards.report.markup import Html, el, join

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 26
MANY, WINDOWS = 60, 20
"""A run of more steps is drawn as moving means over this part of it."""
Scale = Callable[[float], float]
Points = Sequence[tuple[float, float]]
"""(step, value or nan), by step"""


def line_chart(
    title: str,
    lines: Mapping[str, Points],
    unit_range: bool = True,
    links: Sequence[Mapping[str, str]] = (),
    colours: Sequence[int] = range(99),
) -> Html:
    """Curves over steps, each a label and its points; each curve has steps of its own.

    `unit_range` fixes the axis to 0…1, otherwise it runs from 0 to a round maximum. `links`: filters, beyond the
    step, of the rollouts that the points of each curve lead to. `colours`: the number of each curve's style.
    """
    finite = [v for points in lines.values() for _, v in points if math.isfinite(v)]
    if not finite:
        return Html("")
    top = 1.0 if unit_range else _round_up(max(finite))
    first = min(step for points in lines.values() for step, _ in points)
    last = max(step for points in lines.values() for step, _ in points)

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - first) / max(last - first, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    right = WIDTH - RIGHT
    grid = []
    for v in (0, top / 2, top):
        grid.append(el("line", class_="grid", x1=LEFT, x2=right, y1=f"{y(v):.1f}", y2=f"{y(v):.1f}"))
        grid.append(el("text", _tick(v), class_="tick", x=LEFT - 6, y=f"{y(v) + 4:.1f}", text_anchor="end"))
    ticks = [
        el("text", f"{first:,g}", class_="tick", x=LEFT, y=HEIGHT - 8),
        el("text", f"step {last:,g}", class_="tick", x=right, y=HEIGHT - 8, text_anchor="end"),
    ]
    curves = [
        _curve(colours[i], label, points, x, y, links[i] if links else {})
        for i, (label, points) in enumerate(lines.items())
    ]
    most = max(map(len, lines.values()))
    if most > MANY:  # the steps themselves, faint, behind their moving means
        title = f"{title} (means of {most // WINDOWS} steps)"
    ends = {label: _ends([value for _, value in points]) for label, points in lines.items()}
    spoken = "; ".join(f"{label} from {start} to {end}" for label, (start, end) in ends.items())
    keys = [
        el("li", el("span", class_=f"key line{colours[i]}"), f"{label} ", el("b", end))
        for i, (label, (_, end)) in enumerate(ends.items())
    ]
    legend = el("ul", *keys, class_="legend")
    # A group, since the points are links; what an image holds cannot be reached.
    svg = el(
        "svg", el("title", f"{title}: {spoken}"), *grid, *ticks, *curves, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="group"
    )
    return el("figure", el("figcaption", title), svg, legend, class_="chart")


def bar(value: float, top: float = 1.0, kind: str = "") -> Html:
    """A horizontal bar from 0 to `top`; nothing for nan. The number itself stands next to it as text."""
    width = 0.0 if not math.isfinite(value) or top <= 0 else 100 * max(0.0, min(1.0, value / top))
    fill = el("rect", class_=f"fill {kind}".strip(), width=f"{width:.1f}", height=8, rx=2)
    return _bar(_TRACK, fill, aria_hidden="true")


def diverging_bar(value: float) -> Html:
    """A bar from the middle of −1…+1 to `value`."""
    kind, start = ("up", 50.0) if value >= 0 else ("down", 50 + 50 * value)
    fill = el("rect", class_=f"fill {kind}", x=f"{start:.1f}", width=f"{50 * abs(value):.1f}", height=8)
    return _bar(_TRACK, fill, el("line", class_="zero", x1=50, x2=50, y1=0, y2=8), aria_hidden="true")


def stacked_bar(shares: Sequence[float], spoken: str) -> Html:
    """Shares that add up to 1 as one bar, lighter to darker; `spoken` is its text."""
    starts = accumulate(shares, initial=0.0)
    parts = [
        el("rect", class_=f"part p{i}", x=f"{100 * start:.2f}", width=f"{100 * share:.2f}", height=8)
        for i, (start, share) in enumerate(zip(starts, shares, strict=False))
    ]
    return _bar(el("title", spoken), *parts, kind="bar wide", role="img")


_TRACK = el("rect", class_="track", width=100, height=8, rx=2)


def _bar(*parts: Html, kind: str = "bar", **attributes: str) -> Html:
    return el("svg", *parts, class_=kind, viewBox="0 0 100 8", preserveAspectRatio="none", **attributes)


def _curve(index: int, label: str, points: Points, x: Scale, y: Scale, link: Mapping[str, str]) -> Html:
    """Unbroken runs of finite values as polylines, and a dot with a tooltip for every value."""
    runs: list[list[str]] = [[]]
    dots = []
    many = len(points) > MANY
    if many:
        means = smoothed([value for _, value in points], len(points) // WINDOWS)
        points = [(step, mean) for (step, _), mean in zip(points, means, strict=True)]
    for step, value in points:
        if not math.isfinite(value):
            runs.append([])
            continue
        runs[-1].append(f"{x(step):.1f},{y(value):.1f}")
        tip = el("title", f"step {step:.15g}: {label} {value:.3f}")
        kind = f"dot line{index}" + (" raw" if many else "")
        dot = el("circle", tip, class_=kind, cx=f"{x(step):.1f}", cy=f"{y(value):.1f}", r=2.4)
        # By mouse: the keyboard has the filter of steps, and a hundred stops would be in its way.
        href = f"#rollouts&{urlencode({'step': f'{step:.15g}', **link})}"
        dots.append(el("a", dot, href=href, tabindex=-1, aria_label=f"rollouts of step {step:.15g}"))
    drawn = [el("polyline", class_=f"curve line{index}", points=" ".join(run)) for run in runs if len(run) > 1]
    return join([*drawn, *dots])


def smoothed(values: Sequence[float], width: int) -> list[float]:
    """Means of so many values up to each, without those that are not finite; nan where there is none."""
    means = []
    for end in range(1, len(values) + 1):
        window = [v for v in values[max(0, end - width) : end] if math.isfinite(v)]
        means.append(sum(window) / len(window) if window else math.nan)
    return means


def _ends(values: Sequence[float]) -> tuple[str, str]:
    """The first and the last finite value."""
    finite = [v for v in values if math.isfinite(v)]
    return (_short(finite[0]), _short(finite[-1])) if finite else ("–", "–")


def _short(value: float) -> str:
    return f"{value:.2f}" if abs(value) < 10 else f"{value:,.0f}"


def _tick(value: float) -> str:
    return f"{value:g}" if abs(value) < 1000 else f"{value:,.0f}"


def _round_up(value: float) -> float:
    """The next 1, 2, 4, 5 or 10 × power of ten, so that half of it is short too."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(scale * m for m in (1, 2, 4, 5, 10) if scale * m >= value * 0.999)
