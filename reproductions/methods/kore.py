"""KORE's constraint: learn only along input directions that old knowledge does not use.

Jiang et al. 2025, arXiv:2510.19316, section 4.2. KORE has two parts. Its augmentation is a form of the data
(`data.form: knowledge-tree`); this is the other one. Inputs of every linear layer are collected on samples of the
pretraining data, `C = X Xᵀ`; `Û` are the eigenvectors of its r smallest eigenvalues; A comes from the SVD of `W Û Ûᵀ`
and is frozen, so `B A C ≈ 0` whatever B learns.

Variant: B starts at zero beside an untouched W, equal to the published residual form (`frozen_a.py` says why); the
SVD is taken on the thin `W Û`; C follows the paper's formula, without the per-sample scaling of the code; the
released code for Qwen trains A where the paper freezes it, here the paper holds. The projector learns only if the
tuning says so. In a stream the adapter goes on learning; the paper has one task only.
"""

from __future__ import annotations

from pydantic import Field

from reproductions import frozen_a, tuning
from reproductions.covariance import Tokens, in_passes, second_moments
from reproductions.frozen_a import Subspace
from reproductions.method import Context, Method
from reproductions.vlm import VLM


class KORE(Method):
    """LoRA whose A spans the approximate null space of old inputs."""

    constrain: bool = True
    """False: the ablation without constraint, which is plain LoRA."""
    freeze_a: bool = True
    """False: the ablation in which A learns too."""
    subspace: Subspace = "null"
    """`random` and `top` are controls: is it the null space, or just that A is frozen?"""
    samples: int = Field(256, ge=1)
    """Examples of the prior that the covariance is measured on."""
    dimensions: tuple[str, ...] = ()
    """Only abilities of these dimensions are constrained (the paper's specific constraints); empty: the whole prior."""
    tokens: Tokens = "prompt"
    passes: int = Field(1, ge=1)
    """Read the examples so many times, measuring a part of the layers each time: less memory, the same result."""

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Measure the inputs of old knowledge, compute A, freeze it."""
        tuning.require(context.tuning, "lora", "kore")
        examples = context.dimensions(self.dimensions, self.samples)
        if not self.constrain:
            super().prepare(vlm, context)
            return
        if self.passes == 1:
            moments = iter([second_moments(vlm, examples, tokens=self.tokens)])
        else:
            moments = in_passes(vlm, examples, passes=self.passes, tokens=self.tokens)
        super().prepare(vlm, context)
        provided = frozen_a.from_passes(
            vlm, tuning.adapter(vlm), moments, context.tuning.rank, subspace=self.subspace, seed=context.seed
        )
        frozen_a.install(vlm, provided.factors, context.tuning, freeze=self.freeze_a, seed=context.seed)
        self._facts["energy_in_learned_directions"] = provided.energy


METHOD = KORE
