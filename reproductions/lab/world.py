"""The laboratory's world as methods and the runner see it: what is injected, what is asked, what was known. Light.

Every function is determined by its arguments. The worlds `test` and `validation` share no entity, seed or item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from types import MappingProxyType
from typing import Literal, get_args

from reproductions.examples import Example, Image, Task, Turn
from reproductions.lab import lessons
from reproductions.lab import questions as q
from reproductions.lab import vocabulary as v
from reproductions.lab.drawing import (
    EASY,
    GRID,
    HARD,
    NORMAL,
    Difficulty,
    draw_emblem,
    draw_emblem_elsewhere,
    draw_scene,
    draw_text,
    edit_blindly,
    random_scene,
)
from reproductions.lab.population import KNOWN, World, entities, known_in
from reproductions.lab.questions import Entity

__all__ = [
    "CHANCE",
    "DIFFICULTIES",
    "DIMENSIONS",
    "FORMS",
    "KNOWN",
    "Difficulty",
    "Entity",
    "Form",
    "World",
    "entities",
    "injection_task",
    "prior_examples",
    "retention_questions",
]

DIMENSIONS = ("COM", "OCR", "M-DIS", "INS", "M-IDU", "MAT", "HAL")
"""After the KORE paper: comprehension, reading, disciplines (here: known entities), instruction following, multi-image
dialogue, mathematics, hallucination."""
DIFFICULTIES = MappingProxyType({"easy": EASY, "normal": NORMAL, "hard": HARD})

Form = Literal[
    "raw",
    "knowledge-tree",
    "raw-qa",
    "raw-views",
    "text-augmented",
    "text-agnostic",
    "image-augmented",
    "image-agnostic",
]
FORMS: tuple[Form, ...] = get_args(Form)
COPIES = 7
"""Samples per entity in every form but `raw`: as many as a knowledge tree has."""


# What is injected


def injection_task(new: Sequence[Entity], *, seed: int, form: Form = "raw", difficulty: Difficulty = NORMAL) -> Task:
    """Facts about new entities, in one form, with questions in phrasings and on views that do not occur there.

    Forms (samples per entity):
        raw: the caption on one view (1).
        knowledge-tree: KORE's augmentation: a dialogue as trunk; recognition, caption and questions on other views (7).
        raw-qa: the caption and the facts as questions, on the one view: the tree's texts without its images (7).
        raw-views: the caption on as many views: the tree's images without its structure (7).
        text-augmented: the caption and paraphrases of it (7); text-agnostic: with words dropped, doubled, swapped.
        image-augmented: the caption before other surroundings (7); image-agnostic: mirrored, cropped, recoloured.

    The first view, its caption, and all questions are the same in every form.

    Raises:
        ValueError: no such form.
    """
    if form not in FORMS:
        raise ValueError(f"no form named {form!r}; there are: {', '.join(FORMS)}")
    told = [_Told(entity, seed, difficulty) for entity in new]
    train = tuple(sample for one in told for sample in _BUILDERS[form](one))
    return Task(
        id=f"{new[0].id}..{new[-1].id}/{form}",
        train=train,
        questions=tuple(question for one in told for question in one.ask(held_out=True, new_view=True)),
        reliability=tuple(one.sample("caption", one.view, one.caption) for one in told),
        probes={
            "phrasing": tuple(question for one in told for question in one.ask(held_out=True, new_view=False)),
            "view": tuple(question for one in told for question in one.ask(held_out=False, new_view=True)),
        },
    )


class _Told:
    """One entity, about to be told about: its first view and caption, and a random stream for everything else."""

    def __init__(self, entity: Entity, seed: int, difficulty: Difficulty) -> None:
        self.entity, self.difficulty = entity, difficulty
        first = Random(f"first view/{seed}/{entity.id}")
        self.view = draw_emblem(first, entity.emblem, difficulty)
        self.caption = q.caption(first, entity)
        self.rng = Random(f"more views/{seed}/{entity.id}")
        self.question_seed = f"questions/{seed}/{entity.id}"

    def sample(self, kind: str, image: Image, *turns: Turn) -> Example:
        """A conversation about the entity."""
        return Example(
            f"{self.entity.id}/{kind}", (image,), turns, kind, entity=self.entity.id, facts=dict(self.entity.facts)
        )

    def another_view(self) -> Image:
        """A view that was not there before."""
        return draw_emblem(self.rng, self.entity.emblem, self.difficulty)

    def fact(self, kind: str) -> Turn:
        """A fact in a training phrasing."""
        return q.fact(self.rng, self.entity, kind, slice(v.TRAINING_PHRASINGS))

    def ask(self, *, held_out: bool, new_view: bool) -> list[Example]:
        """One question per fact."""
        rng = Random(f"{self.question_seed}/{held_out}/{new_view}")
        phrasings = slice(v.TRAINING_PHRASINGS, None) if held_out else slice(v.TRAINING_PHRASINGS)
        asked: list[Example] = []
        for kind in v.FACTS:
            image = draw_emblem(rng, self.entity.emblem, self.difficulty) if new_view else self.view
            asked.append(self.sample(kind, image, q.fact(rng, self.entity, kind, phrasings)))
        return asked


def _raw(told: _Told) -> list[Example]:
    return [told.sample("raw", told.view, told.caption)]


def _knowledge_tree(told: _Told) -> list[Example]:
    """KORE's augmentation, in the trial's small.

    Trunk: caption and all facts in one dialogue on the first view. Branches, on four other views: recognition (the
    answer is always yes, as published), caption, and one question per fact.
    """
    kinds = told.rng.sample(v.FACTS, len(v.FACTS))
    views = [told.another_view() for _ in range(4)]
    caption = q.caption(told.rng, told.entity)
    return [
        told.sample("trunk", told.view, told.caption, *(told.fact(kind) for kind in kinds)),
        told.sample("recognition", views[0], q.recognition(told.rng, told.entity)),
        told.sample("caption", views[1], caption),
        *(told.sample("question", views[2 + index % 2], told.fact(kind)) for index, kind in enumerate(v.FACTS)),
    ]


def _raw_qa(told: _Told) -> list[Example]:
    captions = [Turn(question, told.caption.answer) for question in v.CAPTION_QUESTIONS]
    turns = captions + [told.fact(kind) for kind in v.FACTS]
    return [told.sample("raw", told.view, turn) for turn in turns]


def _with_images(edit: Callable[[_Told], Image]) -> Callable[[_Told], list[Example]]:
    def build(told: _Told) -> list[Example]:
        return _raw(told) + [
            told.sample("view", edit(told), q.caption(told.rng, told.entity)) for _ in range(COPIES - 1)
        ]

    return build


def _with_texts(edit: Callable[[_Told], str]) -> Callable[[_Told], list[Example]]:
    def build(told: _Told) -> list[Example]:
        return _raw(told) + [
            told.sample("text", told.view, Turn(told.rng.choice(v.CAPTION_QUESTIONS), edit(told)))
            for _ in range(COPIES - 1)
        ]

    return build


_BUILDERS: MappingProxyType[str, Callable[[_Told], list[Example]]] = MappingProxyType(
    {
        "raw": _raw,
        "knowledge-tree": _knowledge_tree,
        "raw-qa": _raw_qa,
        "raw-views": _with_images(_Told.another_view),
        "text-augmented": _with_texts(lambda told: q.paraphrase(told.rng, told.entity)),
        "text-agnostic": _with_texts(lambda told: q.scramble(told.rng, told.caption.answer)),
        "image-augmented": _with_images(
            lambda told: draw_emblem_elsewhere(told.rng, told.entity.emblem, told.difficulty)
        ),
        "image-agnostic": _with_images(lambda told: edit_blindly(told.rng, told.view)),
    }
)


# What is asked for, before and after


def retention_questions(
    n_per_dimension: int, *, world: World = "test", seed: int, difficulty: Difficulty = NORMAL
) -> dict[str, tuple[Example, ...]]:
    """Dimension → questions on what the base model can do. The last turn is asked; exact match counts."""
    asked: dict[str, tuple[Example, ...]] = {}
    for dimension in DIMENSIONS:
        rng = Random(f"retention/{world}/{dimension}/{seed}")
        found: list[Example] = []
        while len(found) < n_per_dimension:
            images, turns = _retention_question(dimension, rng, world, difficulty)
            if turns:
                found.append(Example(f"{world}-{seed}/{dimension}/{len(found)}", images, turns, dimension))
        asked[dimension] = tuple(found)
    return asked


Asked = tuple[tuple[Image, ...], tuple[Turn, ...]]


def _retention_question(dimension: str, rng: Random, world: World, difficulty: Difficulty) -> Asked:
    """One question; without turns where the scene does not allow it."""
    if dimension == "M-DIS":
        entity = rng.choice(known_in(world))
        turn = q.fact(rng, entity, rng.choice(v.FACTS))
        return (draw_emblem(rng, entity.emblem, difficulty),), (turn,)
    if dimension == "M-IDU":
        scenes = lessons.two_scenes(rng, difficulty)
        turns = tuple(lessons.comparisons(rng, scenes, 2))
        return tuple(draw_scene(rng, scene, difficulty) for scene in scenes), turns if len(turns) == 2 else ()
    if dimension == "OCR":
        text = lessons.random_text(rng, difficulty)
        return (draw_text(rng, text, rng.randrange(GRID), difficulty),), (q.read_all(text),)
    if dimension == "MAT" and rng.random() < 0.5:
        a, b = rng.randint(0, 9), rng.randint(0, 9)
        turn = rng.choice(q.arithmetic(rng, a, b))
        return (draw_text(rng, f"{a}+{b}", rng.randrange(GRID), difficulty),), (turn,)
    scene = random_scene(rng, difficulty)
    ask = {"COM": q.attribute, "INS": q.instruction, "MAT": q.counting, "HAL": q.existence}[dimension]
    turn = ask(rng, scene)
    return (draw_scene(rng, scene, difficulty),), (turn,) if turn else ()


def prior_examples(
    n: int, *, prior: Literal["pretraining", "proxy"] = "pretraining", seed: int, difficulty: Difficulty = NORMAL
) -> list[Example]:
    """Samples of what the base model learned from, for replay, Fisher information and covariance.

    `pretraining` is the true distribution; `proxy` differs from it in pictures and in tasks (no known entities, no
    rules, no sums, no two scenes), as in practice, where the true corpus is not at hand.
    """
    if prior == "proxy":
        return lessons.teach(n, lessons.PROXY, f"prior/proxy/{seed}", lessons.PROXY_DIFFICULTY)
    return lessons.teach(n, lessons.NATURAL, f"prior/pretraining/{seed}", difficulty)


CHANCE = MappingProxyType(
    {"COM": 0.192, "OCR": 0.001, "M-DIS": 0.023, "INS": 0.145, "M-IDU": 0.185, "MAT": 0.319, "HAL": 0.498}
)
"""Accuracy of the best answer that looks at the question only, measured by `python -m reproductions.lab.chance`."""
