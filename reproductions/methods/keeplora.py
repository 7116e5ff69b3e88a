"""KeepLoRA: learn where the new task's gradient points, outside what the weights and earlier tasks already use.

arXiv:2601.19659 (2026). Per layer an orthonormal basis M (in × k) of directions to keep: first the principal input
directions of W, up to a share ε of its energy. Before a task, the mean gradient G (out × in) over a few of its
examples is freed of M, `G̃ = (I − M Mᵀ) Gᵀ`; A are its first r left singular vectors, frozen, B = 0. After the task M
is extended by what the gradient then shows, up to 99 % of its energy.

Variant: earlier adapters stay in the sum, frozen, instead of being merged; the scale is the tuning's (the paper:
twice). Where fewer than r directions are free the paper's code silently returns kept ones; here that is an error.
"""

from __future__ import annotations

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import importance, tuning
from reproductions.examples import Example, Task
from reproductions.frozen_a import complement_basis, principal_directions
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class KeepLoRA(Method):
    """One adapter per task, its A taken from the residual gradient."""

    weight_energy: float = Field(0.6, gt=0, lt=1)
    """ε: share of each weight's energy whose input directions are kept."""
    task_energy: float = Field(0.99, gt=0, lt=1)
    """Share of the gradient's energy that is kept after a task."""
    sampled: float = Field(0.2, gt=0, le=1)
    """Share of a task's examples, evenly spaced, that gradients are taken on."""

    _kept: dict[str, Tensor] = PrivateAttr(default_factory=dict)
    _finished: int = PrivateAttr(0)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """What the weights use is kept from the start."""
        tuning.require(context.tuning, "lora", "keeplora")
        tuning.refuse_quantised(vlm, "method keeplora")
        super().prepare(vlm, context)
        self._finished = 0
        linears = vlm.language_linears()
        self._kept = {
            layer: principal_directions(linears[layer].weight.detach().double().T, self.weight_energy)
            for layer in tuning.adapter(vlm)
        }

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Choose A for this task, then train B alone."""
        if self._finished:
            config = tuning.lora_config(vlm, self._context.tuning)
            tuning.add_adapter(vlm, config, seed=self._context.seed, name=f"task-{self._finished}")
        gradients = importance.mean_gradient(vlm, self.probe(task))
        for layer, one in tuning.adapter(vlm, tuning.adapters(vlm)[-1]).items():
            rows = complement_basis(gradients[layer].double().T, self._kept[layer], self._context.tuning.rank, layer)
            with torch.no_grad():
                one.down.copy_(rows.T)
            one.down.requires_grad_(False)
        return super().learn(vlm, task)

    def probe(self, task: Task) -> list[Example]:
        """Evenly spaced examples of a task."""
        n = max(1, round(self.sampled * len(task.train)))
        return [task.train[index * len(task.train) // n] for index in range(n)]

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Keep what this task's gradient uses now, as far as it is not kept already."""
        gradients = importance.mean_gradient(vlm, self.probe(task))
        for layer, kept in self._kept.items():
            gradient = gradients[layer].double().T  # (in, out)
            inside = (kept.T @ gradient).square().sum() / gradient.square().sum()
            if inside < self.task_energy:
                rest = gradient - kept @ (kept.T @ gradient)
                share = (self.task_energy - inside.item()) / (1 - inside.item())
                self._kept[layer] = torch.cat([kept, principal_directions(rest, share)], dim=1)
        self._finished += 1


METHOD = KeepLoRA
