"""Pictures drawn at build time as SVG: no library, no script, colours by class so that they follow dark mode.

Every picture has a title and a description, and a table stands beside it on the page. Shares are fractions in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from docs import escape

SHAPES = {
    "baseline": "circle",
    "distill": "triangle",
    "replay": "square",
    "parameter-regularization": "diamond",
    "lora-isolation": "hexagon",
    "knowledge-editing": "down",
    "retrieval": "star",
}
"""Family → marker: no meaning by colour alone."""

STYLE = """
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;fill:var(--i)}
.t{fill:var(--m)}.g{stroke:var(--h);fill:none}.b{stroke:var(--m);stroke-dasharray:4 4;fill:none}.bt{fill:var(--m);font-style:italic}
.fl{stroke:var(--r);stroke-width:2;fill:none;opacity:.75}.fa{fill:var(--r);opacity:.07}.w{stroke-width:1.3;opacity:.5}.ax{font-weight:600}
.p{stroke-width:1.6}.lead{stroke:var(--m);stroke-width:.7;opacity:.7}.fr{font-weight:600}
"""
LIGHT = "--i:#1b2421;--m:#5a6863;--h:#e2e7e4;--r:#0b7a6f;--s:#fff;"
DARK = "--i:#e6ebe8;--m:#9dada6;--h:#2c3532;--r:#4fc4b3;--s:#141a18;"
FAMILY_LIGHT = {
    "baseline": "#66706c",
    "distill": "#7a4bb5",
    "replay": "#2c6cb8",
    "parameter-regularization": "#0b7a6f",
    "lora-isolation": "#4c7f1c",
    "knowledge-editing": "#b8336a",
    "retrieval": "#a86400",
}
FAMILY_DARK = {
    "baseline": "#a9b5b0",
    "distill": "#b79be6",
    "replay": "#7db2ef",
    "parameter-regularization": "#4fc4b3",
    "lora-isolation": "#9ac766",
    "knowledge-editing": "#ef87b0",
    "retrieval": "#e7ac55",
}


@dataclass(frozen=True)
class Point:
    """One method in the plane: adaptation to the right, retention upwards, both with an interval."""

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


@dataclass(frozen=True)
class Legend:
    """The words of the picture, in the reader's language."""

    title: str
    description: str
    x: str
    y: str
    base: str = ""
    better: str = ""


