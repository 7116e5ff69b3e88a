"""Draw the laboratory's pictures: scenes of coloured shapes, words, and emblems. Light: numpy and Pillow.

A picture is 64 × 64 pixels, a grid of 4 × 4 cells. Everything random comes from the generator that is passed in.
"""

from __future__ import annotations

import colorsys
import math
from dataclasses import dataclass
from functools import cache, lru_cache
from random import Random

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from reproductions.examples import Image
from reproductions.lab.vocabulary import COLORS, QUADRANTS, SHAPES

SIDE = 64
GRID = 4
CELL = SIDE // GRID
Color = tuple[int, int, int]
RGB: dict[str, Color] = dict(
    zip(
        COLORS,
        (
            (220, 40, 40),
            (40, 170, 60),
            (50, 80, 225),
            (235, 210, 40),
            (150, 50, 190),
            (245, 140, 30),
            (245, 245, 245),
            (60, 210, 220),
        ),
        strict=True,
    )
)


@dataclass(frozen=True)
class Difficulty:
    """How hard the world is to see."""

    objects: tuple[int, int] = (2, 5)
    """Fewest and most objects in a scene."""
    letters: tuple[int, int] = (2, 4)
    """Shortest and longest text; one row of the grid holds four."""
    background: tuple[int, int] = (10, 70)
    """Darkest and brightest ground, of 255."""
    noise: int = 6
    """Largest disturbance of a pixel, of 255."""
    view: float = 1.0
    """How far two views of one emblem are apart: shift, turn, scale and light; 0: they are the same."""


EASY = Difficulty(objects=(2, 3), letters=(2, 2), noise=3, view=0.5)
NORMAL = Difficulty()
HARD = Difficulty(objects=(4, 8), letters=(4, 4), background=(10, 110), noise=16, view=1.6)


# Scenes


