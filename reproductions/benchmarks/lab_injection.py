"""The laboratory's new entities: an emblem and four facts each, asked for in unseen phrasings on unseen views.

Stands where EVOKE stands in KORE's comparison (arXiv:2510.19316, section 5.1.1). The forms of the data are in
`reproductions.lab.world.injection_task`. Options: `difficulty` (`easy`, `normal`, `hard`).
"""

from __future__ import annotations

from random import Random
from typing import cast

from reproductions.examples import Example, Task, Turn
from reproductions.lab import vocabulary, world
from reproductions.spec import Data

_AFTER_SCORED = 1_000_000
"""Seeds of ability samples start here; the scored items have seed 0."""


class LabInjection:
    """Entities of the test or the validation world, in one of the world's forms."""

    def tasks(self, data: Data, seed: int) -> tuple[Task, ...]:
        """Task t holds entities t·n … (t + 1)·n − 1 of the seed's draw."""
        strangers = world.entities(data.n_entities * data.n_tasks, world=data.world, seed=seed)
        parts = [strangers[start : start + data.n_entities] for start in range(0, len(strangers), data.n_entities)]
        return tuple(self._task(part, data, seed) for part in parts)

    def _task(self, part: tuple[world.Entity, ...], data: Data, seed: int) -> Task:
        if data.form not in world.FORMS:
            raise ValueError(f"data.form: no form named '{data.form}'; there are: {', '.join(world.FORMS)}")
        form = cast("world.Form", data.form)
        return world.injection_task(part, seed=seed, form=form, difficulty=_difficulty(data))

    def prior(self, data: Data, n: int, seed: int) -> list[Example]:
        """Samples of the pretraining distribution, or of the proxy."""
        return world.prior_examples(n, prior=data.prior, seed=seed, difficulty=_difficulty(data))

    def dimension_prior(self, data: Data, dimension: str, n: int, seed: int) -> list[Example]:
        """Questions of one dimension from the same world, drawn apart from the scored ones."""
        asked = world.retention_questions(n, world=data.world, seed=_AFTER_SCORED + seed, difficulty=_difficulty(data))
        if dimension not in asked:
            raise ValueError(f"no dimension named '{dimension}'; there are: {', '.join(asked)}")
        return list(asked[dimension])

    def restyle(self, example: Example, seed: int) -> Example | None:
        """A caption becomes a short answer or a yes: two of the answer styles of SEFE (arXiv:2505.02486)."""
        if not example.facts:
            return None
        rng = Random(f"restyle/{seed}/{example.id}")
        if rng.random() < 0.5:
            name = example.facts["name"]
            turn = Turn(rng.choice(vocabulary.RECOGNITION_QUESTIONS).format(name=name), "yes")
        else:
            kind = rng.choice(vocabulary.FACTS)
            phrasings = vocabulary.QUESTIONS[kind][: vocabulary.TRAINING_PHRASINGS]
            turn = Turn(rng.choice(phrasings), str(example.facts[kind]))
        return Example(f"{example.id}/restyled", example.images, (turn,), "restyled", example.entity, example.facts)


def _difficulty(data: Data) -> world.Difficulty:
    name = data.options.get("difficulty", "normal")
    if name not in world.DIFFICULTIES:
        raise ValueError(f"data.options.difficulty: '{name}' is none of {', '.join(world.DIFFICULTIES)}")
    return world.DIFFICULTIES[name]


BENCHMARK = LabInjection()
