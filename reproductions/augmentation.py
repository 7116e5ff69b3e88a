"""KORE-AUGMENTATION for your own facts: every item becomes a small tree of training conversations.

KORE, arXiv:2510.19316, section 3.1. Trunk: one dialogue of several turns on the item's image. Branches: recognition
("yes or no"), a caption in one paragraph, and short questions on further views. Differs from the paper: views are the
images that you give instead of the hits of an image search; dialogue, summary and questions come from templates over
your `facts` unless a language model wrote them (`augmentation_endpoint`) and they passed `augmentation_check`.

The paper's recognition questions are all answered "Yes", which invites a bias towards yes; watch the HAL dimension.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from reproductions.data.own import FactItem, image
from reproductions.examples import Example, Turn

FORMS = ("raw", "raw-qa", "raw-views", "knowledge-tree")


@dataclass(frozen=True)
class Templates:
    """Wordings of one language; `{kind}`, `{name}` and `{property}` are filled in."""

    heuristic: tuple[str, ...]
    recognition: tuple[str, ...]
    caption: tuple[str, ...]
    property: tuple[str, ...]
    """Asked on an image, so the thing is not named."""
    property_of_name: tuple[str, ...]
    """Asked inside the dialogue."""
    name: tuple[str, ...]
    yes: str
    answer_yes_or_no: str
    answer_in_a_paragraph: str
    answer_briefly: str


ENGLISH = Templates(
    heuristic=(
        "What is the {kind} in this image about?",
        "Which {kind} does this image show, and what is known about it?",
        "Please tell me what you know about the {kind} in the picture.",
    ),
    recognition=("Does this image show {name}?", "Is {name} in this picture?", "Do you see {name} here?"),
    caption=("Please describe the {kind} in this picture.", "Summarise what is known about the {kind} shown here."),
    property=("What is the {property} of the {kind} in this image?", "Name the {property} of the {kind} shown here."),
    property_of_name=("What is the {property} of {name}?", "And the {property} of {name}?"),
    name=("What is the name of the {kind} in this image?", "Which {kind} is shown here?"),
    yes="Yes",
    answer_yes_or_no="Answer with Yes or No.",
    answer_in_a_paragraph="Answer in one paragraph.",
    answer_briefly="Answer with a single word or phrase.",
)
CHINESE = Templates(
    heuristic=("这张图片中的{kind}是什么?", "请介绍一下图中的{kind}。", "关于图中的{kind},你知道些什么?"),
    recognition=("这张图片里是{name}吗?", "图中出现的是{name}吗?"),
    caption=("请描述图中的{kind}。", "请概括图中{kind}的相关信息。"),
    property=("图中{kind}的{property}是什么?", "请说出图中{kind}的{property}。"),
    property_of_name=("{name}的{property}是什么?", "那么{name}的{property}呢?"),
    name=("图中的{kind}叫什么?", "图中是哪一个{kind}?"),
    yes="是",
    answer_yes_or_no="请回答“是”或“否”。",
    answer_in_a_paragraph="请用一段话回答。",
    answer_briefly="请用一个词或短语回答。",
)
_CHINESE_CHARACTER = re.compile(r"[一-鿿]")


class Part(BaseModel):
    """Frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Exchange(Part):
    """A question with its answer."""

    question: str
    answer: str


class Quadruplet(Exchange):
    """KORE's (Q, A, S, H): a short question about a subject, and what kind of thing the subject is."""

    subject: str = ""
    hypernym: str = ""


class Growth(Part):
    """What one item has grown into: the texts of its tree, wherever they came from."""

    dialogue: tuple[Exchange, ...] = ()
    """After the heuristic first turn."""
    summary: str
    quadruplets: tuple[Quadruplet, ...] = ()


def templates_for(item: FactItem) -> Templates:
    """Chinese where the text is mostly Chinese, else English."""
    characters = len(_CHINESE_CHARACTER.findall(item.text))
    return CHINESE if characters * 2 > len(item.text) else ENGLISH


