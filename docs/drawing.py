"""Primitives of the pictures: a frame, words, lines, markers, and the SVG around them. Text is escaped here.

Colours come by class (`f-<family>`), so that inline pictures follow the page into dark mode; a stand-alone picture
brings its own style sheet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
LIGHT = "--i:#1b2421;--m:#5a6863;--h:#e2e7e4;--r:#0b7a6f;--s:#fff;"
DARK = "--i:#e6ebe8;--m:#9dada6;--h:#2c3532;--r:#4fc4b3;--s:#141a18;"
STYLE = (
    'text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei",'
    '"Noto Sans CJK SC",sans-serif;fill:var(--i)}'
    ".t{fill:var(--m)}.g{stroke:var(--h);fill:none}.b{stroke:var(--m);stroke-dasharray:4 4;fill:none}"
    ".bt{fill:var(--m);font-style:italic}.fl{stroke:var(--r);stroke-width:2;fill:none;opacity:.75}"
    ".fa{fill:var(--r);opacity:.07}.w{stroke-width:1.3;opacity:.5}.ax{font-weight:600}.p{stroke-width:1.6}"
    ".q{opacity:.16}.ld{stroke:var(--m);stroke-width:.8;fill:none}.u{stroke-dasharray:2.5 2;fill-opacity:.3}"
    ".n{fill:var(--m)}"
    ".l{font-size:11.5px;paint-order:stroke;stroke:var(--s);stroke-width:3px;stroke-linejoin:round}.fr{font-weight:600}"
)
"""What site.css says about pictures, for those that stand alone."""


@dataclass(frozen=True)
class Legend:
    """The words of a picture, in the reader's language."""

    title: str
    description: str
    x: str = ""
    y: str = ""
    base: str = ""
    better: str = ""
    note: str = ""
    """What a picture that stands alone has to say about its marks."""


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
        return self.floor - (value - low) / (high - low) * (self.height - self.top - self.bottom)

    @property
    def floor(self) -> float:
        """Where the horizontal axis lies."""
        return self.height - self.bottom

    @property
    def end(self) -> float:
        """Where the vertical right edge lies."""
        return self.width - self.right

    @property
    def middle(self) -> float:
        """Half way between left and right edge."""
        return (self.left + self.end) / 2


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values within [low, high], at most `most` + 1 of them."""
    span = max(high - low, 1e-9)
    step = 10 ** math.floor(math.log10(span / most))
    step *= next(factor for factor in (1, 2, 5, 10) if span / (step * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A coordinate, short."""
    return f"{value:.1f}".removesuffix(".0")


def word(x: float, y: float, content: str, style: str = "", anchor: str = "start", turn: bool = False) -> str:
    """Text at a place; escaped. `turn`: upwards, around its place."""
    attributes = f' class="{style}"' if style else ""
    if anchor != "start":
        attributes += f' text-anchor="{anchor}"'
    if turn:
        attributes += f' transform="rotate(-90 {number(x)} {number(y)})"'
    return f'<text x="{number(x)}" y="{number(y)}"{attributes}>{escape.html(content)}</text>'


def line(path: str, style: str) -> str:
    """A path by its drawing commands."""
    return f'<path class="{style}" d="{path}"/>'


def level(frame: Frame, value: float, style: str = "g") -> str:
    """A horizontal line through the frame."""
    return line(f"M{number(frame.left)} {number(frame.y(value))}H{number(frame.end)}", style)


def upright(frame: Frame, value: float, style: str = "g") -> str:
    """A vertical line through the frame."""
    return line(f"M{number(frame.x(value))} {number(frame.top)}V{number(frame.floor)}", style)


def dot(x: float, y: float, radius: float, style: str = "") -> str:
    """A filled circle."""
    attributes = f' class="{style}"' if style else ""
    return f'<circle{attributes} cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"/>'


def group(style: str, says: str, *shapes: str) -> str:
    """Shapes that belong together, with what a pointer resting on them reads."""
    return f'<g class="{style}"><title>{escape.html(says)}</title>{"".join(shapes)}</g>'