@dataclass(frozen=True)
class Frame:
    """The rectangle in which data stand, and how data become pixels."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        """Pixels from the left edge."""
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        """Pixels from the top edge."""
        low, high = self.y_range
        return self.height - self.bottom - (value - low) / (high - low) * (self.height - self.top - self.bottom)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within [low, high], at most `most` + 1 of them."""
    span = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def marker(shape: str, x: float, y: float, size: float) -> str:
    """A closed outline around (x, y); all shapes look equally large."""
    corners = {
        "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
        "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
        "triangle": [(0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
        "down": [(0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
        "hexagon": [(math.cos(math.pi * k / 3), math.sin(math.pi * k / 3)) for k in range(6)],
        "star": [
            ((1.3 if k % 2 == 0 else 0.58) * math.sin(math.pi * k / 5), -(1.3 if k % 2 == 0 else 0.58) * math.cos(math.pi * k / 5))
            for k in range(10)
        ],
    }
    if shape not in corners:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size:.1f}"/>'
    path = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in corners[shape])
    return f'<polygon points="{path}"/>'


# ── adaptation × retention ──────────────────────────────────────────────────────────────────────────────────────────


def plane(
    points: Sequence[Point],
    legend: Legend,
    *,
    base: tuple[float, float] | None = None,
    narrow: bool = False,
    standalone: bool = False,
    identity: str = "plane",
) -> Markup:
    """Adaptation × retention. `base` is the base model (adaptation, retention): a ring and a level to fall from."""
    frame = _plane_frame(points, base, narrow=narrow)
    shapes = [_grid(frame, legend, narrow=narrow)]
    if base:
        shapes.append(_base_level(frame, base, legend, narrow=narrow))
    shapes.append(_frontier(frame, points))
    shapes += [_whiskers(frame, point) for point in points]
    shapes += [_dot(frame, point, size=4.6 if narrow else 5.4) for point in points]
    shapes.append(_labels(frame, points, narrow=narrow, base=base))
    if legend.better:
        at = (frame.width - frame.right - 6, frame.top + 15)
        shapes.append(f'<text class="t" x="{at[0]:.0f}" y="{at[1]:.0f}" text-anchor="end">{escape.html(legend.better)} ↗</text>')
    return svg("".join(shapes), frame.width, frame.height, legend, identity=identity, standalone=standalone)


def _plane_frame(points: Sequence[Point], base: tuple[float, float] | None, *, narrow: bool) -> Frame:
    xs = [bound for p in points for bound in (p.x, *(p.x_interval or ()))] + ([base[0]] if base else [])
    ys = [bound for p in points for bound in (p.y, *(p.y_interval or ()))] + ([base[1]] if base else [])
    low, high = min(ys, default=0.0), max(ys, default=1.0)
    margin = max(0.02, 0.08 * (high - low))
    y_range = (max(0.0, math.floor((low - margin) * 20) / 20), min(1.0, math.ceil((high + margin) * 20) / 20))
    x_high = min(1.0, math.ceil((max(xs, default=1.0) + 0.04) * 20) / 20)
    size = (360.0, 380.0) if narrow else (860.0, 470.0)
    return Frame(*size, left=40 if narrow else 58, right=10 if narrow else 22, top=14, bottom=46, x_range=(0.0, x_high), y_range=y_range)


def _grid(frame: Frame, legend: Legend, *, narrow: bool) -> str:
    parts = []
    base_line = frame.height - frame.bottom
    for value in ticks(*frame.x_range, most=5 if narrow else 8):
        x = frame.x(value)
        parts.append(f'<path class="g" d="M{x:.1f} {frame.top}V{base_line:.1f}"/>')
        parts.append(f'<text class="t" x="{x:.1f}" y="{base_line + 17:.1f}" text-anchor="middle">{100 * value:.0f}</text>')
    for value in ticks(*frame.y_range, most=7):
        y = frame.y(value)
        parts.append(f'<path class="g" d="M{frame.left} {y:.1f}H{frame.width - frame.right:.1f}"/>')
        parts.append(f'<text class="t" x="{frame.left - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{100 * value:.0f}</text>')
    middle = (frame.left + frame.width - frame.right) / 2
    parts.append(f'<text class="ax" x="{middle:.0f}" y="{frame.height - 8:.0f}" text-anchor="middle">{escape.html(legend.x)}</text>')
    centre = (frame.top + base_line) / 2
    parts.append(
        f'<text class="ax" transform="rotate(-90 12 {centre:.0f})" x="12" y="{centre:.0f}" text-anchor="middle">{escape.html(legend.y)}</text>'
    )
    return "".join(parts)


def _base_level(frame: Frame, base: tuple[float, float], legend: Legend, *, narrow: bool) -> str:
    x, y = frame.x(base[0]), frame.y(base[1])
    words = escape.html(legend.base)
    return (
        f'<path class="b" d="M{frame.left} {y:.1f}H{frame.width - frame.right:.1f}"/>'
        f'<g class="f-baseline"><circle class="p h" cx="{x:.1f}" cy="{y:.1f}" r="7"/><circle class="p" cx="{x:.1f}" cy="{y:.1f}" r="2.2"/></g>'
        f'<text class="bt" x="{x + 12:.1f}" y="{y - 7:.1f}">{words}</text>'
    )


def _frontier(frame: Frame, points: Sequence[Point]) -> str:
    """The staircase through the points that no other dominates."""
    best = sorted((p for p in points if p.frontier), key=lambda p: p.x)
    if len(best) < 2:
        return ""
    path = f"M{frame.left} {frame.y(best[0].y):.1f}"
    for here, following in zip(best, [*best[1:], None], strict=True):
        path += f"H{frame.x(here.x):.1f}"
        path += f"V{frame.y(following.y):.1f}" if following else f"V{frame.height - frame.bottom:.1f}"
    area = f'<path class="fa" d="{path}H{frame.left}Z"/>'
    return area + f'<path class="fl" d="{path}"/>'


def _whiskers(frame: Frame, point: Point) -> str:
    x, y = frame.x(point.x), frame.y(point.y)
    parts = []
    if point.x_interval:
        low, high = (frame.x(bound) for bound in point.x_interval)
        parts.append(f"M{low:.1f} {y:.1f}H{high:.1f}")
    if point.y_interval:
        low, high = (frame.y(bound) for bound in point.y_interval)
        parts.append(f"M{x:.1f} {low:.1f}V{high:.1f}")
    return f'<path class="w f-{point.family}" d="{"".join(parts)}"/>' if parts else ""


def _dot(frame: Frame, point: Point, *, size: float) -> str:
    shape = marker(SHAPES.get(point.family, "circle"), frame.x(point.x), frame.y(point.y), size)
    hollow = " h" if point.hollow else ""
    tip = f"<title>{escape.html(point.label)}{escape.html(': ' + point.note if point.note else '')}</title>"
    dot = f'<g class="p f-{point.family}{hollow}">{tip}{shape}</g>'
    if not point.href:
        return dot
    return f'<a href="{escape.html(escape.link(point.href))}" aria-label="{escape.html(point.label)}">{dot}</a>'


def _labels(frame: Frame, points: Sequence[Point], *, narrow: bool, base: tuple[float, float] | None) -> str:
    """Names beside their points where there is room; frontier points first, the others if nothing is covered."""
    taken = [(frame.x(p.x) - 6, frame.y(p.y) - 6, frame.x(p.x) + 6, frame.y(p.y) + 6) for p in points]
    if base:
        x, y = frame.x(base[0]), frame.y(base[1])
        taken.append((x - 8, y - 22, x + 110, y + 8))
    most = 9 if narrow else 30
    parts = []
    for point in sorted(points, key=lambda p: (not p.frontier, -(p.x + p.y)))[:most]:
        spot = _free_spot(frame, point, taken, narrow=narrow)
        if spot is None:
            continue
        box, anchor, x, y = spot
        taken.append(box)
        strong = " fr" if point.frontier else ""
        parts.append(f'<text class="l{strong}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape.html(point.label)}</text>')
    return "".join(parts)


Box = tuple[float, float, float, float]


def _free_spot(frame: Frame, point: Point, taken: Sequence[Box], *, narrow: bool) -> tuple[Box, str, float, float] | None:
    width = sum(12.0 if ord(character) > 0x2E80 else 6.6 for character in point.label)
    x, y = frame.x(point.x), frame.y(point.y)
    for dx, dy, anchor in ((10, 4, "start"), (-10, 4, "end"), (0, -11, "middle"), (0, 20, "middle"), (9, -8, "start"), (9, 16, "start"), (-9, -8, "end"), (-9, 16, "end")):
        left = x + dx - {"start": 0, "middle": width / 2, "end": width}[anchor]
        box = (left, y + dy - 10, left + width, y + dy + 3)
        inside = box[0] > frame.left and box[2] < frame.width - 2 and box[1] > frame.top - 6 and box[3] < frame.height - frame.bottom
        if inside and not any(_overlap(box, other) for other in taken):
            return box, anchor, x + dx, y + dy
    return None


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


# ── shared frame of all pictures ────────────────────────────────────────────────────────────────────────────────────


def svg(shapes: str, width: float, height: float, legend: Legend, *, identity: str, standalone: bool = False) -> Markup:
    """The picture around its shapes. Standalone: with its own colours for light and dark, for use as an image."""
    style = ""
    if standalone:
        light = "".join(f".f-{family}{{fill:{colour};stroke:{colour}}}" for family, colour in FAMILY_LIGHT.items())
        dark = "".join(f".f-{family}{{fill:{colour};stroke:{colour}}}" for family, colour in FAMILY_DARK.items())
        hollow = ".h,.h circle,.h polygon{fill:var(--s)}"
        style = (
            f"<style>svg{{{LIGHT}}}{STYLE}{light}{hollow}"
            f"@media(prefers-color-scheme:dark){{svg{{{DARK}}}{dark}{hollow}}}</style>"
        )
    space = ' xmlns="http://www.w3.org/2000/svg"' if standalone else ""
    backdrop = f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="var(--s)"/>' if standalone else ""
    role = "img" if standalone else "group"
    return Markup(
        f'<svg{space} class="aki-chart" role="{role}" aria-labelledby="{identity}-t {identity}-d" viewBox="0 0 {width:.0f} {height:.0f}">'
        f'<title id="{identity}-t">{escape.html(legend.title)}</title><desc id="{identity}-d">{escape.html(legend.description)}</desc>'
        f"{style}{backdrop}{shapes}</svg>"
    )


# ── radar ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Series:
    """One closed line of a radar: a value in [0, 1] per axis, None where nothing was measured."""

    label: str
    values: tuple[float | None, ...]
    family: str = "baseline"
    dashed: bool = False


def radar(axes: Sequence[str], series: Sequence[Series], legend: Legend, *, identity: str) -> Markup:
    """Values per dimension around a circle; an axis without value breaks the line instead of falling to zero."""
    size, centre, reach = 340.0, 170.0, 118.0
    count = len(axes)
    angle = [2 * math.pi * index / count - math.pi / 2 for index in range(count)]
    parts = [
        '<polygon class="g" points="{}"/>'.format(" ".join(f"{centre + reach * r * math.cos(a):.1f},{centre + reach * r * math.sin(a):.1f}" for a in angle))
        for r in (0.25, 0.5, 0.75, 1.0)
    ]
    for a, name in zip(angle, axes, strict=True):
        x, y = centre + (reach + 14) * math.cos(a), centre + (reach + 14) * math.sin(a)
        anchor = "middle" if abs(math.cos(a)) < 0.3 else ("start" if math.cos(a) > 0 else "end")
        parts.append(f'<path class="g" d="M{centre} {centre}L{centre + reach * math.cos(a):.1f} {centre + reach * math.sin(a):.1f}"/>')
        parts.append(f'<text class="t" x="{x:.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">{escape.html(name)}</text>')
    for one in series:
        parts.append(_radar_line(one, angle, centre, reach))
    return svg("".join(parts), size, size, legend, identity=identity)


def _radar_line(series: Series, angle: Sequence[float], centre: float, reach: float) -> str:
    spots = [
        None if value is None else (centre + reach * value * math.cos(a), centre + reach * value * math.sin(a))
        for value, a in zip(series.values, angle, strict=True)
    ]
    known = [spot for spot in spots if spot]
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in known)
    style = " rd" if series.dashed else ""
    if len(known) == len(spots):
        outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in known)
        return f'<g class="f-{series.family}"><title>{escape.html(series.label)}</title><polygon class="ra{style}" points="{outline}"/>{dots}</g>'
    segments = "".join(
        f"M{here[0]:.1f} {here[1]:.1f}L{there[0]:.1f} {there[1]:.1f}"
        for here, there in zip(spots, [*spots[1:], spots[0]], strict=True)
        if here and there
    )
    return f'<g class="f-{series.family}"><title>{escape.html(series.label)}</title><path class="ra{style}" d="{segments}"/>{dots}</g>'


