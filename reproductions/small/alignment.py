"""Teaches the projector of the small tier to speak: first word by word, then through the frozen language model.

Two stages after LLaVA's first (Liu et al. 2023, arXiv:2304.08485), where only the projector learns. In the first, the
mean of a picture's projected tokens is drawn to the mean embedding of its name and away from other names (InfoNCE, van
den Oord et al. 2018, arXiv:1807.03748): seconds, because the language model does not run. In the second the answer's
cross entropy is taken through the language model. The tower's tokens are computed once.

Whether it worked is told on a style of drawing that was never seen, against controls: a blank picture, and the nearest
training picture by pixels, whose name is taken over.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image as Pillow
from safetensors.torch import save_file
from torch import Tensor

from reproductions import metrics
from reproductions.examples import Example, Image, Turn
from reproductions.small import pictures
from reproductions.small.pictures import Pictures
from reproductions.vlm import VLM, Untyped

QUESTION = "What is this?"
TAUGHT, HELD_OUT = ("noto", "twemoji"), "fluent"
PIXEL_SIDE = 16
LONGEST_ANSWER = 10


@dataclass(frozen=True)
class Recipe:
    """How the projector is taught."""

    views: int = 1
    """Copies of every picture, turned, moved and scaled, besides itself."""
    word_steps: int = 400
    word_batch: int = 128
    word_rate: float = 1e-3
    temperature: float = 0.05
    norm_weight: float = 1.0
    """Of the squared distance between a projected token's length and that of the name's embeddings."""
    speech_steps: int = 100
    speech_batch: int = 16
    speech_rate: float = 5e-4
    weight_decay: float = 0.05
    asked: int = 200
    """Pictures that are asked for, evenly spaced over all."""
    seed: int = 0


def recipe(settings: Mapping[str, str]) -> Recipe:
    """The recipe with other values, given as text.

    Raises:
        ValueError: no such setting, or no number.
    """
    plain = Recipe()
    known = asdict(plain)
    for name, text in settings.items():
        if name not in known:
            raise ValueError(f"--set {name}: there is no such setting; there are: {', '.join(known)}")
        try:
            known[name] = type(known[name])(text)
        except ValueError:
            raise ValueError(f"--set {name}: {text!r} is no {type(known[name]).__name__}") from None
    return Recipe(**known)


@dataclass(frozen=True)
class Figures:
    """Shares of right names on the style never seen, and on one that was."""

    model: float
    """The name occurs in the answer, as words."""
    blank: float
    """The same model, shown nothing but white."""
    pixels: float
    """The name of the nearest taught picture, by 16 × 16 pixels."""
    features: float
    """The same by the tower's mean token: what the tower itself knows."""
    taught: float
    """The model on the first taught style: how much it has learned by heart."""
    n: int

    @property
    def standard_error(self) -> float:
        """Of the model's share on the unseen style."""
        return (self.model * (1 - self.model) / self.n) ** 0.5


@dataclass(frozen=True)
class Report:
    """What is kept of an alignment."""

    recipe: Recipe
    figures: Figures
    words: float
    """Share of unseen drawings whose mean projected token is nearest to their own name's, after the first stage."""
    seconds: float
    cpu_seconds: float
    losses: tuple[float, ...]
    """Mean cross entropy of each tenth of the second stage, in nats per token."""


Tell = Callable[[str], None]


def align(vlm: VLM, shown: Pictures, recipe: Recipe, tell: Tell = lambda _: None) -> Report:
    """Teach the projector of `vlm` the names of the taught styles; nothing else learns."""
    started, cpu = time.monotonic(), time.process_time()
    torch.manual_seed(recipe.seed)
    tell("looking at the pictures")
    tokens, names = taught_tokens(vlm, shown, recipe)
    vlm.model.requires_grad_(False)
    projector = vlm.base.model.multi_modal_projector
    projector.requires_grad_(True)
    teach_words(vlm, tokens, names, recipe, tell)
    asked = spread(shown, recipe.asked)
    words = nearest_word(vlm, asked, sorted(set(names)))
    tell(f"words: {words:.3f} of the unseen style are nearest to their own name")
    losses = teach_speech(vlm, tokens, names, recipe, tell)
    projector.requires_grad_(False)
    figures = measure(vlm, asked, tell)
    return Report(recipe, figures, words, time.monotonic() - started, time.process_time() - cpu, tuple(losses))


