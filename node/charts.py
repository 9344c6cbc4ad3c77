"""Small charts as SVG text, drawn here: no script, no font, no other host.

Every chart has a title and a description for people who do not see it, and never tells anything by colour
alone: lines also differ in their dashes and marks, bars in their sign and hatching. Colours have a contrast
of at least 4.5 to 1 on white (WCAG 2.2, 1.4.3 and 1.4.11).

`element` is the one place where text becomes markup, and it escapes everything that is not markup already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate
from textwrap import wrap

WIDTH, HEIGHT = 560, 380
LEFT, RIGHT, TOP, BOTTOM = 60, 20, 40, 60
BAR_WIDTH, BAR_GAP, BAR_LABEL, BAR_VALUE = 840, 8, 430, 70
LINE_HEIGHT, BASELINE = 16, 12
BAR_LABEL_CHARACTERS = 68
INK, GRID, BLUE, RUST, GREEN = "#1a1a1a", "#c4c4c4", "#0b4f8a", "#9c3308", "#1c6630"
COLOURS = (BLUE, RUST, GREEN)
DASHES = ("none", "8 4", "2 4")
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


class Markup(str):
    """Text that is markup already, and is not escaped again."""

    __slots__ = ()


def element(tag: str, *content: str, **attributes: object) -> Markup:
    """An element of HTML or SVG, with everything in it escaped.

    Args:
        tag: Its name.
        content: Text, escaped; or markup, taken as it is.
        attributes: `stroke_width=2` becomes `stroke-width="2"`, `class_` becomes `class`.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(str(value))}"' for name, value in attributes.items()
    )
    return Markup(f"<{tag}{written}>{join(content)}</{tag}>")


def join(parts: Iterable[str]) -> Markup:
    """Parts one after another: text escaped, markup as it is."""
    return Markup("".join(part if isinstance(part, Markup) else escape(part) for part in parts))


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name, and its points with both coordinates in [0, 1].

    `marked` draws a mark at every point; `labels` are written beside the points, if there are any.
    """

    name: str
    points: Sequence[tuple[float, float]]
    marked: bool = False
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar: what it is of, how long it is (negative to the left), and the value as written beside it."""

    label: str
    value: float
    shown: str


def line_chart(
    chart_id: str,
    *,
    title: str,
    description: str,
    x_label: str,
    y_label: str,
    series: Sequence[Series],
    diagonal: bool = False,
) -> Markup:
    """Up to three lines over the unit square.

    Args:
        chart_id: Unique in the page.
        title: What the chart shows.
        description: What it says, for those who do not see it.
        x_label, y_label: Names of the axes.
        series: The lines.
        diagonal: Whether to draw the line of equal coordinates.
    """
    parts = [_axes(x_label, y_label)]
    if diagonal:
        ends = {"x1": _x(0), "y1": _y(0), "x2": _x(1), "y2": _y(1)}
        parts.append(element("line", **ends, stroke=INK, stroke_width=1, stroke_dasharray="1 3"))
    parts += [_series(one, number) for number, one in enumerate(series)]
    parts.append(_legend([one.name for one in series]))
    return drawing(chart_id, title, description, (WIDTH, HEIGHT), parts)


def bar_chart(chart_id: str, *, title: str, description: str, bars: Sequence[Bar]) -> Markup:
    """Horizontal bars from a common zero; negative ones are hatched as well as on the other side."""
    return _bars(chart_id, title, description, bars, [0.0] * len(bars))


def waterfall_chart(
    chart_id: str, *, title: str, description: str, bars: Sequence[Bar], total: str
) -> Markup:
    """Horizontal bars that each begin where the one before ended, and last their sum, from zero.

    Args:
        chart_id: Unique in the page.
        title: What the chart shows.
        description: What it says, for those who do not see it.
        bars: The parts, in order.
        total: Label of the sum.
    """
    ends = list(accumulate((bar.value for bar in bars), initial=0.0))
    summed = Bar(total, ends[-1], f"{ends[-1]:+.2f}")
    return _bars(chart_id, title, description, [*bars, summed], [*ends[:-1], 0.0])


def standalone(chart: Markup) -> str:
    """A chart as a file of its own, where no page around it says what its markup is."""
    root = f'<svg xmlns="{SVG_NAMESPACE}" font-family="sans-serif" '
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{chart.replace("<svg ", root, 1)}\n'


def _bars(
    chart_id: str, title: str, description: str, bars: Sequence[Bar], starts: Sequence[float]
) -> Markup:
    """Bars from where each starts."""
    reached = [0.0, *starts, *(start + bar.value for bar, start in zip(bars, starts, strict=True))]
    low, high = min(reached), max(reached)
    scale = (BAR_WIDTH - BAR_LABEL - BAR_VALUE) / ((high - low) or 1.0)
    zero = BAR_LABEL - low * scale
    parts = [_hatch(chart_id)]
    top = BAR_GAP
    for bar, start in zip(bars, starts, strict=True):
        label = wrap(bar.label, BAR_LABEL_CHARACTERS)
        parts.append(_bar(bar, label, chart_id, start=zero + start * scale, scale=scale, top=top))
        top += max(len(label), 1) * LINE_HEIGHT + BAR_GAP
    parts.append(element("line", x1=_n(zero), y1=0, x2=_n(zero), y2=top, stroke=INK))
    return drawing(chart_id, title, description, (BAR_WIDTH, top), parts)