# ── continual learning ──────────────────────────────────────────────────────────────────────────────────────────────


def heat(matrix: Sequence[Sequence[float | None]], rows: Sequence[str], columns: Sequence[str], legend: Legend, *, identity: str) -> Markup:
    """Score matrix: after learning task i (row), accuracy on task j (column); the darker the better, number in each cell."""
    cell, left, top = 46.0, 92.0, 34.0
    parts = [f'<text class="t" x="{left + cell * (j + 0.5):.0f}" y="{top - 10:.0f}" text-anchor="middle">{escape.html(name)}</text>' for j, name in enumerate(columns)]
    for i, (name, values) in enumerate(zip(rows, matrix, strict=True)):
        y = top + cell * i
        parts.append(f'<text class="t" x="{left - 10:.0f}" y="{y + cell / 2 + 4:.0f}" text-anchor="end">{escape.html(name)}</text>')
        for j, value in enumerate(values):
            x = left + cell * j
            if value is None:
                parts.append(f'<rect class="hc hn" x="{x + 1:.0f}" y="{y + 1:.0f}" width="{cell - 2:.0f}" height="{cell - 2:.0f}" rx="4"/>')
                continue
            share = min(max(value, 0.0), 1.0)
            dark = " hd" if share > 0.55 else ""
            parts.append(f'<rect class="hc" style="fill-opacity:{0.06 + 0.86 * share:.2f}" x="{x + 1:.0f}" y="{y + 1:.0f}" width="{cell - 2:.0f}" height="{cell - 2:.0f}" rx="4"/>')
            parts.append(f'<text class="hv{dark}" x="{x + cell / 2:.0f}" y="{y + cell / 2 + 4:.0f}" text-anchor="middle">{100 * value:.0f}</text>')
    return svg("".join(parts), left + cell * len(columns) + 8, top + cell * len(rows) + 8, legend, identity=identity)


