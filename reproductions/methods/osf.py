"""Orthogonal subspace fine-tuning: keep each weight's strongest singular directions, learn in the rest.

Nayak et al. 2025, arXiv:2504.07097 ("Sculpting subspaces"): `W = U S Vᵀ`; the first k components are frozen, the others
learn, and their gradients are projected off the frozen ones. Before each further task the weight is decomposed again.

Variant: PEFT's implementation, with one share of frozen components for all layers (the paper adapts it by layer).
Gradients are projected before AdamW, whose step is no longer exactly within the free directions: about one per cent of
the change leaks. It changes the language model's weights themselves, hence `tuning.kind: language-model`, and leaves a
whole model behind.
"""

from __future__ import annotations

from typing import Any

from peft import OSFConfig, PeftModel, get_peft_model
from pydantic import Field

from reproductions import tuning
from reproductions.examples import Task
from reproductions.method import Context, Method
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


class OSF(Method):
    """Fine-tuning in the weak singular directions of every layer."""

    kept: float = Field(0.5, gt=0, lt=1)
    """Share of each layer's singular directions that is frozen."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Decompose the weights."""
        tuning.require(context.tuning, "language-model", "osf")
        tuning.refuse_quantised(vlm, "method osf")
        self._context = context
        self.decompose(vlm)

    def decompose(self, vlm: VLM) -> None:
        """Put PEFT's layers in place, on the weights as they are now."""
        vlm.model.requires_grad_(False)
        config = OSFConfig(target_modules=vlm.family.language_linears, effective_rank=self.kept)
        vlm.model = get_peft_model(vlm.model, config)  # pyright: ignore[reportArgumentType]

    def learn(self, vlm: VLM, task: Task) -> TrainingTrace:
        """Train, from the second task on in a fresh decomposition."""
        if not isinstance(vlm.model, PeftModel):
            self.decompose(vlm)
        return super().learn(vlm, task)

    def consolidate(self, vlm: VLM, task: Task) -> None:
        """Merge what was learned into the weights."""
        wrapped: Any = vlm.model
        vlm.model = wrapped.merge_and_unload()


METHOD = OSF
