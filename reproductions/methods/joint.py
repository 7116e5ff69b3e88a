"""Joint training: everything at once, the past included; the upper reference that no method may use.

From the base model, all tasks so far are learned together with fresh examples of the prior, as many as there are new
ones in each step. It breaks both rules of injection (the past is not available, earlier tasks are gone) and reads
twice as much per step, so it shows what is lost by keeping them; it does not compete.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, PrivateAttr

from reproductions import tuning
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class Joint(Method):
    """Fine-tuning from the start on all data, old and new."""

    prior_per_new: float = Field(1.0, ge=0)
    """Examples of the prior that are read beside each new one."""

    _start: tuning.Snapshot = PrivateAttr(default_factory=dict)
    _seen: list[Example] = PrivateAttr(default_factory=list)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Remember where every training starts."""
        super().prepare(vlm, context)
        self._start, self._seen = tuning.snapshot(vlm), []

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Begin again from the base model, with this task's data beside the earlier ones'."""
        tuning.restore(vlm, self._start)
        self._seen = [*self._seen, *task.train]
        return super().learn(vlm, task)

    def batches(self, task: Task) -> Iterator[list[Example]]:
        """New examples of all tasks so far, and fresh old ones that are never repeated."""
        settings = self._context.training
        n_old = round(self.prior_per_new * settings.batch_size)
        old = iter(self._context.prior(n_old * settings.steps, self._context.seed))
        for new in self.shuffled(self._seen, task):
            yield [*new, *(next(old) for _ in range(n_old))]


METHOD = Joint
