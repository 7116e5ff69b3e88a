"""Elastic weight consolidation: hold each weight as firmly as what is known depends on it.

Kirkpatrick et al. 2017, arXiv:1612.00796: `λ/2 Σ F (θ − θ*)²` with the diagonal Fisher information F. Which Fisher
and which θ make several algorithms of this name (van de Ven, arXiv:2502.11756).

Variant: F is per example, over whole answers, of the true answers (`empirical`) or of tokens drawn from the model
(`sampled`, the Fisher information proper); before the first task it is measured on the prior, then on each finished
task. θ are the effective weights of the language model's linear layers, `W + B A` with adapters: penalising A and B
themselves would depend on how a product is split. Each F is scaled to mean 1, which makes λ independent of the
estimator. The sum of all quadratics is kept exactly, as one. KORE does not say what its EWC row is.
"""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import importance, tuning
from reproductions.examples import Example, Task
from reproductions.method import Context, Method
from reproductions.vlm import VLM, Batch


class EWC(Method):
    """Fine-tuning under a pull back to the weights that earlier knowledge needs."""

    strength: float = Field(0.1, ge=0)
    """λ, for an importance of mean 1."""
    samples: int = Field(256, ge=1)
    """Examples the Fisher information is measured on, of the prior and of each task."""
    fisher: Literal["empirical", "sampled"] = "empirical"
    dimensions: tuple[str, ...] = ()
    """Hold only abilities of these dimensions; empty: the whole prior."""

    _pull: importance.Pull = PrivateAttr(default_factory=importance.Pull)
    _drift: tuning.Drift = PrivateAttr()

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Measure what the base model's abilities depend on."""
        super().prepare(vlm, context)
        self._drift = tuning.Drift(vlm)
        self._pull = importance.Pull()
        self._pull.add(self.measure(vlm, context.dimensions(self.dimensions, self.samples)))

    def measure(self, vlm: VLM, examples: list[Example]) -> importance.Weights:
        """Diagonal Fisher information on these examples, mean 1."""
        objective = importance.log_likelihood
        if self.fisher == "sampled":
            objective = importance.sampled_log_likelihood(torch.Generator().manual_seed(self._context.seed))
        return importance.normalised(importance.importance(vlm, examples, objective))

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """λ/2 Σ F (ΔW − ΔW*)²."""
        return self.strength * self._pull(self._drift()) if self.strength else None

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """From now on, also hold what this task needs, where it is now."""
        self._pull.add(self.measure(vlm, list(task.train[: self.samples])), self._drift())


METHOD = EWC
