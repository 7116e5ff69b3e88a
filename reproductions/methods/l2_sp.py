"""L2-SP: hold all weights equally, at the base model.

Li, Grandvalet and Davoine 2018, arXiv:1802.01483: `α/2 ‖θ − θ₀‖²`, the starting point in place of weight decay's
zero. With adapters it is a penalty on their product `B A`, not on A and B. The control for EWC and MAS: what does it
bring to know which weights matter? θ₀ stays the base model throughout a stream.
"""

from __future__ import annotations

import torch
from pydantic import Field, PrivateAttr
from torch import Tensor

from reproductions import tuning
from reproductions.method import Context, Method
from reproductions.vlm import VLM, Batch


class L2SP(Method):
    """Fine-tuning under a pull back to the base model."""

    strength: float = Field(0.1, ge=0)
    """α."""

    _drift: tuning.Drift = PrivateAttr()

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Note the starting point."""
        super().prepare(vlm, context)
        self._drift = tuning.Drift(vlm)

    def penalty(self, vlm: VLM, batch: Batch, logits: Tensor) -> Tensor | None:
        """α/2 Σ ΔW²."""
        if not self.strength:
            return None
        return 0.5 * self.strength * torch.stack([one.square().sum() for one in self._drift().values()]).sum()


METHOD = L2SP
