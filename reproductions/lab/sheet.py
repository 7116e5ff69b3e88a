"""A picture sheet of the laboratory for people: `python -m reproductions.lab.sheet docs/assets/laboratory.png`.

Every picture stands with one question that the base model answers (or, for a new entity, that it has to learn).
"""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import wrap

from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from reproductions.examples import Example
from reproductions.lab import world

SCALE = 2
PICTURE = 64 * SCALE
WIDTH, HEIGHT = 2 * PICTURE + 24, PICTURE + 62
COLUMNS = 4
INK, FAINT, PAPER = (20, 24, 32), (96, 104, 118), (255, 255, 255)


def sheet(seed: int = 0) -> Pillow.Image:
    """One example per retention dimension and, in the last row, views of new entities with what is asked of them."""
    asked = world.retention_questions(1, seed=seed)
    new = world.injection_task(world.entities(5, seed=seed), seed=seed)
    examples = [asked[dimension][0] for dimension in world.DIMENSIONS]
    examples += [new.questions[4 * index + index] for index in range(4)] + [new.questions[16]]
    titles = [*world.DIMENSIONS, *("to inject",) * 5]
    rows = -(-len(examples) // COLUMNS)
    paper = Pillow.new("RGB", (COLUMNS * WIDTH, rows * HEIGHT + 8), PAPER)
    for index, (title, example) in enumerate(zip(titles, examples, strict=True)):
        _place(paper, title, example, (index % COLUMNS) * WIDTH + 8, (index // COLUMNS) * HEIGHT + 8)
    return paper


def _place(paper: Pillow.Image, title: str, example: Example, x: int, y: int) -> None:
    for index, image in enumerate(example.images):
        shown = Pillow.fromarray(image).resize((PICTURE, PICTURE), Pillow.Resampling.NEAREST)
        paper.paste(shown, (x + index * (PICTURE + 4), y))
    pen = ImageDraw.Draw(paper)
    font = ImageFont.load_default(size=12)
    if len(example.images) == 1:
        pen.text((x + PICTURE + 8, y), title, fill=FAINT, font=font)
    turn = example.turns[-1]
    heading = f"{title}: " if len(example.images) > 1 else ""
    lines = [*wrap(heading + turn.question, 40), f"> {turn.answer}"]
    for number, line in enumerate(lines):
        last = number == len(lines) - 1
        pen.text((x, y + PICTURE + 4 + 15 * number), line, fill=INK if last else FAINT, font=font)


if __name__ == "__main__":
    sheet().quantize(128).save(Path(sys.argv[1]), optimize=True)
