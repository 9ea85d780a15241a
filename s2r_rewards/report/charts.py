"""Small line charts and bars as inline SVG: no script, no inline style, readable by a screen reader."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from s2r_rewards.report.markup import Html, el, join

WIDTH, HEIGHT = 340, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 12, 12, 26


@dataclass(frozen=True)
class Line:
    """One curve: a label and a value (or nan) for every step of the chart."""

    label: str
    values: tuple[float, ...]


def line_chart(title: str, steps: Sequence[float], lines: Sequence[Line], unit_range: bool = True) -> Html:
    """Curves over steps; `unit_range` fixes the axis to 0…1, otherwise it runs from 0 to a round maximum."""
    finite = [v for line in lines for v in line.values if math.isfinite(v)]
    if not finite:
        return Html("")
    top = 1.0 if unit_range else _round_up(max(finite))
    first, last = steps[0], steps[-1]

    def x(step: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (step - first) / max(last - first, 1)

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    grid = [
        join(
            [
                el("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=f"{y(v):.1f}", y2=f"{y(v):.1f}"),
                el("text", _tick(v), class_="tick", x=LEFT - 6, y=f"{y(v) + 4:.1f}", text_anchor="end"),
            ]
        )
        for v in (0, top / 2, top)
    ]
    ticks = [
        el("text", f"{first:,g}", class_="tick", x=LEFT, y=HEIGHT - 8),
        el("text", f"step {last:,g}", class_="tick", x=WIDTH - RIGHT, y=HEIGHT - 8, text_anchor="end"),
    ]
    curves = [_curve(i, steps, line, x, y) for i, line in enumerate(lines)]
    spoken = "; ".join(f"{line.label} from {_ends(line)[0]} to {_ends(line)[1]}" for line in lines)
    legend = el(
        "ul",
        *(
            el("li", el("span", class_=f"key line{i}"), f"{line.label} ", el("b", _ends(line)[1]))
            for i, line in enumerate(lines)
        ),
        class_="legend",
    )
    svg = el(
        "svg", el("title", f"{title}: {spoken}"), *grid, *ticks, *curves, viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img"
    )
    return el("figure", el("figcaption", title), svg, legend, class_="chart")


def bar(value: float, top: float = 1.0, kind: str = "") -> Html:
    """A horizontal bar from 0 to `top`; nothing for nan. The number itself stands next to it as text."""
    width = 0.0 if not math.isfinite(value) or top <= 0 else 100 * max(0.0, min(1.0, value / top))
    return el(
        "svg",
        el("rect", class_="track", width=100, height=8, rx=2),
        el("rect", class_=f"fill {kind}".strip(), width=f"{width:.1f}", height=8, rx=2),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def diverging_bar(value: float) -> Html:
    """A bar from the middle of −1…+1 to `value`."""
    start, width = (50.0, 50 * value) if value >= 0 else (50 + 50 * value, -50 * value)
    return el(
        "svg",
        el("rect", class_="track", width=100, height=8, rx=2),
        el("rect", class_=f"fill {'up' if value >= 0 else 'down'}", x=f"{start:.1f}", width=f"{width:.1f}", height=8),
        el("line", class_="zero", x1=50, x2=50, y1=0, y2=8),
        class_="bar",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        aria_hidden="true",
    )


def stacked_bar(shares: Sequence[float], spoken: str) -> Html:
    """Shares that add up to 1 as one bar, lighter to darker; `spoken` is its text."""
    parts, start = [], 0.0
    for i, share in enumerate(shares):
        parts.append(el("rect", class_=f"part p{i}", x=f"{100 * start:.2f}", width=f"{100 * share:.2f}", height=8))
        start += share
    return el(
        "svg",
        el("title", spoken),
        *parts,
        class_="bar wide",
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        role="img",
    )


def _curve(
    index: int, steps: Sequence[float], line: Line, x: Callable[[float], float], y: Callable[[float], float]
) -> Html:
    """Unbroken runs of finite values as polylines, and a dot with a tooltip for every value."""
    runs: list[list[str]] = [[]]
    dots = []
    for step, value in zip(steps, line.values, strict=True):
        if not math.isfinite(value):
            runs.append([])
            continue
        runs[-1].append(f"{x(step):.1f},{y(value):.1f}")
        tip = el("title", f"step {step:g}: {line.label} {value:.3f}")
        dots.append(el("circle", tip, class_=f"dot line{index}", cx=f"{x(step):.1f}", cy=f"{y(value):.1f}", r=2.4))
    drawn = [el("polyline", class_=f"curve line{index}", points=" ".join(run)) for run in runs if len(run) > 1]
    return join([*drawn, *dots])


def _ends(line: Line) -> tuple[str, str]:
    finite = [v for v in line.values if math.isfinite(v)]
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
