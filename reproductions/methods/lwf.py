"""Learning without forgetting: on the new data, keep answering as softly as before.

Li and Hoiem 2016, arXiv:1606.09282: `L + α T² KL(teacher ‖ student)` at temperature T; the teacher is the model as it
was before the task. It sees only new data, so what it keeps is what new questions touch.

Variant: for generation, over the whole vocabulary at the answer tokens, mean per token, with the factor T². With
adapters the teacher costs no second model: the weights that learn are swapped for their earlier values during its
forward pass. KORE does not state its α and T; Continual-NExT's α = 0.001 cannot be seen.
"""

from __future__ import annotations

from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import tuning
from reproductions.distillation import divergence
from reproductions.examples import Task
from reproductions.method import Context, Method
from reproductions.vlm import VLM, Batch


class LwF(Method):
    """Fine-tuning, distilled from the model before it."""

    strength: float = Field(0.3, ge=0)
    """α."""
    temperature: float = Field(2.0, gt=0)

    _teacher: tuning.Snapshot = PrivateAttr(default_factory=dict)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """The first teacher is the base model."""
        super().prepare(vlm, context)
        self._teacher = tuning.snapshot(vlm)

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """α T² KL(teacher ‖ student), mean over answer tokens."""
        if not self.strength:
            return None
        with tuning.weights_of(vlm, self._teacher), vlm.autocast():
            target, _ = vlm.answer_logits(batch)
        return self.strength * divergence(logits, target, self.temperature)

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """The next teacher is the model as it is now."""
        self._teacher = tuning.snapshot(vlm)


METHOD = LwF
