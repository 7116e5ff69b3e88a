"""What can be scored without looking: the floors below every retention figure.

`python -m reproductions.lab.chance` measures `world.CHANCE`; `blind` measures the same for one model.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from reproductions.examples import Example
from reproductions.lab.world import retention_questions

if TYPE_CHECKING:
    from reproductions.vlm import VLM

Questions = Mapping[str, Sequence[Example]]


def exact_match(vlm: VLM, questions: Questions) -> dict[str, float]:
    """Dimension → fraction of answers that equal the gold answer word by word."""
    flat = [(dimension, question) for dimension, asked in questions.items() for question in asked]
    answers = vlm.answer([question for _, question in flat])
    right: dict[str, list[bool]] = defaultdict(list)
    for (dimension, question), answer in zip(flat, answers, strict=True):
        right[dimension].append(answer.split() == question.answer.split())
    return {dimension: sum(values) / len(values) for dimension, values in right.items()}


def blind(vlm: VLM, questions: Questions, seed: int) -> dict[str, float]:
    """The same when every question is shown the images of another one of its dimension."""
    return exact_match(vlm, {dimension: _shuffled(asked, seed) for dimension, asked in questions.items()})


def _shuffled(asked: Sequence[Example], seed: int) -> list[Example]:
    """Images passed round a random circle, so that none stays."""
    order = list(range(len(asked)))
    Random(f"blind/{seed}").shuffle(order)
    images = {one: asked[other].images for one, other in zip(order, order[1:] + order[:1], strict=True)}
    return [replace(question, images=images[index]) for index, question in enumerate(asked)]


def constant_floor(n_fit: int, n_test: int, seed: int = 0) -> dict[str, float]:
    """Dimension → accuracy of the most frequent answer to the exact question.

    The answers are learned from `n_fit` questions of the validation world and scored on `n_test` of the test world; a
    question that did not occur gets the most frequent answer of the dimension.
    """
    fit = retention_questions(n_fit, world="validation", seed=seed)
    test = retention_questions(n_test, world="test", seed=seed)
    return {dimension: _constant(fit[dimension], test[dimension]) for dimension in fit}


def _constant(fit: Sequence[Example], test: Sequence[Example]) -> float:
    by_question: dict[str, Counter[str]] = defaultdict(Counter)
    overall: Counter[str] = Counter()
    for question in fit:
        by_question[question.turns[-1].question][question.answer] += 1
        overall[question.answer] += 1
    right = 0
    for question in test:
        answers = by_question.get(question.turns[-1].question, overall)
        right += answers.most_common(1)[0][0] == question.answer
    return right / len(test)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(constant_floor(n_fit=20_000, n_test=5_000), indent=2) + "\n")
