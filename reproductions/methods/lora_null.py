"""LoRA-Null: start the adapter in the null space of old inputs.

Tang et al. 2025, arXiv:2503.02659; KORE's constraint reuses its code. From the inputs' second moment C, `Û` are the
eigenvectors of the r smallest eigenvalues, `W Û Ûᵀ = U S Vᵀ`, A = √S Vᵀ, B = U √S, beside the residual `W − B A`.

Variant: `v1` trains A and B, `v2` freezes A, `v3` has A = Ûᵀ frozen and B = 0. C is measured on whole conversations
of the prior (the paper: 256 texts of question answering), without the code's per-sample scaling. v2 then differs from
KORE only in that. The base weights stay untouched (see `frozen_a.py`); with v1 the export has twice the rank.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from reproductions import frozen_a, tuning
from reproductions.covariance import in_passes
from reproductions.method import Context, Method
from reproductions.vlm import VLM


class LoRANull(Method):
    """LoRA that begins where old inputs have no energy."""

    version: Literal["v1", "v2", "v3"] = "v1"
    samples: int = Field(256, ge=1)
    passes: int = Field(1, ge=1)
    """Read the examples so many times, measuring a part of the layers each time: less memory, the same result."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Measure old inputs, compute the start."""
        tuning.require(context.tuning, "lora", "lora-null")
        examples = context.prior(self.samples, context.seed)
        super().prepare(vlm, context)
        moments = in_passes(vlm, examples, passes=self.passes, tokens="conversation")
        layers = list(tuning.adapter(vlm))
        provided = frozen_a.from_passes(vlm, layers, moments, context.tuning.rank, subspace="null", seed=context.seed)
        factors = provided.factors
        if self.version == "v3":
            factors = {layer: (up, frozen_a.orthonormal_rows(down)) for layer, (up, down) in factors.items()}
        frozen_a.install(vlm, factors, context.tuning, freeze=self.version != "v1", seed=context.seed)
        self._facts["energy_in_learned_directions"] = provided.energy


METHOD = LoRANull
