"""Adaptation × retention: the first picture of the leaderboard. Right is learned, up is kept; fractions in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from docs import escape
from docs.drawing import (
    SHAPES,
    Frame,
    Legend,
    dot,
    group,
    level,
    line,
    marker,
    number,
    svg,
    ticks,
    upright,
    word,
)

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""

MANY = 14
"""More points than this have numbers in place of names, and quiet crosses."""
PLACES = (
    (8, -7, "start"),
    (8, 15, "start"),
    (-8, -7, "end"),
    (-8, 15, "end"),
    (10, 4, "start"),
    (-10, 4, "end"),
    (0, -11, "middle"),
    (0, 20, "middle"),
    (16, -16, "start"),
    (16, 24, "start"),
    (-16, -16, "end"),
    (-16, 24, "end"),
)
"""Where a name may stand beside its point, best first: off the cross of its intervals."""


@dataclass(frozen=True)
class Point:
    """One row in the plane, with an interval on each axis."""

    label: str
    x: float
    y: float
    family: str = "baseline"
    x_interval: tuple[float, float] | None = None
    y_interval: tuple[float, float] | None = None
    hollow: bool = False
    """Drawn as an outline: trained on raw data (filled: on augmented data)."""
    frontier: bool = False
    href: str = ""
    note: str = ""
    number: int | None = None
    """Stands for the label where there are too many points for names; the frontier keeps its names."""
    reference: bool = False
    """Neither on the frontier nor keeping others off it."""
    doubtful: bool = False
    """Drawn with a broken outline: the row did not learn what it was given, so what it kept says little."""

    @property
    def mark(self) -> str:
        """What is written beside it."""
        return self.label if self.number is None or self.frontier else str(self.number)


def dominating(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points with `frontier` set: none but a reference is as good on both axes and better on one."""

    def beaten(p: Point) -> bool:
        return any(q.x >= p.x and q.y >= p.y and (q.x > p.x or q.y > p.y) for q in points if not q.reference)

    return tuple(replace(point, frontier=not point.reference and not beaten(point)) for point in points)


def without_link(point: Point) -> Point:
    """The point for a picture that stands alone, where a relative link leads nowhere and no table explains a number."""
    nameless = point.number is not None and not point.frontier
    return replace(point, href="", number=None, label="" if nameless else point.label)


def plane(
    points: Sequence[Point],
    legend: Legend,
    *,
    base: tuple[float, float] | None = None,
    narrow: bool = False,
    standalone: bool = False,
    identity: str = "plane",
) -> Markup:
    """Draws the plane. `base` is the base model (adaptation, retention): a ring and a level to fall from."""
    frame = _frame(points, base, narrow=narrow)
    shapes = [_grid(frame, legend, narrow=narrow)]
    if base:
        shapes.append(_base_level(frame, base, legend))
    shapes.append(_frontier(frame, points))
    many = len(points) > MANY
    shapes += [_whiskers(frame, point, "w q" if many and not point.frontier else "w") for point in points]
    shapes += [_dot(frame, point, size=4.6 if narrow else 5.4, reveal=many and not standalone) for point in points]
    shapes.append(_labels(frame, points, most=99 if many else 9 if narrow else 30, base=base))
    if legend.better:
        shapes.append(word(frame.end - 6, frame.top + 15, f"{legend.better} ↗", "t", "end"))
    if legend.note:
        shapes.append(word(frame.end, frame.height - 8, legend.note, "t", "end"))
    return svg("".join(shapes), frame.width, frame.height, legend, identity=identity, standalone=standalone)


def _frame(points: Sequence[Point], base: tuple[float, float] | None, *, narrow: bool) -> Frame:
    xs = [bound for p in points for bound in (p.x, *(p.x_interval or ()))] + ([base[0]] if base else [])
    ys = [bound for p in points for bound in (p.y, *(p.y_interval or ()))] + ([base[1]] if base else [])
    low, high = min(ys, default=0.0), max(ys, default=1.0)
    margin = max(0.02, 0.08 * (high - low))
    bottom, top = math.floor((low - margin) * 20) / 20, math.ceil((high + margin) * 20) / 20
    right = min(1.0, math.ceil((max(xs, default=1.0) + 0.04) * 20) / 20)
    return Frame(
        width=360 if narrow else 860,
        height=380 if narrow else 470,
        left=40 if narrow else 58,
        right=10 if narrow else 22,
        top=14,
        bottom=46,
        x_range=(0.0, right),
        y_range=(max(0.0, bottom), min(1.0, top)),
    )


def _grid(frame: Frame, legend: Legend, *, narrow: bool) -> str:
    parts = []
    for value in ticks(*frame.x_range, most=5 if narrow else 8):
        parts += [upright(frame, value), word(frame.x(value), frame.floor + 17, f"{100 * value:.0f}", "t", "middle")]
    for value in ticks(*frame.y_range, most=7):
        parts += [level(frame, value), word(frame.left - 8, frame.y(value) + 4, f"{100 * value:.0f}", "t", "end")]
    x, anchor = (frame.left, "start") if legend.note else (frame.middle, "middle")
    parts.append(word(x, frame.height - 8, legend.x, "ax", anchor))
    parts.append(word(12, (frame.top + frame.floor) / 2, legend.y, "ax", "middle", turn=True))
    return "".join(parts)