def drawing(
    chart_id: str, title: str, description: str, size: tuple[int, int], parts: Iterable[str]
) -> Markup:
    """A chart of any parts: with its title, its description and a white ground."""
    width, height = size
    named = (
        element("title", title, id=f"{chart_id}-title"),
        element("desc", description, id=f"{chart_id}-desc"),
        element("rect", width=width, height=height, fill="#ffffff"),
    )
    return element(
        "svg",
        *named,
        *parts,
        viewBox=f"0 0 {width} {height}",
        role="img",
        aria_labelledby=f"{chart_id}-title {chart_id}-desc",
    )


def _axes(x_label: str, y_label: str) -> Markup:
    parts = []
    for tenth in range(0, 11, 2):
        at, shown = tenth / 10, f"{tenth / 10:.1f}"
        across = {"x1": _x(0), "x2": _x(1), "y1": _y(at), "y2": _y(at)}
        upward = {"x1": _x(at), "x2": _x(at), "y1": _y(0), "y2": _y(1)}
        parts += [element("line", **across, stroke=GRID), element("line", **upward, stroke=GRID)]
        parts.append(label_at(LEFT - 8, HEIGHT - BOTTOM - at * _plot_height() + 4, shown, text_anchor="end"))
        parts.append(label_at(LEFT + at * _plot_width(), HEIGHT - BOTTOM + 18, shown, text_anchor="middle"))
    middle = TOP + _plot_height() / 2
    parts.append(label_at(LEFT + _plot_width() / 2, HEIGHT - 18, x_label, text_anchor="middle"))
    turned = f"rotate(-90 16 {_n(middle)})"
    parts.append(label_at(16, middle, y_label, text_anchor="middle", transform=turned))
    return join(parts)


def _series(one: Series, number: int) -> Markup:
    colour, dash = COLOURS[number], DASHES[number]
    points = " ".join(f"{_x(x)},{_y(y)}" for x, y in one.points)
    drawn = element(
        "polyline", points=points, fill="none", stroke=colour, stroke_width=2, stroke_dasharray=dash
    )
    marks = [_mark(x, y, number) for x, y in one.points] if one.marked else []
    labels = [
        label_at(float(_x(x)) + 8, float(_y(y)) + 14, label)
        for (x, y), label in zip(one.points, one.labels, strict=False)
    ]
    return join([drawn, *marks, *labels])


def _mark(x: float, y: float, number: int) -> Markup:
    if number == 0:
        return element("circle", cx=_x(x), cy=_y(y), r=4, fill=COLOURS[0])
    left, top = float(_x(x)) - 4, float(_y(y)) - 4
    return element("rect", x=_n(left), y=_n(top), width=8, height=8, fill=COLOURS[number])


def _legend(names: Sequence[str]) -> Markup:
    parts = []
    for number, name in enumerate(names):
        x = LEFT + number * 150
        ends = {"x1": x, "x2": x + 32, "y1": TOP - 18, "y2": TOP - 18}
        parts.append(
            element("line", **ends, stroke=COLOURS[number], stroke_width=2, stroke_dasharray=DASHES[number])
        )
        parts.append(label_at(x + 38, TOP - 14, name))
    return join(parts)


def _bar(bar: Bar, label: Sequence[str], chart_id: str, *, start: float, scale: float, top: int) -> Markup:
    length = abs(bar.value) * scale
    left = start if bar.value >= 0 else start - length
    fill = BLUE if bar.value >= 0 else f"url(#{chart_id}-hatch)"
    box = {"x": _n(left), "y": top, "width": _n(length), "height": LINE_HEIGHT}
    lines = [label_at(4, top + n * LINE_HEIGHT + BASELINE, line) for n, line in enumerate(label)]
    return join(
        [
            *lines,
            element("rect", **box, fill=fill, stroke=BLUE if bar.value >= 0 else RUST),
            label_at(left + length + 6, top + BASELINE, bar.shown),
        ]
    )


def _hatch(chart_id: str) -> Markup:
    line = element("line", x1=0, y1=0, x2=0, y2=6, stroke=RUST, stroke_width=4)
    turned = {"patternUnits": "userSpaceOnUse", "patternTransform": "rotate(45)"}
    return element("defs", element("pattern", line, id=f"{chart_id}-hatch", width=6, height=6, **turned))


def label_at(x: float, y: float, content: str, **attributes: object) -> Markup:
    """Text whose baseline begins at a point."""
    return element("text", content, x=_n(x), y=_n(y), fill=INK, font_size=12, **attributes)


def _plot_width() -> int:
    return WIDTH - LEFT - RIGHT


def _plot_height() -> int:
    return HEIGHT - TOP - BOTTOM


def _x(value: float) -> str:
    return _n(LEFT + min(max(value, 0.0), 1.0) * _plot_width())


def _y(value: float) -> str:
    return _n(HEIGHT - BOTTOM - min(max(value, 0.0), 1.0) * _plot_height())


def _n(value: float) -> str:
    return f"{value:.1f}"
