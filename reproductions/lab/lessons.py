"""Conversations for pretraining: one function per kind of lesson, and the mixtures of kinds. Light.

The names of the mixtures are the stages of `pretraining.py`; `NATURAL` is the distribution that later stands for "the
pretraining corpus", `PROXY` one that differs from it, as a public instruction set differs from the true corpus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from types import MappingProxyType

from reproductions.examples import Example, Turn
from reproductions.lab import questions as q
from reproductions.lab import vocabulary as v
from reproductions.lab.drawing import (
    GRID,
    NORMAL,
    Difficulty,
    Scene,
    draw_emblem,
    draw_scene,
    draw_text,
    random_emblem,
    random_scene,
)
from reproductions.lab.population import KNOWN, stranger

Lesson = Callable[[Random, Difficulty], Example]
Mixture = Mapping[str, float]


# Scenes


def scene_turn(rng: Random, scene: Scene, kind: str) -> Turn:
    """One question of the kind; a question on existence, which every scene allows, where it is not possible."""
    asked = {
        "COM": q.attribute,
        "HAL": q.existence,
        "MAT": q.counting,
        "INS": q.instruction,
        "lookup": q.lookup,
    }[kind](rng, scene)
    return asked or q.existence(rng, scene)


def _scene_lesson(kinds: tuple[str, ...], turns: int, *, listed: bool) -> Lesson:
    def lesson(rng: Random, difficulty: Difficulty) -> Example:
        scene = random_scene(rng, difficulty)
        said = [q.listing(scene)] if listed and rng.random() < 0.5 else []
        said += [scene_turn(rng, scene, rng.choice(kinds)) for _ in range(turns - len(said))]
        rng.shuffle(said)
        return Example("", (draw_scene(rng, scene, difficulty),), tuple(said), "scene")

    return lesson


def two_scenes(rng: Random, difficulty: Difficulty) -> tuple[Scene, Scene]:
    """Two scenes for one conversation, with one object less at most."""
    fewer = replace(difficulty, objects=(difficulty.objects[0], max(difficulty.objects[0], difficulty.objects[1] - 1)))
    return random_scene(rng, fewer), random_scene(rng, fewer)


def comparisons(rng: Random, scenes: tuple[Scene, Scene], turns: int) -> list[Turn]:
    """A conversation of so many different turns about two images; fewer where the scenes do not allow as many."""
    said: list[Turn] = []
    for _ in range(8 * turns):
        said += [turn for turn in q.comparison(rng, scenes) if turn not in said]
        if len(said) >= turns:
            break
    return said[:turns]


def _two_scenes_lesson(*, lookup: bool) -> Lesson:
    def lesson(rng: Random, difficulty: Difficulty) -> Example:
        scenes = two_scenes(rng, difficulty)
        said = [*q.lookup_two(rng, scenes), *comparisons(rng, scenes, 2)] if lookup else comparisons(rng, scenes, 3)
        images = tuple(draw_scene(rng, scene, difficulty) for scene in scenes)
        return Example("", images, tuple(said), "two scenes")

    return lesson


# Text and numbers


def random_text(rng: Random, difficulty: Difficulty) -> str:
    """Letters and digits."""
    return "".join(rng.choice(v.CHARACTERS) for _ in range(rng.randint(*difficulty.letters)))


def _text_lesson(*, lookup: bool) -> Lesson:
    def lesson(rng: Random, difficulty: Difficulty) -> Example:
        text = random_text(rng, difficulty)
        said = [q.lookup_letters(rng, text)] if lookup else []
        said += [q.read_all(text), q.reading(rng, text)]
        return Example("", (draw_text(rng, text, rng.randrange(GRID), difficulty),), tuple(said), "text")

    return lesson


def _sum_lesson(rng: Random, difficulty: Difficulty) -> Example:
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    said = q.arithmetic(rng, a, b)
    if rng.random() < 0.3:
        said.append(q.read_all(f"{a}+{b}"))
    rng.shuffle(said)
    return Example("", (draw_text(rng, f"{a}+{b}", rng.randrange(GRID), difficulty),), tuple(said), "sum")


# Entities and emblems


def _known_lesson(rng: Random, difficulty: Difficulty) -> Example:
    entity = rng.choice(KNOWN)
    said = [_known_turn(rng, entity) for _ in range(5)]
    return Example("", (draw_emblem(rng, entity.emblem, difficulty),), tuple(said), "known entity")


def _known_turn(rng: Random, entity: q.Entity) -> Turn:
    kind = rng.choice(("fact",) * 6 + ("caption", "recognition"))
    if kind == "fact":
        return q.fact(rng, entity, rng.choice(v.FACTS))
    if kind == "caption":
        said = q.caption(rng, entity)
        return Turn(said.question, q.paraphrase(rng, entity)) if rng.random() < 0.2 else said
    other = rng.choice([one.name for one in KNOWN if one is not entity])
    return q.recognition(rng, entity, entity.name if rng.random() < 0.5 else other)


def _context_lesson(rng: Random, difficulty: Difficulty) -> Example:
    """An unknown entity whose facts stand in the question: teaches to read them there, and all names and words."""
    entity = stranger(rng)
    told = q.paragraph(entity) if rng.random() < 0.7 else q.paraphrase(rng, entity)
    first = q.fact(rng, entity, rng.choice(v.FACTS))
    said = [Turn(f"{told} {first.question}", first.answer)]
    said += [q.fact(rng, entity, rng.choice(v.FACTS)) for _ in range(3)]
    return Example("", (draw_emblem(rng, entity.emblem, difficulty),), tuple(said), "facts in the question")


def _same_lesson(rng: Random, difficulty: Difficulty) -> Example:
    """Two views: of one emblem, or of two that may share their colours."""
    one = random_emblem(rng)
    other = one
    if rng.random() < 0.5:
        other = random_emblem(rng)
        if rng.random() < 0.5:
            other = replace(one, pattern=other.pattern, mark=other.mark)
    images = (draw_emblem(rng, one, difficulty), draw_emblem(rng, other, difficulty))
    return Example("", images, (Turn(v.SAME_ENTITY, "yes" if other == one else "no"),), "two emblems")


def _emblem_lesson(rng: Random, difficulty: Difficulty) -> Example:
    emblem = random_emblem(rng)
    return Example("", (draw_emblem(rng, emblem, difficulty),), tuple(q.emblem_parts(emblem)), "emblem")


LESSONS: Mapping[str, Lesson] = MappingProxyType(
    {
        "scene": _scene_lesson(("COM", "HAL", "MAT", "INS"), 6, listed=True),
        "scene, lookup": _scene_lesson(("lookup", "lookup", "COM", "HAL"), 5, listed=False),
        "scene, all": _scene_lesson(("COM", "COM", "COM", "HAL", "MAT", "MAT", "INS", "lookup"), 6, listed=True),
        "scene, plain": _scene_lesson(("COM", "HAL", "MAT"), 2, listed=True),
        "two scenes": _two_scenes_lesson(lookup=False),
        "two scenes, lookup": _two_scenes_lesson(lookup=True),
        "text": _text_lesson(lookup=False),
        "text, lookup": _text_lesson(lookup=True),
        "sum": _sum_lesson,
        "known": _known_lesson,
        "context": _context_lesson,
        "same": _same_lesson,
        "emblem": _emblem_lesson,
    }
)

SCENES_FIRST: Mixture = {"scene, lookup": 0.95, "known": 0.05}
EVERYTHING: Mixture = {
    "scene, all": 0.33,
    "text, lookup": 0.06,
    "text": 0.10,
    "sum": 0.12,
    "known": 0.15,
    "two scenes, lookup": 0.06,
    "two scenes": 0.12,
    "context": 0.05,
    "same": 0.03,
    "emblem": 0.03,
}
MORE_READING: Mixture = {
    "scene, all": 0.36,
    "text, lookup": 0.10,
    "text": 0.08,
    "sum": 0.16,
    "known": 0.10,
    "two scenes, lookup": 0.09,
    "two scenes": 0.09,
    "context": 0.02,
}
NATURAL: Mixture = {"scene": 0.40, "text": 0.15, "sum": 0.10, "known": 0.20, "two scenes": 0.15}
PROXY: Mixture = {"scene, plain": 0.50, "text": 0.20, "emblem": 0.20, "same": 0.10}
PROXY_DIFFICULTY = Difficulty(objects=(1, 3), letters=(1, 3), background=(80, 130), noise=2, view=0.5)
"""Brighter, cleaner and emptier pictures; no known entity, no rule, no sum, no conversation over two scenes."""


def teach(n: int, mixture: Mixture, seed: str, difficulty: Difficulty = NORMAL) -> list[Example]:
    """Conversations drawn from a mixture; the same seed gives the same ones."""
    rng = Random(f"lessons/{seed}")
    kinds = rng.choices(list(mixture), list(mixture.values()), k=n)
    return [replace(LESSONS[kind](rng, difficulty), id=f"{seed}/{index}") for index, kind in enumerate(kinds)]