def _base_level(frame: Frame, base: tuple[float, float], legend: Legend) -> str:
    x, y = frame.x(base[0]), frame.y(base[1])
    ring = f'<g class="f-baseline">{dot(x, y, 7, "p h")}{dot(x, y, 2.2, "p")}</g>'
    return level(frame, base[1], "b") + ring + word(x + 12, y - 7, legend.base, "bt")


def _frontier(frame: Frame, points: Sequence[Point]) -> str:
    """The staircase through the points that no other dominates."""
    best = sorted((p for p in points if p.frontier), key=lambda p: p.x)
    if len(best) < 2:
        return ""
    path = f"M{number(frame.left)} {number(frame.y(best[0].y))}"
    for here, following in zip(best, [*best[1:], None], strict=True):
        down = frame.y(following.y) if following else frame.floor
        path += f"H{number(frame.x(here.x))}V{number(down)}"
    return line(f"{path}H{number(frame.left)}Z", "fa") + line(path, "fl")


def _whiskers(frame: Frame, point: Point, style: str) -> str:
    x, y, path = number(frame.x(point.x)), number(frame.y(point.y)), ""
    if point.x_interval:
        low, high = (number(frame.x(bound)) for bound in point.x_interval)
        path += f"M{low} {y}H{high}"
    if point.y_interval:
        low, high = (number(frame.y(bound)) for bound in point.y_interval)
        path += f"M{x} {low}V{high}"
    return line(path, f"{style} f-{point.family}") if path else ""


def _dot(frame: Frame, point: Point, *, size: float, reveal: bool) -> str:
    """The marker; with `reveal`, its cross and its name stand out while it is pointed at or has the focus."""
    shape = marker(SHAPES.get(point.family, "circle"), frame.x(point.x), frame.y(point.y), size)
    says = f"{point.label}: {point.note}" if point.note else point.label
    style = f"p f-{point.family}{' h' if point.hollow else ''}{' u' if point.doubtful else ''}"
    drawn = group(style, says, shape)
    if reveal:
        drawn = f'<g class="on">{_whiskers(frame, point, "w")}{_name(frame, point)}</g>{drawn}'
    if not point.href:
        return drawn
    return f'<a href="{escape.html(escape.link(point.href))}" aria-label="{escape.html(says)}">{drawn}</a>'


def _name(frame: Frame, point: Point) -> str:
    x, y = frame.x(point.x), frame.y(point.y)
    right = x > frame.middle
    return (
        ""
        if point.frontier
        else word(x + (-10 if right else 10), y - 12, point.label, "lo fr", "end" if right else "start")
    )


def _labels(frame: Frame, points: Sequence[Point], *, most: int, base: tuple[float, float] | None) -> str:
    """Names or numbers beside their points where there is room; frontier points first, nothing is ever covered."""
    taken = [(frame.x(p.x) - 6, frame.y(p.y) - 6, frame.x(p.x) + 6, frame.y(p.y) + 6) for p in points]
    if base:
        x, y = frame.x(base[0]), frame.y(base[1])
        taken.append((x - 8, y - 22, x + 110, y + 8))
    parts = []
    named = [point for point in points if point.mark]
    for point in sorted(named, key=lambda p: (not p.frontier, -(p.x + p.y)))[:most]:
        style = "l fr" if point.frontier else "l" if point.number is None else "l n"
        x, y = frame.x(point.x), frame.y(point.y)
        for dx, dy, anchor in PLACES:
            box = _box(point.mark, x + dx, y + dy, anchor)
            if _inside(frame, box) and not any(overlap(box, other) for other in taken):
                taken.append(box)
                parts += [_leader(x, y, dx, dy)] if abs(dx) > 12 else []
                parts.append(word(x + dx, y + dy, point.mark, style, anchor))
                break
    return "".join(parts)


def _leader(x: float, y: float, dx: float, dy: float) -> str:
    """A short line from a point to a name that does not stand right beside it."""
    down = dy - 4
    return line(
        f"M{number(x + 0.45 * dx)} {number(y + 0.45 * down)}L{number(x + 0.85 * dx)} {number(y + 0.85 * down)}", "ld"
    )


def _box(label: str, x: float, y: float, anchor: str) -> Box:
    """The room that a name takes; Chinese characters are twice as wide as Latin ones."""
    width = sum(12.0 if ord(character) > 0x2E80 else 6.6 for character in label)
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
    return left, y - 10, left + width, y + 3


def _inside(frame: Frame, box: Box) -> bool:
    left, top, right, bottom = box
    return left > frame.left and right < frame.width - 2 and top > frame.top - 6 and bottom < frame.floor


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes share any room."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
