"""Your own knowledge: a folder of images and `facts.jsonl`, checked with `aki reproduce data check FOLDER`.

The schema is in `reproductions.data.own`. Forms: `raw` (an image and the whole text), `raw-views`, `raw-qa`, and
`knowledge-tree`, KORE's augmentation (arXiv:2510.19316) by templates, or by a language model after
`aki reproduce data augment`.
"""

from __future__ import annotations

import random
from functools import lru_cache
from pathlib import Path

from reproductions import augmentation
from reproductions.augmentation import FORMS, training_examples
from reproductions.augmentation_endpoint import read_grown
from reproductions.data import own, past
from reproductions.data.folders import locate
from reproductions.examples import Example, Task, Turn
from reproductions.spec import Data


class OwnData:
    """The folder that `data.options.folder` names."""

    id = "own-data"
    from_folder = True

    def tasks(self, data: Data, seed: int) -> tuple[Task, ...]:
        """One task per step of the stream, at most `data.n_tasks`; of each the first `data.n_entities` items."""
        if data.form not in FORMS:
            raise ValueError(f"data.form: no form named '{data.form}'; there are: {', '.join(FORMS)}")
        folder = locate(self.id, data.options)
        items = list(_items(folder))
        grown = read_grown(folder, items) if data.form == "knowledge-tree" else {}
        chosen = _first_of_each(items, data.n_entities)
        trained = {
            item.id: training_examples(item, folder, form=data.form, growth=grown.get(item.id)) for item in chosen
        }
        tasks = own.tasks(chosen, trained, folder)
        if data.n_tasks > len(tasks):
            raise ValueError(f"data.n_tasks: {folder} has {len(tasks)} tasks, {data.n_tasks} are wanted")
        silent = [task.id for task in tasks if not task.questions]
        if silent:
            raise ValueError(f"{folder}: task '{silent[0]}' has no held-out question; add some to its items")
        return tasks[: data.n_tasks]

    def prior(self, data: Data, n: int, seed: int) -> list[Example]:
        """From the conversations that `data.options.prior` names."""
        return past.sample(data.options, n, seed)

    def dimension_prior(self, data: Data, dimension: str, n: int, seed: int) -> list[Example]:
        """From the conversations that `data.options.dimension_priors` names."""
        return past.sample_dimension(data.options, dimension, n, seed)

    def restyle(self, example: Example, seed: int) -> Example | None:
        """A text becomes a short answer about one of the item's facts (SEFE, arXiv:2505.02486); None without facts."""
        if not example.facts:
            return None
        rng = random.Random(f"restyle {seed} {example.id}")
        name = rng.choice(sorted(example.facts))
        words = augmentation.ENGLISH if example.turns[0].question.isascii() else augmentation.CHINESE
        question = words.property[0].format(property=name.replace("_", " "), kind="thing")
        turn = Turn(f"{question} {words.answer_briefly}", str(example.facts[name]))
        return Example(f"{example.id}/restyled", example.images, (turn,), "restyled", example.entity, example.facts)


def _first_of_each(items: list[own.FactItem], n: int) -> list[own.FactItem]:
    counted: dict[str, int] = {}
    chosen = []
    for item in items:
        counted[item.task] = counted.get(item.task, 0) + 1
        if counted[item.task] <= n:
            chosen.append(item)
    return chosen


@lru_cache(maxsize=4)
def _items(folder: Path) -> tuple[own.FactItem, ...]:
    return tuple(own.read(folder))


BENCHMARK = OwnData()
