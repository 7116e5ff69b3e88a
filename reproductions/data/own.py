"""Your own knowledge: a folder of images and `facts.jsonl`, one fact item per line. The schema, the check, the reader.

    my-facts/
      facts.jsonl
      images/kettle-front.jpg …

Only `id`, `name`, `images` and `text` are needed. `facts` (property → value) is what the augmentation turns into
questions, `questions` are held out: they tell whether the knowledge arrived, and are never trained on.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reproductions.data.conversations import complaints
from reproductions.data.images import ImageFile
from reproductions.data.problems import Problem
from reproductions.data.words import contains, normal
from reproductions.examples import Example, Image, Task, Turn

FACTS_FILE = "facts.jsonl"
SMALLEST_SIDE = 14
"""Pixels; a single patch of a common vision tower. Anything below is a broken thumbnail."""


class OwnRecord(BaseModel):
    """Frozen, unknown keys refused: a misspelt key would silently lose data."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class OwnQuestion(OwnRecord):
    """One question with its short answer."""

    question: str = Field(min_length=1, description="As a user would ask it; without <image>.")
    answer: str = Field(min_length=1, description="A word or a short phrase that stands in `text` or `facts`.")
    image: str | None = Field(
        None, description="Relative path; default: the first of `test_images`, else the first of `images`."
    )
    kind: str = Field("", description="What it asks for, e.g. `maker`; scores are also given per kind.")


