"""Vision warm-up: what CLIP's pretraining is to LLaVA, in seconds. The language model takes no part.

Every cell of the picture learns to say which shape, colour or letter it shows and where it is; the projector learns to
put it where the embedding of the word for it is; and emblems learn to be told apart across two views (InfoNCE).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from reproductions.lab import vocabulary as v
from reproductions.lab.drawing import (
    GRID,
    draw_emblem,
    draw_scene,
    draw_text,
    random_emblem,
    random_scene,
)
from reproductions.lab.schedule import cosine
from reproductions.vlm import VLM

LETTERS = (*v.CHARACTERS, "+")
CELLS = GRID * GRID
NOTHING = "."
"""The word for an empty cell."""
TEMPERATURE = 0.1


@dataclass(frozen=True)
class WarmUp:
    """How much and how fast."""

    steps: int = 300
    learning_rate: float = 2e-3
    batch_size: int = 64
    """Scenes per step; half as many texts and pairs of emblems."""
    scenes: int = 12_000


@dataclass(frozen=True)
class _Pictures:
    """Images (uint8) with the class of every cell; 0: nothing."""

    scenes: Tensor
    scene_shapes: Tensor
    scene_colors: Tensor
    texts: Tensor
    text_letters: Tensor
    emblems: Tensor
    emblems_again: Tensor


def warm_up(vlm: VLM, plan: WarmUp, seed: int, progress: Callable[[int, int, float], None]) -> None:
    """Train vision tower, projector and word embeddings in place; `progress(step, steps, loss)` after every step."""
    pictures = _draw(plan.scenes, seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        heads = _Heads(vlm)
    tower, projector, words = (
        vlm.base.model.vision_tower,
        vlm.base.model.multi_modal_projector,
        vlm.base.get_input_embeddings().weight,
    )
    learned = [*tower.parameters(), *projector.parameters(), words, *heads.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=plan.learning_rate, weight_decay=0.01, fused=True)
    dice = torch.Generator().manual_seed(seed)
    for step in range(plan.steps):
        cosine(optimizer, plan.learning_rate, step, plan.steps, warmup=50)
        loss = _loss(vlm, heads, pictures, plan.batch_size, dice)
        loss.backward()
        nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        progress(step + 1, plan.steps, float(loss.detach()))


class _Heads(nn.Module):
    """Linear read-outs of a cell; thrown away after the warm-up."""

    def __init__(self, vlm: VLM) -> None:
        super().__init__()
        config = vlm.base.config
        seen, spoken = config.vision_config.hidden_size, config.text_config.hidden_size
        self.shape = nn.Linear(seen, len(v.SHAPES) + 1)
        self.color = nn.Linear(seen, len(v.COLORS) + 1)
        self.letter = nn.Linear(seen, len(LETTERS) + 1)
        self.emblem = nn.Linear(seen, 64)
        self.position = nn.Linear(spoken, CELLS)
        self.shape_words = _ids(vlm, (NOTHING, *v.SHAPES))
        self.color_words = _ids(vlm, (NOTHING, *v.COLORS))
        self.letter_words = _ids(vlm, (NOTHING, *LETTERS))
        cells = range(CELLS)
        quadrants = [v.QUADRANTS[2 * (cell // GRID >= GRID // 2) + (cell % GRID >= GRID // 2)] for cell in cells]
        self.vertical_words = _ids(vlm, tuple(quadrant.split()[0] for quadrant in quadrants))
        self.horizontal_words = _ids(vlm, tuple(quadrant.split()[1] for quadrant in quadrants))
        self.column_words = _ids(vlm, tuple(v.ORDINALS[cell % GRID] for cell in cells))


def _ids(vlm: VLM, words: tuple[str, ...]) -> Tensor:
    return torch.tensor(vlm.tokenizer.convert_tokens_to_ids(list(words)))


def _loss(vlm: VLM, heads: _Heads, pictures: _Pictures, size: int, dice: torch.Generator) -> Tensor:
    scene = torch.randint(len(pictures.scenes), (size,), generator=dice)
    text = torch.randint(len(pictures.texts), (size // 2,), generator=dice)
    pair = torch.randint(len(pictures.emblems), (size // 2,), generator=dice)
    parts = (pictures.scenes[scene], pictures.texts[text], pictures.emblems[pair], pictures.emblems_again[pair])
    seen = _cells(vlm, torch.cat(parts))
    scenes, texts, emblems = seen[:size], seen[size : size + len(text)], seen[size + len(text) :]
    shapes, colors, letters = (
        pictures.scene_shapes[scene],
        pictures.scene_colors[scene],
        pictures.text_letters[text],
    )
    said = F.cross_entropy(heads.shape(scenes).flatten(0, 1), shapes.flatten())
    said = said + F.cross_entropy(heads.color(scenes).flatten(0, 1), colors.flatten())
    said = said + F.cross_entropy(heads.letter(texts).flatten(0, 1), letters.flatten())

    with vlm.autocast():
        spoken = vlm.base.model.multi_modal_projector(seen[: size + len(text)])
    spoken = F.rms_norm(spoken.float(), (spoken.shape[-1],))
    words = (spoken @ vlm.base.get_input_embeddings().weight.T).log_softmax(-1)
    aligned = (
        _word_loss(words[:size], heads.shape_words[shapes])
        + _word_loss(words[:size], heads.color_words[colors])
        + _word_loss(words[size:], heads.letter_words[letters])
        + _word_loss(words[size:], heads.column_words)
        + _word_loss(words, heads.vertical_words)
        + _word_loss(words, heads.horizontal_words)
    )
    placed = F.cross_entropy(heads.position(spoken).flatten(0, 1), torch.arange(CELLS).repeat(len(spoken)))
    return said + 0.5 * _told_apart(heads.emblem(emblems.mean(1))) + 0.5 * aligned + 0.2 * placed


def _cells(vlm: VLM, images: Tensor) -> Tensor:
    """Images (uint8) → what the tower sees in each cell of the grid (images × 16 × width, float32).

    Where a cell is made of several patches, their mean.
    """
    with vlm.autocast():
        hidden = vlm.base.model.vision_tower(vlm.pixels.normalise(images)).last_hidden_state[:, 1:]
    finer = math.isqrt(hidden.shape[1]) // GRID
    cells = hidden.float().reshape(len(images), GRID, finer, GRID, finer, -1).mean((2, 4))
    return cells.flatten(1, 2)


def _word_loss(log_probabilities: Tensor, words: Tensor) -> Tensor:
    """Cross entropy of one word per cell."""
    words = words.expand(log_probabilities.shape[:2])
    return -log_probabilities.gather(-1, words[..., None]).mean()


def _told_apart(both: Tensor) -> Tensor:
    """InfoNCE between the first and the second views."""
    one, again = F.normalize(both, dim=-1).chunk(2)
    similarity = one @ again.T / TEMPERATURE
    target = torch.arange(len(one))
    return (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2


def _draw(n: int, seed: int) -> _Pictures:
    """`n` scenes, half as many texts, a third as many pairs of emblems."""
    rng = Random(f"warm-up/{seed}")
    scenes, shapes, colors = [], [], []
    for _ in range(n):
        scene = random_scene(rng)
        scenes.append(draw_scene(rng, scene))
        cells = [thing.row * GRID + thing.column for thing in scene]
        shapes.append(_classes(cells, [1 + v.SHAPES.index(thing.shape) for thing in scene]))
        colors.append(_classes(cells, [1 + v.COLORS.index(thing.color) for thing in scene]))
    texts, letters = [], []
    for _ in range(n // 2):
        text, row = "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, GRID))), rng.randrange(GRID)
        texts.append(draw_text(rng, text, row))
        cells = [row * GRID + column for column in range(len(text))]
        letters.append(_classes(cells, [1 + LETTERS.index(letter) for letter in text]))
    emblems = [random_emblem(rng) for _ in range(n // 3)]
    views = [[draw_emblem(rng, emblem) for emblem in emblems] for _ in range(2)]
    return _Pictures(*(torch.from_numpy(np.stack(part)) for part in (scenes, shapes, colors, texts, letters, *views)))


def _classes(cells: list[int], classes: list[int]) -> NDArray[np.int64]:
    row = np.zeros(CELLS, dtype=np.int64)
    row[cells] = classes
    return row