def curves(lines: Sequence[Series], steps: Sequence[str], legend: Legend, *, identity: str, narrow: bool = False) -> Markup:
    """One line per method over the steps of a stream: how a score moves while new tasks are learned."""
    size = (360.0, 260.0) if narrow else (700.0, 300.0)
    frame = Frame(*size, left=44, right=96 if narrow else 130, top=14, bottom=44, x_range=(0.0, max(1.0, len(steps) - 1.0)), y_range=(0.0, 1.0))
    parts = []
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = frame.y(value)
        parts.append(f'<path class="g" d="M{frame.left} {y:.1f}H{frame.width - frame.right:.1f}"/><text class="t" x="{frame.left - 8:.0f}" y="{y + 4:.1f}" text-anchor="end">{100 * value:.0f}</text>')
    for index, name in enumerate(steps):
        parts.append(f'<text class="t" x="{frame.x(index):.1f}" y="{frame.height - frame.bottom + 18:.0f}" text-anchor="middle">{escape.html(name)}</text>')
    parts.append(f'<text class="ax" x="{(frame.left + frame.width - frame.right) / 2:.0f}" y="{frame.height - 6:.0f}" text-anchor="middle">{escape.html(legend.x)}</text>')
    ends = sorted(((frame.y(line.values[-1]), line) for line in lines if line.values and line.values[-1] is not None), key=lambda pair: pair[0])
    shown_at: dict[str, float] = {}
    floor = -math.inf
    for y, line in ends:
        floor = max(y, floor + 14)
        shown_at[line.label] = floor
    for line in lines:
        path, pen = "", "M"
        for index, value in enumerate(line.values):
            if value is None:
                pen = "M"
                continue
            path += f"{pen}{frame.x(index):.1f} {frame.y(value):.1f}"
            pen = "L"
        dots = "".join(f'<circle cx="{frame.x(i):.1f}" cy="{frame.y(v):.1f}" r="3"/>' for i, v in enumerate(line.values) if v is not None)
        parts.append(f'<g class="f-{line.family}"><title>{escape.html(line.label)}</title><path class="ra{" rd" if line.dashed else ""}" d="{path}"/>{dots}</g>')
        if line.label in shown_at:
            parts.append(f'<text class="l" x="{frame.width - frame.right + 9:.0f}" y="{shown_at[line.label] + 4:.1f}">{escape.html(line.label)}</text>')
    return svg("".join(parts), *size, legend, identity=identity)


