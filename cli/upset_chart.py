"""An UpSet plot (Lex et al. 2014) of which services know the same people, as SVG.

A row is a combination of services: a dot under each that belongs to it, and a bar of how many people exactly
these know. Only numbers that may be shown are drawn; how many combinations are not stands below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from node.charts import BLUE, GRID, INK, Markup, drawing, element, label_at, standalone

ROW, COLUMN, HEADER, LEFT = 22, 26, 150, 16
DOT, BAR_HEIGHT, BAR_LENGTH, VALUE = 6, 14, 420, 60
MOST_ROWS = 40


@dataclass(frozen=True, slots=True)
class Intersection:
    """People whom exactly these services know, as published."""

    services: tuple[str, ...]
    people: int


def upset_chart(
    intersections: Sequence[Intersection], services: Sequence[str], *, title: str, not_shown: int
) -> str:
    """The plot as the text of an SVG file.

    Args:
        intersections: Those with a number; the largest come first, and at most 40 are drawn.
        services: Every service, as it is called, in the order of the columns.
        title: What the people are.
        not_shown: How many combinations have no number that may be shown.
    """
    drawn = sorted(intersections, key=lambda one: (-one.people, one.services))[:MOST_ROWS]
    not_shown += len(intersections) - len(drawn)
    matrix = LEFT + len(services) * COLUMN
    largest = max((one.people for one in drawn), default=1)
    parts = [_heading(service, number) for number, service in enumerate(services)]
    for row, one in enumerate(drawn):
        parts += _row(one, services, top=HEADER + row * ROW, scale=BAR_LENGTH / largest, bars=matrix + 10)
    below = HEADER + len(drawn) * ROW + 20
    parts.append(label_at(LEFT, below, f"{not_shown} combinations are not drawn: hidden, small or last."))
    size = (matrix + 10 + BAR_LENGTH + VALUE, below + 14)
    return standalone(drawing("upset", title, _in_words(drawn), size, parts))


def _heading(service: str, number: int) -> Markup:
    x, y = LEFT + number * COLUMN + DOT, HEADER - 14
    return label_at(x, y, service, transform=f"rotate(-50 {x} {y})")


def _row(one: Intersection, services: Sequence[str], *, top: int, scale: float, bars: int) -> list[Markup]:
    middle = top + ROW / 2
    inside = [number for number, service in enumerate(services) if service in one.services]
    # Whether a service belongs is told by a filled dot or an empty ring, and not by colour.
    dots = [
        element(
            "circle",
            cx=LEFT + number * COLUMN + DOT,
            cy=middle,
            r=DOT,
            fill=INK if number in inside else "#ffffff",
            stroke=INK if number in inside else GRID,
        )
        for number in range(len(services))
    ]
    line = []
    if len(inside) > 1:
        first, last = (LEFT + number * COLUMN + DOT for number in (inside[0], inside[-1]))
        line = [element("line", x1=first, x2=last, y1=middle, y2=middle, stroke=INK, stroke_width=2)]
    length = one.people * scale
    bar = element(
        "rect", x=bars, y=middle - BAR_HEIGHT / 2, width=f"{length:.1f}", height=BAR_HEIGHT, fill=BLUE
    )
    return [*line, *dots, bar, label_at(bars + length + 6, middle + 4, str(one.people))]


def _in_words(drawn: Sequence[Intersection]) -> str:
    said = "; ".join(f"{' and '.join(one.services) or 'no kind'}: {one.people}" for one in drawn)
    return f"People by exactly the services that know them. {said}"
