"""O-LoRA: every task gets a fresh adapter that reads directions no earlier adapter reads.

Wang et al. 2023, arXiv:2310.14152: earlier adapters are frozen and stay in the sum; while task t is learned, `λ₁
Σ_layers Σ_{i<t} Σ_ab |A_i A_tᵀ|_ab + λ₂ Σ_layers ‖(A_t, B_t)‖₂` is added to the loss.

Variant: the paper and its text code; MCITlib's version for multimodal models lets earlier experts learn from the
penalty and leaves them out of the training forward. The sum over entries is not divided by their number, as in the
paper, so λ₁ depends on rank and depth. Not PEFT's `init_lora_weights="olora"`, which is something else. In the first
task there is nothing to be orthogonal to: in one-shot injection this is plain LoRA.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import tuning
from reproductions.examples import Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM, Batch


class OLoRA(Method):
    """One adapter per task, orthogonal to the earlier ones."""

    degenerate_one_shot: ClassVar[bool] = True

    orthogonality: float = Field(0.5, ge=0)
    """λ₁; the authors recommend 0 to 5."""
    decay: float = Field(0.0, ge=0)
    """λ₂."""

    _finished: int = PrivateAttr(0)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """The first adapter."""
        tuning.require(context.tuning, "lora", "o-lora")
        super().prepare(vlm, context)
        self._finished = 0

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Train this task's own adapter."""
        if self._finished:
            config = tuning.lora_config(vlm, self._context.tuning)
            seed = self._context.seed + self._finished
            tuning.add_adapter(vlm, config, seed=seed, name=f"task-{self._finished}")
        return super().learn(vlm, task)

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """λ₁ times the overlap of row spaces, plus λ₂ times the size of the new factors."""
        *earlier, current = tuning.adapters(vlm)
        terms: list[Tensor] = []
        for layer, new in tuning.adapter(vlm, current).items():
            for name in earlier:
                old = tuning.adapter_of(vlm, layer, name).down
                terms.append(self.orthogonality * (old @ new.down.T).abs().sum())
            if self.decay:
                terms.append(self.decay * (new.down.square().sum() + new.up.square().sum()).sqrt())
        return torch.stack(terms).sum() if terms else None

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """The next task gets its own adapter."""
        self._finished += 1


METHOD = OLoRA