class FactItem(OwnRecord):
    """One thing worth knowing: an entity, a product, a piece of news."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", description="Unique; lower case, digits, `.`, `_`, `-`.")
    name: str = Field(min_length=1, description="What it is called.")
    images: tuple[str, ...] = Field(min_length=1, description="Trained on; paths relative to the folder.")
    text: str = Field(min_length=1, description="The whole knowledge as one paragraph.")
    kind: str = Field("entity", min_length=1, description="`person`, `product`, `news` …; used in questions.")
    facts: dict[str, str] = Field({}, description="Property → value, both short; the source for augmentation.")
    test_images: tuple[str, ...] = Field((), description="Other views of the same thing; never trained on.")
    questions: tuple[OwnQuestion, ...] = Field((), description="Held out; never trained on.")
    training_questions: tuple[OwnQuestion, ...] = Field((), description="Trained on beside `text`.")
    task: str = Field("all", pattern=r"^[a-z0-9][a-z0-9._-]*$", description="Step of the stream; order of appearance.")

    @property
    def source(self) -> str:
        """Everything that is known about it: what an augmented answer must stay inside of."""
        return ". ".join([self.name, self.text, *(f"{key}: {value}" for key, value in self.facts.items())])


def json_schema() -> dict[str, Any]:
    """JSON Schema of one line of `facts.jsonl`."""
    schema = FactItem.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@dataclass
class Check:
    """A folder that was looked at."""

    folder: Path
    items: list[FactItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    unreadable: bool = False
    """The folder or its `facts.jsonl` cannot be read at all."""

    @property
    def questions(self) -> int:
        """Held-out questions."""
        return sum(len(item.questions) for item in self.items)


def check(folder: Path) -> Check:
    """Read the folder and find everything that is wrong with it, at once."""
    found = Check(folder)
    path = folder / FACTS_FILE
    if not folder.is_dir() or not path.is_file():
        what = "no such folder" if not folder.is_dir() else f"has no {FACTS_FILE}"
        found.problems.append(Problem(str(folder), what, f"expected {path}"))
        found.unreadable = True
        return found
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        found.problems.append(Problem(FACTS_FILE, f"cannot be read: {error}", "save it as UTF-8"))
        found.unreadable = True
        return found
    lines: dict[str, int] = {}
    for number, raw in _lines(text, found):
        try:
            item = FactItem.model_validate(raw)
        except ValidationError as error:
            found.problems.extend(_with_hints(complaints(error, FACTS_FILE, number)))
            continue
        if item.id in lines:
            hint = f"first used on line {lines[item.id]}"
            found.problems.append(Problem(FACTS_FILE, f"{item.id!r} is taken", hint, number, "id"))
            continue
        lines[item.id] = number
        found.items.append(item)
        found.problems.extend(_item_problems(item, folder, number))
    if not lines and not found.problems:
        found.problems.append(Problem(FACTS_FILE, "holds no fact item", "write one JSON object per line"))
    found.problems.extend(_shared_test_images(found.items, lines))
    found.problems.sort(key=lambda problem: (problem.file, problem.line or 0))
    return found


def read(folder: Path) -> list[FactItem]:
    """All fact items of a folder.

    Raises:
        FileNotFoundError: no folder, or no `facts.jsonl` in it.
        DataError: it has errors; `aki reproduce data check` lists them all.
    """
    from reproductions.data.problems import DataError, errors

    found = check(folder)
    if found.unreadable:
        raise FileNotFoundError(str(found.problems[0]))
    if errors(found.problems):
        raise DataError(f"{folder} (see `aki reproduce data check`)", errors(found.problems))
    return found.items


# Checks of one item


def _item_problems(item: FactItem, folder: Path, number: int) -> Iterator[Problem]:
    for place, written in _written_images(item):
        problem = _image_problem(folder, written)
        if problem:
            yield Problem(FACTS_FILE, problem[0], problem[1], number, place)
    known = (*item.images, *item.test_images)
    for group in ("questions", "training_questions"):
        for index, asked in enumerate(getattr(item, group)):
            place = f"{group}[{index}]"
            if asked.image is not None and asked.image not in known:
                hint = "add it to images (trained on) or test_images (held out)"
                yield Problem(
                    FACTS_FILE, f"{asked.image!r} is not an image of {item.id}", hint, number, f"{place}.image"
                )
            if not contains(item.source, asked.answer):
                hint = "nothing teaches it; add it to text or facts"
                message = f"answer {asked.answer!r} stands neither in text nor in facts"
                yield Problem(FACTS_FILE, message, hint, number, f"{place}.answer", "warning")
    yield from _held_out_problems(item, number)


def _held_out_problems(item: FactItem, number: int) -> Iterator[Problem]:
    both = set(item.images) & set(item.test_images)
    if both:
        hint = "a test image must not be trained on"
        yield Problem(FACTS_FILE, f"{sorted(both)[0]!r} is in images and in test_images", hint, number, "test_images")
    trained = {normal(one.question) for one in item.training_questions}
    for index, asked in enumerate(item.questions):
        if normal(asked.question) in trained:
            hint = "ask it in other words, or it tests memory of the wording"
            yield Problem(FACTS_FILE, "is also a training question", hint, number, f"questions[{index}].question")
    if item.questions and not item.test_images:
        hint = "without another view it tests memory of the picture; add test_images"
        yield Problem(FACTS_FILE, "questions are asked on a training image", hint, number, "test_images", "warning")
    if not item.questions:
        hint = "it will be injected, but nothing will tell whether it arrived"
        yield Problem(FACTS_FILE, "no held-out question", hint, number, "questions", "warning")


def _written_images(item: FactItem) -> Iterator[tuple[str, str]]:
    for key in ("images", "test_images"):
        for index, written in enumerate(getattr(item, key)):
            yield f"{key}[{index}]", written


def _image_problem(folder: Path, written: str) -> tuple[str, str] | None:
    """Message and hint."""
    if Path(written).is_absolute() or ".." in Path(written).parts:
        return f"{written!r} leads out of the folder", "write it relative to the folder"
    path = folder / written
    if not path.is_file():
        near = _same_but_for_case(path)
        return f"no file {written!r}", f"did you mean {near!r}?" if near else "paths are relative to the folder"
    if not path.resolve().is_relative_to(folder.resolve()):
        return f"{written!r} is a link out of the folder", "copy the file into the folder"
    try:
        height, width, _ = ImageFile(path).shape
    except ValueError as error:
        return f"{written!r} {str(error).partition(': ')[2]}", "save it as JPEG or PNG"
    if min(height, width) < SMALLEST_SIDE:
        return f"{written!r} is {width} × {height} pixels", f"at least {SMALLEST_SIDE} on each side"
    return None


def _same_but_for_case(path: Path) -> str | None:
    if not path.parent.is_dir():
        return None
    return next((one.name for one in sorted(path.parent.iterdir()) if one.name.lower() == path.name.lower()), None)


def _shared_test_images(items: Sequence[FactItem], lines: dict[str, int]) -> Iterator[Problem]:
    trained: defaultdict[str, list[str]] = defaultdict(list)
    for item in items:
        for written in item.images:
            trained[written].append(item.id)
    for item in items:
        for written in item.test_images:
            others = [one for one in trained.get(written, []) if one != item.id]
            if others:
                message = f"{written!r} is a training image of {others[0]}"
                yield Problem(FACTS_FILE, message, "a test image must not be trained on", lines[item.id], "test_images")


def _lines(text: str, found: Check) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line, object_pairs_hook=_refuse_twins)
        except json.JSONDecodeError as error:
            hint = f"one JSON object per line; trouble at column {error.colno}"
            found.problems.append(Problem(FACTS_FILE, f"is no JSON: {error.msg}", hint, number))
        except KeyError as error:
            found.problems.append(Problem(FACTS_FILE, f"key {error} is written twice", "keep one", number))


def _refuse_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [key for key, count in Counter(key for key, _ in pairs).items() if count > 1]
    if twice:
        raise KeyError(twice[0])
    return dict(pairs)


def _with_hints(problems: list[Problem]) -> list[Problem]:
    from dataclasses import replace
    from difflib import get_close_matches

    known = list(FactItem.model_fields)
    mended: list[Problem] = []
    for problem in problems:
        leaf = problem.field.rsplit(".", 1)[-1]
        names = list(OwnQuestion.model_fields) if "." in problem.field else known
        near = get_close_matches(leaf, names, n=1) if "extra" in problem.message.lower() else []
        mended.append(replace(problem, hint=f"did you mean '{near[0]}'?") if near else problem)
    return mended


# Items → tasks


def image(folder: Path, written: str) -> Image:
    """An image of the folder, read when it is looked at."""
    return cast("Image", ImageFile(folder / written))


def tasks(items: Sequence[FactItem], trained: dict[str, tuple[Example, ...]], folder: Path) -> tuple[Task, ...]:
    """One task per value of `task`, in order of appearance. `trained` holds what to learn, by item id."""
    grouped: defaultdict[str, list[FactItem]] = defaultdict(list)
    for item in items:
        grouped[item.task].append(item)
    return tuple(
        Task(
            name,
            tuple(example for item in group for example in trained[item.id]),
            tuple(example for item in group for example in questions(item, folder)),
            tuple(example for item in group for example in reliability(item, folder)),
        )
        for name, group in grouped.items()
    )


def questions(item: FactItem, folder: Path) -> Iterator[Example]:
    """The held-out questions."""
    for index, asked in enumerate(item.questions):
        written = asked.image or (*item.test_images, *item.images)[0]
        yield _ask(item, asked, f"{item.id}-q{index}", image(folder, written))


def reliability(item: FactItem, folder: Path) -> Iterator[Example]:
    """The training questions on their training image: does it at least repeat what it read?"""
    for index, asked in enumerate(item.training_questions):
        yield _ask(item, asked, f"{item.id}-t{index}", image(folder, asked.image or item.images[0]))


def _ask(item: FactItem, asked: OwnQuestion, identity: str, view: Image) -> Example:
    return Example(identity, (view,), (Turn(asked.question, asked.answer),), asked.kind or item.kind, item.id)
