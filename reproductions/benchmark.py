"""What a benchmark is: tasks to inject, or questions about what must be kept. Light.

A benchmark is one file `reproductions/benchmarks/<name>.py` that ends in `BENCHMARK = …`; its id is the file name with
hyphens. Everything it gives is determined by its arguments, so that two methods always see the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

from reproductions import metrics
from reproductions.examples import Example, Task
from reproductions.spec import Data


class Injection(Protocol):
    """New knowledge, in tasks."""

    def tasks(self, data: Data, seed: int) -> tuple[Task, ...]:
        """`data.n_tasks` tasks of `data.n_entities` entities each; the questions do not depend on `data.form`.

        Raises ValueError if the data cannot be had in this form or size.
        """
        ...

    def prior(self, data: Data, n: int, seed: int) -> list[Example]:
        """`n` examples of what the base model learned before, from `data.prior`."""
        ...

    def dimension_prior(self, data: Data, dimension: str, n: int, seed: int) -> list[Example]:
        """`n` examples of one ability alone, none of which is ever scored. Raises ValueError for an unknown ability."""
        ...

    def restyle(self, example: Example, seed: int) -> Example | None:
        """The same knowledge asked for in another answer style; None where there is none."""
        ...


class Retention(Protocol):
    """Abilities of the base model that must survive."""

    chance: Mapping[str, float]
    """Dimension → accuracy of the best answer that does not look at the image."""

    def questions(self, data: Data) -> Mapping[str, Sequence[Example]]:
        """Dimension → questions. The same for every seed: only what is injected varies."""
        ...

    def score(self, question: Example, output: str) -> float:
        """In [0, 1]."""
        ...


class ExactMatch:
    """Scores by the same words in the same order."""

    chance: Mapping[str, float] = MappingProxyType({})

    def score(self, question: Example, output: str) -> float:
        """1 if the output is the gold answer, else 0."""
        return metrics.exact(output, question.answer)
