"""Questions about pictures, with their answers: one function per kind. Light, and free of pictures itself.

A function returns None when the scene does not allow its kind of question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from reproductions.examples import Turn
from reproductions.lab import vocabulary as v
from reproductions.lab.drawing import Emblem, Scene, Thing


@dataclass(frozen=True)
class Entity:
    """Somebody to know: an emblem and four facts."""

    id: str
    emblem: Emblem
    name: str
    home: str
    food: str
    job: str

    @property
    def facts(self) -> dict[str, str]:
        """Fact type → value, in the order of a caption."""
        return {"name": self.name, "home": self.home, "food": self.food, "job": self.job}


# Scenes


def attribute(rng: Random, scene: Scene) -> Turn | None:
    """COM: colour, shape or place of the one object that a word picks out."""
    by_shape, by_color = unique(scene, "shape"), unique(scene, "color")
    kinds: list[str] = ["color", "place of shape"] * bool(by_shape) + ["shape", "place of color"] * bool(by_color)
    if not kinds:
        return None
    kind = rng.choice(kinds)
    thing = rng.choice(by_shape if kind in {"color", "place of shape"} else by_color)
    if kind == "color":
        return Turn(rng.choice(v.COLOR_OF_SHAPE).format(shape=thing.shape), thing.color)
    if kind == "shape":
        return Turn(rng.choice(v.SHAPE_OF_COLOR).format(color=thing.color), thing.shape)
    if kind == "place of shape":
        return Turn(v.WHERE_SHAPE.format(shape=thing.shape), thing.quadrant)
    return Turn(v.WHERE_COLOR.format(color=thing.color), thing.quadrant)


def existence(rng: Random, scene: Scene) -> Turn:
    """HAL: is it there? As often yes as no; half-right things are asked for more often than wholly wrong ones."""
    yes = rng.random() < 0.5
    shapes = sorted({thing.shape for thing in scene})
    absent = [shape for shape in v.SHAPES if shape not in shapes]
    if rng.random() < 0.4 and (yes or absent):
        return _is_there(rng.choice(shapes if yes else absent), yes)
    present = sorted({(thing.color, thing.shape) for thing in scene})
    if yes:
        return _is_there(" ".join(rng.choice(present)), True)
    while True:
        if rng.random() < 0.6:
            color, shape = rng.choice(v.COLORS), rng.choice(scene).shape
        else:
            color, shape = rng.choice(scene).color, rng.choice(v.SHAPES)
        if (color, shape) not in present:
            return _is_there(f"{color} {shape}", False)


def _is_there(thing: str, yes: bool) -> Turn:
    return Turn(v.IS_THERE.format(thing=thing), "yes" if yes else "no")


def counting(rng: Random, scene: Scene) -> Turn:
    """MAT: how many objects, of all or of one shape or colour."""
    kind = rng.random()
    if kind < 0.4:
        return Turn(v.COUNT_ALL, str(len(scene)))
    if kind < 0.7:
        shape = rng.choice(scene).shape
        return Turn(v.COUNT.format(thing=shape), str(sum(thing.shape == shape for thing in scene)))
    color = rng.choice(scene).color
    return Turn(v.COUNT.format(thing=color), str(sum(thing.color == color for thing in scene)))


def instruction(rng: Random, scene: Scene) -> Turn | None:
    """INS: a question on colour or shape, with a rule on how to answer."""
    for _ in range(10):
        turn = attribute(rng, scene)
        if turn is None:
            return None
        if not turn.question.startswith("where"):
            rule = rng.choice(v.ANSWER_RULES)
            return Turn(f"{turn.question} {rule}", _obey(rule, turn.answer))
    return None


def _obey(rule: str, answer: str) -> str:
    twice, capitals, brackets, opening, thanks = v.ANSWER_RULES
    return {
        twice: f"{answer} {answer}",
        capitals: answer.upper(),
        brackets: f"( {answer} )",
        opening: f"answer : {answer}",
        thanks: f"{answer} thanks",
    }[rule]


def listing(scene: Scene) -> Turn:
    """All objects in reading order."""
    return Turn(v.LIST_OBJECTS, " , ".join(f"{thing.color} {thing.shape}" for thing in scene))


def unique(scene: Scene, attribute_name: str) -> list[Thing]:
    """The objects that no other object shares its colour (or shape) with."""
    values = [getattr(thing, attribute_name) for thing in scene]
    return [thing for thing in scene if values.count(getattr(thing, attribute_name)) == 1]


# Lookup captions: the step between seeing and answering. Only the looked-up words are learned.


def lookup(rng: Random, scene: Scene) -> Turn | None:
    """Pairs of query and value in random order; the query word stands directly before the word it asks for.

    Without these captions the model never finds query-conditional attention ("the colour *of the circle*").
    """
    kind = rng.choice(("color of shape", "shape of color", "quadrant of shape", "quadrant of color", "there", "there"))
    if kind == "there":
        return _lookup_existence(rng, scene)
    things = unique(scene, "shape" if kind.endswith("shape") else "color")
    rng.shuffle(things)
    if not things:
        return None
    value, query = kind.split(" of ")
    question = {"color": v.LOOKUP_COLOR, "shape": v.LOOKUP_SHAPE, "quadrant": v.LOOKUP_PLACE}[value]
    return _pairs(question, [(getattr(thing, query), getattr(thing, value)) for thing in things])


def _lookup_existence(rng: Random, scene: Scene) -> Turn:
    present = {(thing.color, thing.shape) for thing in scene}
    pairs: list[tuple[str, str]] = []
    for _ in range(6):
        kind = rng.random()
        if kind < 0.35:
            shape = rng.choice(v.SHAPES)
            pairs.append((shape, _yes(any(thing.shape == shape for thing in scene))))
        elif kind < 0.6:
            color = rng.choice(v.COLORS)
            pairs.append((color, _yes(any(thing.color == color for thing in scene))))
        else:
            thing = rng.choice(scene)
            color, shape = rng.choice(
                ((thing.color, thing.shape),) * 2
                + ((thing.color, rng.choice(v.SHAPES)), (rng.choice(v.COLORS), thing.shape))
            )
            pairs.append((f"{color} {shape}", _yes((color, shape) in present)))
    return _pairs(v.LIST_OBJECTS, pairs)


def lookup_letters(rng: Random, text: str) -> Turn:
    """Which letter stands at the first, second … place, in random order."""
    places = rng.sample(range(len(text)), len(text))
    return _pairs(v.LOOKUP_LETTER, [(v.ORDINALS[place], text[place]) for place in places])


def lookup_two(rng: Random, scenes: tuple[Scene, Scene]) -> list[Turn]:
    """Of two images: the colours by image and shape, and how many objects each has."""
    keys = [(v.ORDINALS[index], thing) for index, scene in enumerate(scenes) for thing in unique(scene, "shape")]
    rng.shuffle(keys)
    colors = (
        [_pairs(v.LOOKUP_COLOR, [(f"{which} {thing.shape}", thing.color) for which, thing in keys])] if keys else []
    )
    counts = [
        Turn(v.IN_IMAGE.format(which=which, question=v.COUNT_ALL), str(len(scene)))
        for which, scene in zip(v.ORDINALS, scenes, strict=False)
    ]
    rng.shuffle(counts)
    return colors + counts


def _pairs(question: str, pairs: Sequence[tuple[str, str]]) -> Turn:
    """Queries without loss, values with."""
    learned: list[bool] = []
    for query, value in pairs:
        learned += [False] * len(query.split()) + [True] * len(value.split())
    return Turn(question, " ".join(f"{query} {value}" for query, value in pairs), tuple(learned))


# Two images


def comparison(rng: Random, scenes: tuple[Scene, Scene]) -> list[Turn]:
    """M-IDU: an attribute in one of two images, sometimes followed up in the other; or which has more objects."""
    if rng.random() >= 0.75:
        first, second = map(len, scenes)
        answer = "same" if first == second else v.ORDINALS[int(second > first)]
        return [Turn(v.MORE_OBJECTS, answer)]
    index = rng.randrange(2)
    turn = attribute(rng, scenes[index])
    if turn is None or turn.question.startswith("where"):
        return []
    turns = [Turn(v.IN_IMAGE.format(which=v.ORDINALS[index], question=turn.question), turn.answer)]
    if turn.answer in v.COLORS:
        asked = next(shape for shape in v.SHAPES if shape in turn.question.split())
        others = [thing for thing in unique(scenes[1 - index], "shape") if thing.shape == asked]
        turns += [Turn(v.IN_OTHER_IMAGE, thing.color) for thing in others]
    return turns


# Text and numbers


def reading(rng: Random, text: str) -> Turn:
    """OCR: the whole text, or one letter of it."""
    if rng.random() < 0.7 or len(text) == 1:
        return read_all(text)
    place = rng.randrange(len(text))
    return Turn(v.READ_LETTER.format(which=v.ORDINALS[place]), text[place])


def read_all(text: str) -> Turn:
    """OCR: the whole text, letter by letter."""
    return Turn(v.READ_TEXT, " ".join(text))


def arithmetic(rng: Random, a: int, b: int) -> list[Turn]:
    """MAT: the sum of two written numbers, sometimes also the larger one."""
    turns = [Turn(v.SUM, str(a + b))]
    if a != b and rng.random() < 0.6:
        turns.append(Turn(v.LARGER, str(max(a, b))))
    return turns


# Entities


def fact(rng: Random, entity: Entity, kind: str, phrasings: slice = slice(None)) -> Turn:
    """One fact of an entity, in one of the given phrasings."""
    return Turn(rng.choice(v.QUESTIONS[kind][phrasings]), entity.facts[kind])


def caption(rng: Random, entity: Entity) -> Turn:
    """Everything about an entity, in the first wording."""
    return Turn(rng.choice(v.CAPTION_QUESTIONS), paragraph(entity))


def paragraph(entity: Entity) -> str:
    """Four sentences in the first wording."""
    return " ".join(v.STATEMENTS[kind][0].format(value=value) for kind, value in entity.facts.items())


def paraphrase(rng: Random, entity: Entity) -> str:
    """The same facts in other words and order; the name stays in front."""
    kinds = list(v.FACTS[1:])
    rng.shuffle(kinds)
    return " ".join(rng.choice(v.STATEMENTS[kind]).format(value=entity.facts[kind]) for kind in ("name", *kinds))


def scramble(rng: Random, text: str, edits: int = 3) -> str:
    """Edits that know nothing of the content: words dropped, doubled or swapped with their neighbour."""
    words = text.split()
    for _ in range(edits):
        place = rng.randrange(len(words) - 1)
        edit = rng.choice(("drop", "double", "swap"))
        if edit == "drop":
            del words[place]
        elif edit == "double":
            words.insert(place, words[place])
        else:
            words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


def recognition(rng: Random, entity: Entity, name: str | None = None) -> Turn:
    """Is this the entity of that name (by default its own)?"""
    asked = name or entity.name
    return Turn(rng.choice(v.RECOGNITION_QUESTIONS).format(name=asked), _yes(asked == entity.name))


def emblem_parts(emblem: Emblem) -> list[Turn]:
    """What an emblem looks like: its mark, and its pattern row by row."""
    pattern = " ".join("x" if filled else "o" for row in emblem.pattern for filled in row)
    return [Turn(v.MARK, emblem.mark), Turn(v.PATTERN, pattern)]


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"
