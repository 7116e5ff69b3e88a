"""The other pictures: radar, score matrix, curves, ranks side by side, intervals, bars. Fractions in [0, 1]."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

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


@dataclass(frozen=True)
class Series:
    """One line of a radar or of curves: a value per axis or step, None where nothing was measured."""

    label: str
    values: tuple[float | None, ...]
    family: str = "baseline"
    dashed: bool = False

    @property
    def style(self) -> str:
        """Class of its line."""
        return "ra rd" if self.dashed else "ra"


# ── radar ───────────────────────────────────────────────────────────────────────────────────────────────────────────

CENTRE, REACH = 170.0, 118.0
"""Of a radar, in pixels."""


def radar(axes: Sequence[str], series: Sequence[Series], legend: Legend, *, identity: str) -> Markup:
    """Values per dimension around a circle; an axis without value breaks the line instead of falling to zero."""
    angles = [2 * math.pi * index / len(axes) - math.pi / 2 for index in range(len(axes))]
    parts = [_ring(angles, share) for share in (0.25, 0.5, 0.75, 1.0)]
    for angle, name in zip(angles, axes, strict=True):
        x, y = _polar(angle, 1 + 14 / REACH)
        anchor = "middle" if abs(math.cos(angle)) < 0.3 else ("start" if math.cos(angle) > 0 else "end")
        end = _polar(angle, 1)
        parts.append(line(f"M{number(CENTRE)} {number(CENTRE)}L{number(end[0])} {number(end[1])}", "g"))
        parts.append(word(x, y + 4, name, "t", anchor))
    parts += [_radar_line(one, angles) for one in series]
    return svg("".join(parts), 2 * CENTRE, 2 * CENTRE, legend, identity=identity)


def _polar(angle: float, share: float) -> tuple[float, float]:
    return CENTRE + REACH * share * math.cos(angle), CENTRE + REACH * share * math.sin(angle)


def _corners(spots: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{number(x)},{number(y)}" for x, y in spots)


def _ring(angles: Sequence[float], share: float) -> str:
    return f'<polygon class="g" points="{_corners([_polar(angle, share) for angle in angles])}"/>'


def _radar_line(series: Series, angles: Sequence[float]) -> str:
    spots = [
        None if value is None else _polar(angle, value) for value, angle in zip(series.values, angles, strict=True)
    ]
    known = [spot for spot in spots if spot]
    dots = "".join(dot(x, y, 2.6) for x, y in known)
    if len(known) == len(spots):
        outline = f'<polygon class="{series.style}" points="{_corners(known)}"/>'
        return group(f"f-{series.family}", series.label, outline, dots)
    sides = "".join(
        f"M{number(here[0])} {number(here[1])}L{number(there[0])} {number(there[1])}"
        for here, there in zip(spots, [*spots[1:], spots[0]], strict=True)
        if here and there
    )
    return group(f"f-{series.family}", series.label, line(sides, series.style), dots)


# ── continual learning ──────────────────────────────────────────────────────────────────────────────────────────────

CELL = 46.0


def heat(
    matrix: Sequence[Sequence[float | None]],
    rows: Sequence[str],
    columns: Sequence[str],
    legend: Legend,
    *,
    identity: str,
) -> Markup:
    """Score matrix: after learning task i (row), accuracy on task j (column); darker is better, with its number."""
    left, top = 92.0, 34.0
    parts = [word(left + CELL * (j + 0.5), top - 10, name, "t", "middle") for j, name in enumerate(columns)]
    for i, (name, values) in enumerate(zip(rows, matrix, strict=True)):
        y = top + CELL * i
        parts.append(word(left - 10, y + CELL / 2 + 4, name, "t", "end"))
        parts += [_cell(left + CELL * j, y, value) for j, value in enumerate(values)]
    return svg("".join(parts), left + CELL * len(columns) + 8, top + CELL * len(rows) + 8, legend, identity=identity)


def _cell(x: float, y: float, value: float | None) -> str:
    box = f'x="{number(x + 1)}" y="{number(y + 1)}" width="{number(CELL - 2)}" height="{number(CELL - 2)}" rx="4"'
    if value is None:
        return f'<rect class="hc hn" {box}/>'
    shade = 0.05 + 0.47 * min(max(value, 0.0), 1.0)  # never so dark that the number could not be read on it
    tile = f'<rect class="hc" style="fill-opacity:{shade:.2f}" {box}/>'
    return tile + word(x + CELL / 2, y + CELL / 2 + 4, f"{100 * value:.0f}", "hv", "middle")


def curves(
    lines: Sequence[Series], steps: Sequence[str], legend: Legend, *, identity: str, narrow: bool = False
) -> Markup:
    """One line per method over the steps of a stream: how a score moves while new tasks are learned."""
    frame = Frame(
        width=360 if narrow else 700,
        height=260 if narrow else 300,
        left=44,
        right=112 if narrow else 150,
        top=14,
        bottom=44,
        x_range=(0.0, max(1.0, len(steps) - 1.0)),
        y_range=(0.0, 1.0),
    )
    parts = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts += [level(frame, value), word(frame.left - 8, frame.y(value) + 4, f"{100 * value:.0f}", "t", "end")]
    parts += [word(frame.x(index), frame.floor + 18, name, "t", "middle") for index, name in enumerate(steps)]
    parts.append(word(frame.middle, frame.height - 6, legend.x, "ax", "middle"))
    parts += [_curve(frame, one) for one in lines]
    for y, place, label in _ends(frame, lines):
        parts.append(line(f"M{number(frame.end + 5)} {number(y)}L{number(frame.end + 14)} {number(place)}", "ld"))
        parts.append(word(frame.end + 17, place + 4, label, "l"))
    return svg("".join(parts), frame.width, frame.height, legend, identity=identity)


def _curve(frame: Frame, series: Series) -> str:
    path, pen, dots = "", "M", ""
    for index, value in enumerate(series.values):
        if value is None:
            pen = "M"
            continue
        x, y = frame.x(index), frame.y(value)
        path, pen, dots = f"{path}{pen}{number(x)} {number(y)}", "L", dots + dot(x, y, 3)
    return group(f"f-{series.family}", series.label, line(path, series.style), dots)


def _ends(frame: Frame, lines: Sequence[Series]) -> list[tuple[float, float, str]]:
    """Where each line ends and where its name stands beside it, moved apart where names would touch."""
    last = sorted((frame.y(one.values[-1]), one.label) for one in lines if one.values and one.values[-1] is not None)
    places = spread([y for y, _ in last], 14, frame.top, frame.floor)
    return [(y, place, label) for (y, label), place in zip(last, places, strict=True)]


def spread(places: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Ascending places, moved as little as needed to stand `gap` apart, within [low, high] as far as that has room."""
    blocks: list[list[float]] = []  # sum of wishes and number of members: those that touch move together
    for index, place in enumerate(places):
        blocks.append([place - gap * index, 1])
        while len(blocks) > 1 and blocks[-1][0] / blocks[-1][1] < blocks[-2][0] / blocks[-2][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    top = max(low, high - gap * (len(places) - 1))
    starts = [min(max(total / count, low), top) for total, count in blocks for _ in range(int(count))]
    return [start + gap * index for index, start in enumerate(starts)]


# ── ranks, intervals, counts ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Slope:
    """A rank on the left and a rank on the right; 1 is best, ties share a half rank."""

    label: str
    left: float
    right: float
    family: str = "baseline"


def slopes(lines: Sequence[Slope], legend: Legend, *, identity: str) -> Markup:
    """Two columns of ranks with a line per method: crossings are disagreements. `legend.x`, `.y` head the columns."""
    row, width, room = 26.0, 420.0, 140.0
    left, right = room, width - room
    parts = [word(left - 10, 16, legend.x, "ax", "end"), word(right + 10, 16, legend.y, "ax")]
    from_top, to_top = _places([one.left for one in lines], row), _places([one.right for one in lines], row)
    for one, y, to in zip(lines, from_top, to_top, strict=True):
        path = line(f"M{number(left)} {number(y)}L{number(right)} {number(to)}", "ra")
        says = f"{one.label}: {one.left:g} → {one.right:g}"
        parts.append(group(f"f-{one.family}", says, path, dot(left, y, 3.4), dot(right, to, 3.4)))
        parts.append(word(left - 10, y + 4, f"{one.label} {one.left:g}", "l", "end"))
        parts.append(word(right + 10, to + 4, f"{one.right:g} {one.label}", "l"))
    return svg("".join(parts), width, 40 + row * len(lines), legend, identity=identity)


def _places(ranks: Sequence[float], row: float) -> list[float]:
    """Vertical places of ranks; ties stand below each other instead of on each other."""
    places = [0.0] * len(ranks)
    for position, index in enumerate(sorted(range(len(ranks)), key=lambda index: (ranks[index], index))):
        places[index] = 40 + row * position
    return places


@dataclass(frozen=True)
class Interval:
    """A value with its interval on a common axis; None where nothing was measured, which is written there."""

    label: str
    value: float | None
    low: float = 0.0
    high: float = 0.0
    family: str = "baseline"
    note: str = ""


def forest(
    entries: Sequence[Interval],
    legend: Legend,
    *,
    identity: str,
    zero: float | None = None,
    margin: float | None = None,
    width: float = 620,
    room: float = 190,
    above: bool = False,
) -> Markup:
    """Intervals below each other; `zero` draws the line of no effect, `margin` the one that was asked for.

    `room`: pixels for the names on the left. `above`: names stand over their intervals, for long ones on a phone.
    """
    row, room = (40.0, 16.0) if above else (26.0, room)
    marks = [value for value in (zero, margin) if value is not None]
    known = [entry for entry in entries if entry.value is not None]
    values = [bound for entry in known for bound in (entry.low, entry.high)] + marks
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = max(0.02, 0.08 * (high - low))
    frame = Frame(width, row * len(entries) + 44, room, 20, 8, 34, (low - pad, high + pad), (0, 1))
    parts = []
    for value in ticks(*frame.x_range, most=6 if width > 500 else 4):
        parts += [upright(frame, value), word(frame.x(value), frame.floor + 16, f"{100 * value:.0f}", "t", "middle")]
    parts += [upright(frame, value, style) for value, style in ((zero, "b0"), (margin, "b")) if value is not None]
    for index, entry in enumerate(entries):
        y = frame.top + row * (index + (0.72 if above else 0.5))
        name = (frame.left, y - 12, "start") if above else (frame.left - 12, y + 4, "end")
        parts += [word(name[0], name[1], entry.label, "l", name[2]), _interval(frame, entry, y)]
    parts.append(word(frame.middle, frame.height - 3, legend.x, "ax", "middle"))
    return svg("".join(parts), frame.width, frame.height, legend, identity=identity)


def _interval(frame: Frame, entry: Interval, y: float) -> str:
    if entry.value is None:
        return word(frame.left + 8, y + 4, entry.note, "t")
    whole = line(f"M{number(frame.x(entry.low))} {number(y)}H{number(frame.x(entry.high))}", "wi")
    shape = marker(SHAPES.get(entry.family, "circle"), frame.x(entry.value), y, 4.6)
    return group(f"f-{entry.family}", entry.note or entry.label, whole, shape)


def bars(values: Sequence[tuple[str, int]], legend: Legend, *, identity: str, family: str = "baseline") -> Markup:
    """A sparkline of counts, one bar per label."""
    width, height = 8.0 * max(len(values), 1), 28.0
    most = max((count for _, count in values), default=1) or 1
    parts = []
    for index, (label, count) in enumerate(values):
        tall = max((height - 2) * count / most, 1.0)
        says = f"<title>{escape.html(label)}: {count}</title>"
        box = f'x="{8 * index}" y="{number(height - tall)}" width="6" height="{number(tall)}" rx="1"'
        parts.append(f"<rect {box}>{says}</rect>")
    return svg("".join(parts), width, height, legend, identity=identity, spark=family)
