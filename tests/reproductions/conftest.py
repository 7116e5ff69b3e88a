"""A toy world in the laboratory's words: two tasks of a few pictures each, and a prior that differs from them."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest

from reproductions.examples import Example, Task, Turn
from reproductions.lab import vocabulary


def toy_example(index: int, world: str) -> Example:
    """A picture of noise and a three-word name for it."""
    rng = random.Random(f"{world} {index}")
    pixels = np.random.default_rng(rng.randrange(2**32)).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    question = vocabulary.QUESTIONS["name"][index % vocabulary.TRAINING_PHRASINGS]
    answer = " ".join(rng.choice(vocabulary.COLORS + vocabulary.SHAPES) for _ in range(3))
    name = f"{world}-{index}"
    return Example(name, (pixels,), (Turn(question, answer),), kind="name", entity=name, facts={"name": answer})


def toy_prior(n: int, seed: int) -> list[Example]:
    """Examples of an invented past."""
    return [toy_example(index, f"prior {seed}") for index in range(n)]


def toy_task(name: str, n: int = 8) -> Task:
    """`n` things to learn; the questions are the training examples themselves."""
    examples = tuple(toy_example(index, name) for index in range(n))
    return Task(name, examples, examples)


@pytest.fixture(scope="session")
def make_task() -> Callable[..., Task]:
    return toy_task


@pytest.fixture(scope="session")
def prior() -> Callable[[int, int], list[Example]]:
    return toy_prior