def marker(shape: str, x: float, y: float, size: float) -> str:
    """A closed outline around (x, y); all shapes look equally large."""
    if shape not in CORNERS:
        return dot(x, y, size)
    corners = " ".join(f"{number(x + size * dx)},{number(y + size * dy)}" for dx, dy in CORNERS[shape])
    return f'<polygon points="{corners}"/>'


def swatch(family: str, *, hollow: bool = False, doubtful: bool = False) -> Markup:
    """The marker of a family as it stands in the pictures, for keys and tables."""
    shape = marker(SHAPES.get(family, "circle"), 8, 8, 5)
    drawn = f'<g class="p f-{family}{" h" if hollow else ""}{" u" if doubtful else ""}">{shape}</g>'
    return Markup(f'<svg class="aki-swatch" viewBox="0 0 16 16" aria-hidden="true">{drawn}</svg>')  # noqa: S704 (ours)


def _around(count: int, radius: float = 1.0, inner: float | None = None) -> list[tuple[float, float]]:
    """Corners on a circle, the first on top; with `inner`, every second one lies on a smaller circle."""
    radii = [radius if inner is None or k % 2 == 0 else inner for k in range(count)]
    return [
        (r * math.sin(2 * math.pi * k / count), -r * math.cos(2 * math.pi * k / count)) for k, r in enumerate(radii)
    ]


CORNERS = {
    "square": [(-0.88, -0.88), (0.88, -0.88), (0.88, 0.88), (-0.88, 0.88)],
    "diamond": [(0, -1.25), (1.25, 0), (0, 1.25), (-1.25, 0)],
    "triangle": [(0, -1.25), (1.15, 0.85), (-1.15, 0.85)],
    "down": [(0, 1.25), (1.15, -0.85), (-1.15, -0.85)],
    "hexagon": _around(6, 1.05),
    "star": _around(10, 1.35, 0.6),
}
"""Shape → corners for size 1; what is not here is a circle."""


def svg(
    shapes: str,
    width: float,
    height: float,
    legend: Legend,
    *,
    identity: str,
    standalone: bool = False,
    spark: str | None = None,
) -> Markup:
    """The picture around its shapes.

    Standalone: an image with its own colours for light and dark. Spark: a small picture in the colour of a family,
    in its natural size. Otherwise a group whose parts may be links.
    """
    space, style, backdrop = "", "", ""
    if standalone:
        space, style = ' xmlns="http://www.w3.org/2000/svg"', _own_style()
        backdrop = f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="var(--s)"/>'
    kind = "aki-chart" if spark is None else f"aki-spark f-{spark}"
    role = "group" if spark is None and not standalone else "img"
    size = f' style="max-width:{width:.0f}px"' if spark is None else f' width="{width:.0f}" height="{height:.0f}"'
    head = f'<svg{space} class="{kind}" role="{role}" aria-labelledby="{identity}-t {identity}-d"'
    words = (
        f'<title id="{identity}-t">{escape.html(legend.title)}</title>'
        f'<desc id="{identity}-d">{escape.html(legend.description)}</desc>'
    )
    whole = f'{head} viewBox="0 0 {width:.0f} {height:.0f}"{size}>{words}{style}{backdrop}{shapes}</svg>'
    return Markup(whole)  # noqa: S704 (every text in it went through `escape`)


def _own_style() -> str:
    def colours(palette: dict[str, str]) -> str:
        return "".join(f".f-{family}{{fill:{colour};stroke:{colour}}}" for family, colour in palette.items())

    hollow = ".h,.h circle,.h polygon{fill:var(--s)}"
    light = f"svg{{{LIGHT}}}{STYLE}{colours(FAMILY_LIGHT)}{hollow}"
    dark = f"svg{{{DARK}}}{colours(FAMILY_DARK)}{hollow}"
    return f"<style>{light}@media(prefers-color-scheme:dark){{{dark}}}</style>"
