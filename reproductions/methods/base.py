"""The base model as it is: nothing is injected.

Not a method but the lower reference for adaptation and the reference for retention: what the same questions score
before anything is learned. Every record carries these scores too; this row shows them beside the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class Base(Method):
    """No injection."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Nothing learns, whatever the tuning."""
        self._context = context
        vlm.model.requires_grad_(False)

    def batches(self, task: Task) -> Iterator[list[Example]]:
        """Nothing is read."""
        return iter(())

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Leave everything as it is."""
        return TrainingTrace()


METHOD = Base
