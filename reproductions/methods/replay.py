"""Replay: mix examples of what the model knew before into what it learns now.

As in KORE's comparison (arXiv:2510.19316): a fixed random sample of the pretraining data, a tenth as large as the
injection data, is added to it and the whole is shuffled. "10 %" means other things elsewhere, hence `of`. In a stream
the same fraction of each finished task is kept as well (one uniform sample per task, not a shared reservoir).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Literal

from pydantic import Field, PrivateAttr

from reproductions import training
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.vlm import VLM


class Replay(Method):
    """Fine-tuning on the task and on remembered examples."""

    fraction: float = Field(0.1, ge=0, le=10)
    of: Literal["new-data", "batch"] = "new-data"
    """Of the task's examples, to which that many are added; or of every batch, which is filled to that share."""
    samples: int | None = Field(None, ge=1)
    """Distinct remembered examples from before the stream. None: as many as `fraction` of the task's examples."""

    _prior: list[Example] = PrivateAttr(default_factory=list)
    _finished: list[Example] = PrivateAttr(default_factory=list)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Nothing is remembered yet; how many examples depends on the first task."""
        super().prepare(vlm, context)
        if self.of == "batch" and self.fraction >= 1:
            raise ValueError(f"method replay: fraction {self.fraction} of a batch leaves no room for new data; below 1")
        self._prior, self._finished = [], []

    def memory(self, task: Task) -> list[Example]:
        """What is replayed while this task is learned."""
        if not self._prior and self.fraction:
            wanted = round(self.fraction * len(task.train)) if self.samples is None else self.samples
            self._prior = self._context.prior(max(1, wanted), self._context.seed)
        return [*self._prior, *self._finished]

    def batches(self, task: Task) -> Iterator[list[Example]]:
        """New and remembered examples together."""
        memory = self.memory(task)
        self._facts["replayed_examples"] = len(memory)
        if self.of == "new-data" or not memory:
            yield from self.shuffled([*task.train, *memory], task)
            return
        settings = self._context.training
        n_old = round(self.fraction * settings.batch_size)
        if n_old == 0:
            yield from self.shuffled(task.train, task)
            return
        # Two streams of their own sizes: a part of a batch that is sorted by length would always be its shortest.
        seed = f"{self._context.seed} {task.id}"
        fresh = training.batches(task.train, settings.batch_size - n_old, seed)
        for new, old in zip(fresh, training.batches(memory, n_old, f"{seed} remembered"), strict=False):
            yield [*new, *old]

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Keep a uniform sample of the finished task."""
        rng = random.Random(f"{self._context.seed} replay {task.id}")
        self._finished.extend(rng.sample(task.train, min(len(task.train), round(self.fraction * len(task.train)))))


METHOD = Replay
