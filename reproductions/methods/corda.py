"""CorDA: start the adapter from a decomposition of the weights that is ordered by how a context uses them (CO-SVD).

Yang et al. 2024, arXiv:2406.05223: `SVD(W C) = U S Vᵀ` with the inputs' covariance C, `W = U S (Vᵀ C⁻¹)`. In the
knowledge-preserved mode (`kpm`) the adapter starts from the last r components, with C from old knowledge; in the
instruction-previewed mode (`ipm`) from the first r. A and B learn beside the residual.

Variant: PEFT's implementation, with its per-sample scaling of the inputs and its damping of C. C is measured on whole
conversations of the prior. Because A learns, the null space holds at the first step only. The export is relative to
the original base model, so it has twice the rank.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from peft.tuners.lora.config import CordaConfig
from peft.tuners.lora.corda import preprocess_corda
from pydantic import Field, PrivateAttr
from torch import nn

from reproductions import tuning
from reproductions.examples import Example
from reproductions.method import Context, Method
from reproductions.tuning import Factors
from reproductions.vlm import VLM


class CorDA(Method):
    """LoRA from context-oriented components."""

    mode: Literal["kpm", "ipm"] = "kpm"
    samples: int = Field(256, ge=1)

    _start: dict[str, Factors] = PrivateAttr(default_factory=dict)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Let PEFT decompose the weights; remember where the adapter started."""
        tuning.require(context.tuning, "lora", "corda")
        tuning.refuse_quantised(vlm, "method corda")
        if context.tuning.projector:
            raise ValueError("method corda: tuning.projector is not supported; set it to false")
        self._context = context
        vlm.model.requires_grad_(False)
        config = tuning.lora_config(vlm, context.tuning)
        config.init_lora_weights = "corda"
        config.corda_config = CordaConfig(corda_method=self.mode)
        examples = context.prior(self.samples, context.seed)
        preprocess_corda(vlm.base, config, run_model=lambda: _read(vlm, examples))
        tuning.add_adapter(vlm, config, seed=context.seed)
        self._start = {
            layer: Factors(nn.Parameter(-one.up.detach()), nn.Parameter(one.down.detach().clone()), one.scale)
            for layer, one in tuning.adapter(vlm).items()
        }

    def export(self, vlm: VLM, folder: Path) -> None:
        """`B A − B₀ A₀` as one adapter beside the original weights."""
        folder.mkdir(parents=True, exist_ok=True)
        tuning.export_factors(vlm, folder, [tuning.adapter(vlm), self._start])


@torch.no_grad()
def _read(vlm: VLM, examples: list[Example]) -> None:
    """Forward one by one: PEFT's hook takes single samples only."""
    for example in examples:
        vlm.base.model(**vlm.collate([vlm.encode(example)]).inputs)


METHOD = CorDA