def from_templates(item: FactItem) -> Growth:
    """The tree without any language model: one turn and one short question per fact, the text itself as summary."""
    words, rng = templates_for(item), random.Random(f"templates {item.id}")
    filled = [(key.replace("_", " "), value) for key, value in item.facts.items()]
    dialogue = [
        Exchange(question=rng.choice(words.property_of_name).format(property=key, name=item.name), answer=value)
        for key, value in filled
    ]
    short = [
        Quadruplet(
            question=rng.choice(words.property).format(property=key, kind=item.kind),
            answer=value,
            subject=item.name,
            hypernym=item.kind,
        )
        for key, value in filled
    ]
    named = Quadruplet(
        question=rng.choice(words.name).format(kind=item.kind),
        answer=item.name,
        subject=item.name,
        hypernym=item.kind,
    )
    return Growth(dialogue=tuple(dialogue), summary=item.text, quadruplets=(named, *short))


def training_examples(
    item: FactItem,
    folder: Path,
    *,
    form: str = "raw",
    growth: Growth | None = None,
) -> tuple[Example, ...]:
    """What is learned about one item, in one of the `FORMS`. `growth` replaces the templates' tree.

    Raises:
        ValueError: no such form.
    """
    builders: Mapping[str, Callable[[FactItem, Path, Growth], list[Example]]] = {
        "raw": lambda item, folder, _: _raw(item, folder, item.images[:1]),
        "raw-views": lambda item, folder, _: _raw(item, folder, item.images),
        "raw-qa": _raw_and_questions,
        "knowledge-tree": _tree,
    }
    if form not in builders:
        raise ValueError(f"no form of data named {form!r}; there are: {', '.join(FORMS)}")
    built = builders[form](item, folder, growth or from_templates(item))
    asked = [
        Example(
            f"{item.id}-trained-{index}",
            (image(folder, one.image or item.images[0]),),
            (Turn(one.question, one.answer),),
            one.kind or item.kind,
            item.id,
        )
        for index, one in enumerate(item.training_questions)
    ]
    return (*built, *asked)


def _raw(item: FactItem, folder: Path, views: Sequence[str]) -> list[Example]:
    words, rng = templates_for(item), random.Random(f"raw {item.id}")
    return [
        _example(item, folder, f"raw-{index}", view, [(rng.choice(words.heuristic).format(kind=item.kind), item.text)])
        for index, view in enumerate(views)
    ]


def _raw_and_questions(item: FactItem, folder: Path, growth: Growth) -> list[Example]:
    return _raw(item, folder, item.images[:1]) + _short_questions(item, folder, growth)


def _tree(item: FactItem, folder: Path, growth: Growth) -> list[Example]:
    """Trunk on the first view; recognition, caption and questions on the others, as far as there are any."""
    words, rng = templates_for(item), random.Random(f"tree {item.id}")
    others = item.images[1:] or item.images[:1]
    first = (rng.choice(words.heuristic).format(kind=item.kind), growth.summary)
    trunk = [first, *((one.question, one.answer) for one in growth.dialogue)]
    recognise = f"{rng.choice(words.recognition).format(name=item.name)} {words.answer_yes_or_no}"
    caption = f"{rng.choice(words.caption).format(kind=item.kind)} {words.answer_in_a_paragraph}"
    return [
        _example(item, folder, "dialogue", item.images[0], trunk),
        _example(item, folder, "recognition", others[0], [(recognise, words.yes)]),
        _example(item, folder, "caption", others[-1], [(caption, growth.summary)]),
        *_short_questions(item, folder, growth),
    ]


def _short_questions(item: FactItem, folder: Path, growth: Growth) -> list[Example]:
    words = templates_for(item)
    return [
        _example(
            item,
            folder,
            f"vqa-{index}",
            item.images[index % len(item.images)],
            [(f"{one.question} {words.answer_briefly}", one.answer)],
        )
        for index, one in enumerate(growth.quadruplets)
    ]


def _example(item: FactItem, folder: Path, part: str, view: str, said: Sequence[tuple[str, str]]) -> Example:
    turns = tuple(Turn(question, answer) for question, answer in said)
    return Example(
        f"{item.id}-{part}", (image(folder, view),), turns, part.partition("-")[0], item.id, dict(item.facts)
    )
