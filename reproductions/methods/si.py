"""Synaptic intelligence: hold each weight as firmly as it helped to lower the loss of the tasks so far.

Zenke, Poole and Ganguli 2017, arXiv:1703.04200. While a task is learned, `ω −= g · Δθ` adds up each weight's share of
the drop in loss, with g the gradient of the task's loss alone and Δθ the optimiser's real step. After it, `Ω +=
max(ω, 0) / ((total Δθ)² + ξ)`, and the penalty is `c/2 Σ Ω (θ − θ*)²`.

Variant: θ are the weights that learn (with adapters A and B; the path integral needs steps, which `B A` does not
take); the penalty's own gradient is taken out of g (Avalanche leaves it in); a factor ½. There is no path to
integrate before the first task, so in one-shot injection this is plain fine-tuning.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import training, tuning
from reproductions.examples import Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace, Watch
from reproductions.vlm import VLM, Batch


class SI(Method):
    """Fine-tuning that keeps an account of which weight did what."""

    degenerate_one_shot: ClassVar[bool] = True

    strength: float = Field(0.1, ge=0)
    """c."""
    damping: float = Field(1e-3, gt=0)
    """ξ: bounds the importance of weights that hardly moved."""

    _importance: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _anchor: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _path: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _before: dict[str, tuple[Tensor, Tensor]] = PrivateAttr(default_factory=dict)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Start with an empty account."""
        super().prepare(vlm, context)
        self._importance, self._path = {}, {}
        self._anchor = dict(tuning.snapshot(vlm))

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Train, watching every step."""
        self._path = {name: torch.zeros_like(weight) for name, weight in self._anchor.items()}
        weights = tuning.learning(vlm)
        watch = Watch(lambda: self._note(weights), lambda: self._add(weights))
        context = self._context
        return training.train(
            vlm,
            self.batches(task),
            context.training,
            penalty=self.penalty,
            progress=context.progress,
            watch=watch,
        )

    @torch.no_grad()
    def _note(self, weights: dict[str, torch.nn.Parameter]) -> None:
        """Before a step: where each weight is, and the gradient of the task's loss alone."""
        for name, weight in weights.items():
            gradient = torch.zeros_like(weight) if weight.grad is None else weight.grad.clone()
            if name in self._importance:
                gradient -= self.strength * self._importance[name] * (weight - self._anchor[name])
            self._before[name] = (weight.clone(), gradient)

    @torch.no_grad()
    def _add(self, weights: dict[str, torch.nn.Parameter]) -> None:
        """After a step: each weight's share of the drop in loss."""
        for name, weight in weights.items():
            start, gradient = self._before[name]
            self._path[name] -= gradient * (weight - start)

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """c/2 Σ Ω (θ − θ*)²; nothing during the first task."""
        if not self._importance or not self.strength:
            return None
        terms = [
            (self._importance[name] * (weight - self._anchor[name]).square()).sum()
            for name, weight in tuning.learning(vlm).items()
        ]
        return 0.5 * self.strength * torch.stack(terms).sum()

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Turn the account of this task into importance, and hold weights where they are now."""
        for name, weight in tuning.learning(vlm).items():
            moved = (weight.detach() - self._anchor[name]).square()
            gained = self._path[name].clamp(min=0) / (moved + self.damping)
            self._importance[name] = self._importance.get(name, 0) + gained
        self._anchor = dict(tuning.snapshot(vlm))
        self._before = {}


METHOD = SI
