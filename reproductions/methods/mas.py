"""Memory aware synapses: hold each weight as firmly as the model's output, right or wrong, reacts to it.

Aljundi et al. 2018, arXiv:1711.09601: importance `Ω = E |∂‖f(x)‖² / ∂θ|`, without labels, penalty `λ Σ Ω (θ − θ*)²`.

Variant: f are the logits at the answer tokens; per-example gradients (Avalanche takes those of whole batches); θ are
the effective weights of the language model's linear layers; Ω scaled to mean 1 and a factor ½, so that λ compares
with EWC's; measured on the prior before the first task, then on each finished task.
"""

from __future__ import annotations

from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import importance, tuning
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.vlm import VLM, Batch


class MAS(Method):
    """Fine-tuning under a pull back to the weights that outputs are sensitive to."""

    strength: float = Field(0.1, ge=0)
    samples: int = Field(256, ge=1)

    _pull: importance.Pull = PrivateAttr(default_factory=importance.Pull)
    _drift: tuning.Drift = PrivateAttr()

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Measure how outputs on the prior react to each weight."""
        super().prepare(vlm, context)
        self._drift = tuning.Drift(vlm)
        self._pull = importance.Pull()
        self._pull.add(self.measure(vlm, context.prior(self.samples, context.seed)))

    def measure(self, vlm: VLM, examples: list[Example]) -> importance.Weights:
        """Ω on these examples, mean 1."""
        return importance.normalised(importance.importance(vlm, examples, importance.output_norm, "absolute"))

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """λ/2 Σ Ω (ΔW − ΔW*)²."""
        return self.strength * self._pull(self._drift()) if self.strength else None

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """From now on, also hold what this task's outputs react to, where it is now."""
        self._pull.add(self.measure(vlm, list(task.train[: self.samples])), self._drift())


METHOD = MAS