@dataclass(frozen=True)
class Thing:
    """One object of a scene, in one cell of the grid."""

    shape: str
    color: str
    column: int
    row: int

    @property
    def quadrant(self) -> str:
        """Where it is, for example `top left`."""
        return QUADRANTS[2 * (self.row >= GRID // 2) + (self.column >= GRID // 2)]


Scene = tuple[Thing, ...]


def random_scene(rng: Random, difficulty: Difficulty = NORMAL) -> Scene:
    """Objects in different cells, in reading order."""
    cells = sorted(rng.sample(range(GRID * GRID), rng.randint(*difficulty.objects)))
    return tuple(Thing(rng.choice(SHAPES), rng.choice(COLORS), cell % GRID, cell // GRID) for cell in cells)


def draw_scene(rng: Random, scene: Scene, difficulty: Difficulty = NORMAL) -> Image:
    """The scene on a dark ground; places, sizes and colours vary a little."""
    picture, pen = _canvas(rng, difficulty)
    for thing in scene:
        x, y = _center(rng, thing.column, thing.row, spread=2)
        _draw_shape(pen, thing.shape, x, y, rng.choice((5, 6, 6)), _vary(rng, RGB[thing.color]))
    return _noisy(rng, picture, difficulty.noise)


# Text


def draw_text(rng: Random, text: str, row: int, difficulty: Difficulty = NORMAL) -> Image:
    """One letter per cell of a row, from its left end."""
    assert len(text) <= GRID
    picture, pen = _canvas(rng, difficulty)
    font = _font(rng.choice((13, 14, 15)))
    ink = _vary(rng, RGB[rng.choice(("white", "yellow", "cyan", "orange"))])
    for column, letter in enumerate(text):
        pen.text(_center(rng, column, row, spread=1), letter, font=font, fill=ink, anchor="mm")
    return _noisy(rng, picture, difficulty.noise)


# Emblems


@dataclass(frozen=True)
class Emblem:
    """The face of an entity: a symmetric pattern in two colours with a mark in its centre."""

    foreground: Color
    background: Color
    accent: Color
    pattern: tuple[tuple[bool, bool], ...]
    """Left half, four rows of two cells; the right half mirrors it."""
    mark: str


def random_emblem(rng: Random) -> Emblem:
    """An emblem with clearly different foreground and background."""
    hue = rng.random()
    foreground = _hsv(hue, 0.75 + 0.25 * rng.random(), 0.85 + 0.15 * rng.random())
    opposite = (hue + 0.25 + 0.5 * rng.random()) % 1
    background = _hsv(opposite, 0.5 + 0.4 * rng.random(), 0.25 + 0.35 * rng.random())
    accent = _hsv(rng.random(), 0.3 + 0.6 * rng.random(), 0.9)
    return Emblem(foreground, background, accent, _random_pattern(rng), rng.choice(SHAPES))


def _random_pattern(rng: Random) -> tuple[tuple[bool, bool], ...]:
    while True:
        rows = tuple((rng.random() < 0.5, rng.random() < 0.5) for _ in range(GRID))
        if 3 <= sum(map(sum, rows)) <= 6:
            return rows


def draw_emblem(rng: Random, emblem: Emblem, difficulty: Difficulty = NORMAL) -> Image:
    """One view: shifted, turned, scaled, and in another light."""
    strength = difficulty.view
    shift = rng.uniform(-4, 4) * strength, rng.uniform(-4, 4) * strength
    scale = 1 + rng.uniform(-0.1, 0.1) * strength
    angle = math.radians(rng.uniform(-8, 8) * strength)
    turned = _transform(_front(emblem), shift, scale, angle, emblem.background)
    contrast, light = 1 + rng.uniform(-0.15, 0.15) * strength, rng.uniform(-12, 12) * strength
    return _noisy(rng, np.asarray(turned, dtype=np.float32) * contrast + light, difficulty.noise + 2)


def draw_emblem_elsewhere(rng: Random, emblem: Emblem, difficulty: Difficulty = NORMAL) -> Image:
    """The same emblem smaller, before other surroundings: an edit of the picture that knows what matters in it."""
    around = _vary(rng, RGB[rng.choice(COLORS)], spread=60)
    scale, room = rng.uniform(0.7, 0.9), SIDE * 0.08
    shift = rng.uniform(-room, room), rng.uniform(-room, room)
    angle = math.radians(rng.uniform(-8, 8))
    placed = _transform(_front(emblem), shift, scale, angle, around)
    return _noisy(rng, np.asarray(placed, dtype=np.float32), difficulty.noise + 2)


@lru_cache(1024)
def _front(emblem: Emblem) -> Pillow.Image:
    picture = Pillow.new("RGB", (SIDE, SIDE), emblem.background)
    pen = ImageDraw.Draw(picture)
    edge, step = 4, 14
    for row, (outer, inner) in enumerate(emblem.pattern):
        for column, filled in enumerate((outer, inner, inner, outer)):
            if filled:
                x, y = edge + column * step, edge + row * step
                pen.rectangle([x, y, x + step - 1, y + step - 1], fill=emblem.foreground)
    _draw_shape(pen, emblem.mark, SIDE // 2, SIDE // 2, 9, emblem.accent)
    return picture


# Edits that know nothing of the content


def edit_blindly(rng: Random, image: Image) -> Image:
    """One of the usual augmentations: mirror, crop, turn, other light, other colours."""
    picture = Pillow.fromarray(image)
    kind = rng.choice(("mirror", "crop", "turn", "light", "colors"))
    if kind == "mirror":
        return np.ascontiguousarray(image[:, ::-1])
    if kind == "crop":
        side = rng.randint(44, 58)
        left, top = rng.randint(0, SIDE - side), rng.randint(0, SIDE - side)
        cut = picture.crop((left, top, left + side, top + side))
        return np.asarray(cut.resize((SIDE, SIDE), Pillow.Resampling.BILINEAR), dtype=np.uint8)
    if kind == "turn":
        return np.asarray(picture.rotate(rng.uniform(-30, 30), Pillow.Resampling.BILINEAR), dtype=np.uint8)
    if kind == "light":
        return np.clip(image * rng.uniform(0.6, 1.4), 0, 255).astype(np.uint8)
    channels = rng.sample(range(3), 3)
    return np.ascontiguousarray(image[:, :, channels])


# Pens and paper


def _canvas(rng: Random, difficulty: Difficulty) -> tuple[Pillow.Image, ImageDraw.ImageDraw]:
    level = rng.randint(*difficulty.background)
    ground = _vary(rng, (level, level, level), spread=10)
    picture = Pillow.new("RGB", (SIDE, SIDE), ground)
    return picture, ImageDraw.Draw(picture)


def _center(rng: Random, column: int, row: int, *, spread: int) -> tuple[int, int]:
    x = column * CELL + CELL // 2 + rng.randint(-spread, spread)
    y = row * CELL + CELL // 2 + rng.randint(-spread, spread)
    return x, y


def _draw_shape(pen: ImageDraw.ImageDraw, shape: str, x: int, y: int, r: int, color: Color) -> None:
    box = [x - r, y - r, x + r, y + r]
    if shape == "circle":
        pen.ellipse(box, fill=color)
    elif shape == "square":
        pen.rectangle([x - r + 1, y - r + 1, x + r - 1, y + r - 1], fill=color)
    elif shape == "triangle":
        pen.polygon([(x, y - r), (x - r, y + r), (x + r, y + r)], fill=color)
    elif shape == "cross":
        w = max(1, r // 3)
        pen.rectangle([x - w, y - r, x + w, y + r], fill=color)
        pen.rectangle([x - r, y - w, x + r, y + w], fill=color)
    elif shape == "ring":
        pen.ellipse(box, outline=color, width=2)
    else:
        pen.polygon([(x, y - r - 1), (x + r + 1, y), (x, y + r + 1), (x - r - 1, y)], fill=color)


def _transform(
    picture: Pillow.Image, shift: tuple[float, float], scale: float, angle: float, fill: Color
) -> Pillow.Image:
    """Turn and scale around the centre, then shift; Pillow wants the inverse map."""
    c, s = math.cos(angle) / scale, math.sin(angle) / scale
    middle = SIDE / 2
    x, y = middle + shift[0], middle + shift[1]
    inverse = (c, s, middle - c * x - s * y, -s, c, middle + s * x - c * y)
    return picture.transform(
        (SIDE, SIDE), Pillow.Transform.AFFINE, inverse, resample=Pillow.Resampling.BILINEAR, fillcolor=fill
    )


def _noisy(rng: Random, picture: Pillow.Image | np.ndarray, noise: int) -> Image:
    pixels = np.asarray(picture, dtype=np.float32)
    source = np.random.default_rng(rng.getrandbits(32))
    disturbance = source.integers(-noise, noise, size=pixels.shape, dtype=np.int8, endpoint=True)
    return np.clip(pixels + disturbance, 0, 255).astype(np.uint8)


def _vary(rng: Random, color: Color, spread: int = 18) -> Color:
    r, g, b = (max(0, min(255, channel + rng.randint(-spread, spread))) for channel in color)
    return r, g, b


def _hsv(hue: float, saturation: float, value: float) -> Color:
    r, g, b = (int(255 * channel) for channel in colorsys.hsv_to_rgb(hue, saturation, value))
    return r, g, b


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's built-in font, so that pictures do not depend on what is installed."""
    return ImageFont.load_default(size=size)