# ── small pictures ──────────────────────────────────────────────────────────────────────────────────────────────────


def bars(values: Sequence[tuple[str, int]], legend: Legend, *, identity: str, family: str = "") -> Markup:
    """A sparkline of counts, one bar per label."""
    width, height, gap = 8.0 * max(len(values), 1), 28.0, 2.0
    top = max((count for _, count in values), default=1) or 1
    parts = []
    for index, (label, count) in enumerate(values):
        tall = (height - 2) * count / top
        parts.append(
            f'<rect x="{index * 8:.0f}" y="{height - max(tall, 1):.1f}" width="{8 - gap:.0f}" height="{max(tall, 1):.1f}" rx="1"><title>{escape.html(label)}: {count}</title></rect>'
        )
    picture = svg("".join(parts), width, height, legend, identity=identity)
    return Markup(picture.replace('class="aki-chart"', f'class="aki-spark f-{family}"', 1).replace('role="group"', 'role="img"', 1))


@dataclass(frozen=True)
class Interval:
    """A value with its interval on a common axis."""

    label: str
    value: float
    low: float
    high: float
    family: str = "baseline"
    note: str = ""


def forest(entries: Sequence[Interval], legend: Legend, *, identity: str, zero: float | None = None, margin: float | None = None) -> Markup:
    """Intervals below each other; `zero` draws the line of no effect, `margin` the one that was asked for."""
    row, left, width = 26.0, 190.0, 620.0
    values = [bound for entry in entries for bound in (entry.low, entry.high)] + [v for v in (zero, margin) if v is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    pad = max(0.02, 0.08 * (high - low))
    height = row * len(entries) + 44
    frame = Frame(width, height, left=left, right=20, top=8, bottom=34, x_range=(low - pad, high + pad), y_range=(0, 1))
    parts = []
    for value in ticks(*frame.x_range, most=6):
        parts.append(f'<path class="g" d="M{frame.x(value):.1f} 8V{height - 34:.0f}"/><text class="t" x="{frame.x(value):.1f}" y="{height - 18:.0f}" text-anchor="middle">{100 * value:.0f}</text>')
    for value, style in ((zero, "b0"), (margin, "b")):
        if value is not None:
            parts.append(f'<path class="{style}" d="M{frame.x(value):.1f} 4V{height - 34:.0f}"/>')
    for index, entry in enumerate(entries):
        y = 8 + row * (index + 0.5)
        parts.append(f'<text class="l" x="{left - 12:.0f}" y="{y + 4:.1f}" text-anchor="end">{escape.html(entry.label)}</text>')
        parts.append(f'<g class="f-{entry.family}"><title>{escape.html(entry.note or entry.label)}</title><path class="wi" d="M{frame.x(entry.low):.1f} {y:.1f}H{frame.x(entry.high):.1f}"/>{marker(SHAPES.get(entry.family, "circle"), frame.x(entry.value), y, 4.6)}</g>')
    parts.append(f'<text class="ax" x="{(left + width - 20) / 2:.0f}" y="{height - 3:.0f}" text-anchor="middle">{escape.html(legend.x)}</text>')
    return svg("".join(parts), width, height, legend, identity=identity)


def dominating(points: Sequence[Point]) -> tuple[Point, ...]:
    """The points with `frontier` set: no other is at least as good on both axes and better on one."""
    return tuple(
        replace(p, frontier=not any((q.x >= p.x and q.y >= p.y) and (q.x > p.x or q.y > p.y) for q in points))
        for p in points
    )


@dataclass(frozen=True)
class Slope:
    """A rank on the left and a rank on the right; 1 is best, ties share a half rank."""

    label: str
    left: float
    right: float
    family: str = "baseline"


def slopes(lines: Sequence[Slope], legend: Legend, *, identity: str) -> Markup:
    """Two columns of ranks with a line per method: crossings are disagreements. `legend.x`, `.y` head the columns."""
    row, width, name = 26.0, 420.0, 140.0
    height = 40 + row * len(lines)
    left, right = name, width - name
    parts = [
        f'<text class="ax" x="{left - 10:.0f}" y="16" text-anchor="end">{escape.html(legend.x)}</text>',
        f'<text class="ax" x="{right + 10:.0f}" y="16">{escape.html(legend.y)}</text>',
    ]
    spots_left, spots_right = _spread([one.left for one in lines], row), _spread([one.right for one in lines], row)
    for line, y_left, y_right in zip(lines, spots_left, spots_right, strict=True):
        parts.append(
            f'<g class="f-{line.family}"><title>{escape.html(line.label)}: {line.left:g} → {line.right:g}</title>'
            f'<path class="ra" d="M{left} {y_left:.1f}L{right} {y_right:.1f}"/>'
            f'<circle cx="{left}" cy="{y_left:.1f}" r="3.4"/><circle cx="{right}" cy="{y_right:.1f}" r="3.4"/></g>'
            f'<text class="l" x="{left - 10}" y="{y_left + 4:.1f}" text-anchor="end">{escape.html(line.label)} <tspan class="t">{line.left:g}</tspan></text>'
            f'<text class="l" x="{right + 10}" y="{y_right + 4:.1f}"><tspan class="t">{line.right:g}</tspan> {escape.html(line.label)}</text>'
        )
    return svg("".join(parts), width, height, legend, identity=identity)


def _spread(ranks: Sequence[float], row: float) -> list[float]:
    """Vertical places of ranks; ties stand below each other instead of on each other."""
    order = sorted(range(len(ranks)), key=lambda index: (ranks[index], index))
    places = [0.0] * len(ranks)
    for position, index in enumerate(order):
        places[index] = 40 + row * position
    return places


def without_link(point: Point) -> Point:
    """The point for a picture that stands alone, where a relative link leads nowhere."""
    return replace(point, href="")