def spread(shown: Pictures, n: int) -> Pictures:
    """Every so-manieth emoji, at most `n`."""
    step = max(1, -(-len(shown.emoji) // n))
    return replace(shown, emoji=shown.emoji[::step])


# What is seen


def taught_tokens(vlm: VLM, shown: Pictures, recipe: Recipe) -> tuple[Tensor, list[str]]:
    """Tower tokens (pictures × tokens × channels) of every taught picture and its views, and their names."""
    rng = random.Random(recipe.seed)
    images: list[Image] = []
    names: list[str] = []
    for style in TAUGHT:
        for one in shown.emoji:
            plain = load(shown.path(style, one.id))
            images += [plain, *(varied(plain, rng) for _ in range(recipe.views))]
            names += [one.name] * (1 + recipe.views)
    return tower_tokens(vlm, images), names


@torch.inference_mode()
def tower_tokens(vlm: VLM, images: Sequence[Image], batch_size: int = 16) -> Tensor:
    """What the tower makes of pictures (pictures × tokens × channels, float32)."""
    tower = vlm.base.model.vision_tower
    parts = []
    for start in range(0, len(images), batch_size):
        pixels = torch.from_numpy(np.stack(images[start : start + batch_size])).permute(0, 3, 1, 2)
        scaled = ((pixels.float() - 127) / 128).to(vlm.device).contiguous(memory_format=torch.channels_last)
        with vlm.autocast():
            parts.append(tower(scaled.to(tower.dtype)).last_hidden_state.float())
    return torch.cat(parts).clone()


def load(path: Path) -> Image:
    """One picture."""
    with Pillow.open(path) as image:
        return np.array(image.convert("RGB"))


def varied(image: Image, rng: random.Random) -> Image:
    """Turned a little, smaller, elsewhere, perhaps mirrored; on white."""
    side = image.shape[0]
    drawn = Pillow.fromarray(image)
    if rng.random() < 0.5:
        drawn = drawn.transpose(Pillow.Transpose.FLIP_LEFT_RIGHT)
    small = round(side * rng.uniform(0.7, 1.0))
    drawn = drawn.rotate(rng.uniform(-20, 20), fillcolor=(255, 255, 255)).resize((small, small))
    canvas = Pillow.new("RGB", (side, side), (255, 255, 255))
    canvas.paste(drawn, (rng.randint(0, side - small), rng.randint(0, side - small)))
    return np.array(canvas)


# First stage: words


def teach_words(vlm: VLM, tokens: Tensor, names: Sequence[str], recipe: Recipe, tell: Tell) -> None:
    """Draw the mean projected token of each picture to its name's mean embedding, away from the other names'."""
    projector = vlm.base.model.multi_modal_projector
    known = sorted(set(names))
    words = torch.stack([_embedding(vlm, name) for name in known]).to(vlm.device)  # (names, width)
    place = torch.tensor([known.index(name) for name in names])
    centre, length = words.mean(0), _token_length(vlm)
    targets = F.normalize(words - centre, dim=-1)
    rng = torch.Generator().manual_seed(recipe.seed)
    optimizer = torch.optim.AdamW(projector.parameters(), lr=recipe.word_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, recipe.word_steps))
    for step in range(recipe.word_steps):
        chosen = torch.randint(len(names), (recipe.word_batch,), generator=rng)
        projected = projector(tokens[chosen].to(vlm.device))  # (batch, tokens, width)
        said = F.normalize(projected.mean(1) - centre, dim=-1)
        loss = F.cross_entropy(said @ targets.T / recipe.temperature, place[chosen].to(vlm.device))
        lengths = (projected.norm(dim=-1) / length - 1).square().mean()
        (loss + recipe.norm_weight * lengths).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        if step % 100 == 0:
            tell(f"words: step {step} of {recipe.word_steps}, loss {loss.item():.3f}")


@torch.no_grad()
def nearest_word(vlm: VLM, shown: Pictures, known: Sequence[str]) -> float:
    """Share of drawings of the unseen style whose projected tokens are nearest to their own name among all."""
    words = torch.stack([_embedding(vlm, name) for name in known]).to(vlm.device)
    centre = words.mean(0)
    tokens = tower_tokens(vlm, [load(shown.path(HELD_OUT, one.id)) for one in shown.emoji])
    said = F.normalize(vlm.base.model.multi_modal_projector(tokens).mean(1) - centre, dim=-1)
    found = (said @ F.normalize(words - centre, dim=-1).T).argmax(1)
    return fmean(known[int(place)] == one.name for place, one in zip(found, shown.emoji, strict=True))


def _embedding(vlm: VLM, name: str) -> Tensor:
    """Mean input embedding of a name, as it stands at the beginning of an answer."""
    ids = vlm.tokenizer(name, add_special_tokens=False)["input_ids"]
    table: Untyped = vlm.base.get_input_embeddings()
    return table.weight.detach()[torch.tensor(ids)].float().mean(0)


def _token_length(vlm: VLM) -> float:
    """Mean length of the language model's input embeddings."""
    return float(vlm.base.get_input_embeddings().weight.detach().float().norm(dim=-1).mean())


# Second stage: speech


def teach_speech(vlm: VLM, tokens: Tensor, names: Sequence[str], recipe: Recipe, tell: Tell) -> list[float]:
    """Cross entropy of the names through the frozen language model; mean of each tenth of the steps."""
    projector = vlm.base.model.multi_modal_projector
    rng = random.Random(recipe.seed)
    optimizer = torch.optim.AdamW(projector.parameters(), lr=recipe.speech_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, recipe.speech_steps))
    order: list[int] = []
    losses: list[float] = []
    for step in range(recipe.speech_steps):
        while len(order) < recipe.speech_batch:
            order += rng.sample(range(len(names)), len(names))
        chosen, order = order[: recipe.speech_batch], order[recipe.speech_batch :]
        with vlm.autocast():
            loss = _speech_loss(vlm, tokens[chosen].to(vlm.device), [names[one] for one in chosen])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        losses.append(loss.item())
        if step % 10 == 0:
            tell(f"speech: step {step} of {recipe.speech_steps}, loss {fmean(losses[-10:]):.3f}")
    tenth = max(1, len(losses) // 10)
    return [fmean(losses[start : start + tenth]) for start in range(0, len(losses), tenth)][:10]


def _speech_loss(vlm: VLM, tokens: Tensor, names: Sequence[str]) -> Tensor:
    """As `VLM.loss`, with the tower's tokens at hand already."""
    examples = [naming(str(place), pictures.blank(), name) for place, name in enumerate(names)]
    encoded = [vlm.encode(one) for one in examples]
    length = max(len(one.ids) for one in encoded)
    ids = torch.tensor([one.ids + [0] * (length - len(one.ids)) for one in encoded], device=vlm.device)
    labels = torch.tensor([one.labels + [-100] * (length - len(one.labels)) for one in encoded], device=vlm.device)
    body = vlm.base.model
    seen = body.multi_modal_projector(tokens)
    places = (ids == vlm.base.config.image_token_id)[:, :, None]
    embedded = vlm.base.get_input_embeddings()(ids).to(seen.dtype).masked_scatter(places, seen)
    hidden = body.language_model(inputs_embeds=embedded).last_hidden_state[:, :-1]
    here = labels[:, 1:] != -100
    return F.cross_entropy(vlm.base.lm_head(hidden[here]).float(), labels[:, 1:][here])


def naming(id_: str, image: Image, name: str, question: str = QUESTION) -> Example:
    """One picture, asked for its name."""
    return Example(id_, (image,), (Turn(question, name),), "name", id_)


# Whether it worked


def measure(vlm: VLM, shown: Pictures, tell: Tell = lambda _: None) -> Figures:
    """Names on the style never seen, and the controls."""
    tell("asking for names")
    unseen = [naming(one.id, load(shown.path(HELD_OUT, one.id)), one.name) for one in shown.emoji]
    seen = [naming(one.id, load(shown.path(TAUGHT[0], one.id)), one.name) for one in shown.emoji]
    nothing = vlm.answer([naming("blank", pictures.blank(), "")], max_new_tokens=LONGEST_ANSWER)[0]
    images = {style: [load(shown.path(style, one.id)) for one in shown.emoji] for style in (*TAUGHT, HELD_OUT)}
    tokens = {style: tower_tokens(vlm, one).mean(1) for style, one in images.items()}
    pixels = {style: _pixels(one) for style, one in images.items()}
    return Figures(
        model=_right(vlm, unseen),
        blank=fmean(metrics.cem(nothing, one.name) for one in shown.emoji),
        pixels=nearest(pixels),
        features=nearest(tokens),
        taught=_right(vlm, seen),
        n=len(shown.emoji),
    )


def _right(vlm: VLM, asked: Sequence[Example]) -> float:
    answers = vlm.answer(asked, max_new_tokens=LONGEST_ANSWER, batch_size=64)
    return fmean(metrics.cem(answer, one.answer) for answer, one in zip(answers, asked, strict=True))


def _pixels(images: Sequence[Image]) -> Tensor:
    """Sixteen by sixteen, without their mean."""
    small = [
        np.asarray(Pillow.fromarray(image).resize((PIXEL_SIDE, PIXEL_SIDE), Pillow.Resampling.BILINEAR), np.float32)
        for image in images
    ]
    flat = torch.from_numpy(np.stack(small)).flatten(1)
    return flat - flat.mean(1, keepdim=True)


def nearest(views: Mapping[str, Tensor]) -> float:
    """Share of things of the unseen style whose nearest taught picture (by cosine) is of the same thing."""
    asked = F.normalize(views[HELD_OUT], dim=-1)
    near = torch.stack([asked @ F.normalize(views[style], dim=-1).T for style in TAUGHT]).amax(0)
    return float((near.argmax(1) == torch.arange(len(near))).float().mean())


# Files


def save(vlm: VLM, report: Report, folder: Path, facts: Mapping[str, object]) -> None:
    """`projector.safetensors` in half precision, then `alignment.json`, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        name: weight.detach().cpu().half().contiguous()
        for name, weight in vlm.base.model.multi_modal_projector.state_dict().items()
    }
    save_file(weights, folder / ".projector")
    (folder / ".projector").replace(folder / "projector.safetensors")
    text = json.dumps({**asdict(report), **facts}, ensure_ascii=False, indent=1)
    (folder / ".alignment").write_text(text + "\n", encoding="utf-8")
    (folder / ".alignment").replace(folder / "alignment.json")
