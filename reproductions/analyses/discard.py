"""Discard-rank curves: what a model still knows when the smallest components of all its layers are dropped.

KORE, Figure 4 (a) and (b) and Table 8 (LLaVA-v1.5-7B), after CorDA (arXiv:2406.05223, Figure 2). Each weight W
(out × in) is decomposed as `W = U S R` with `SVD(W M) = U S Vᵀ` and `R = Vᵀ M⁻¹`; the last components are left out:

    svd       M = I
    asvd      M = diag(mean |x|)^α                 ASVD, arXiv:2312.05821
    co-svd    M = C + damping · mean(diag C) · I   CorDA and KORE
    whitened  M = (the same)^½

The last one is ours, for comparison: it is what minimises the error of the layer's outputs, `‖(W − W′) X‖`, on the
inputs behind C (Eckart and Young; SVD-LLM, arXiv:2403.07378, uses a Cholesky factor for the same end). CO-SVD weighs
frequent directions twice as much as that. C also comes from one dimension alone, as in KORE's comparison of samples
from MME and from ScienceQA.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import get_args

import torch
from torch import Tensor

from reproductions.analyses import layers
from reproductions.analyses.spec import (
    Decomposition,
    DiscardCurve,
    DiscardPoint,
    DiscardResult,
    DiscardSettings,
    SourcePoint,
)
from reproductions.spec import ModelRef
from reproductions.vlm import VLM, load_vlm


@dataclass(frozen=True)
class Components:
    """`W = left @ right`, most important component first."""

    left: Tensor
    """out × k, singular values included."""
    right: Tensor
    """k × in."""

    def without(self, discarded: int) -> Tensor:
        """The weight without its last components."""
        kept = len(self.right) - discarded
        return self.left[:, :kept] @ self.right[:kept]


def decompose(weight: Tensor, scale: Tensor | None) -> Components:
    """`SVD(W M)`, undone on the right; `scale` is M (in × in, symmetric), its diagonal (in), or None for I. Float64."""
    weight = weight.double()
    scaled = weight if scale is None else weight * scale if scale.dim() == 1 else weight @ scale
    left, values, right = torch.linalg.svd(scaled, full_matrices=False)
    if scale is not None:
        right = right / scale if scale.dim() == 1 else torch.linalg.solve(scale, right, left=False)
    return Components(left * values, right)


def damped(moment: Tensor, damping: float) -> Tensor:
    """The second moment with a little of its mean diagonal on the diagonal."""
    return moment + damping * moment.diagonal().mean() * torch.eye(len(moment), dtype=moment.dtype)


def square_root(matrix: Tensor) -> Tensor:
    """The symmetric root of a positive definite matrix."""
    values, vectors = torch.linalg.eigh(matrix)
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def scale_of(
    decomposition: Decomposition, moment: Tensor, magnitude: Tensor, settings: DiscardSettings
) -> Tensor | None:
    """M for one layer, from its inputs' second moment (in × in) and their mean absolute values (in)."""
    if decomposition == "svd":
        return None
    if decomposition == "asvd":
        return magnitude.clamp_min(1e-12) ** settings.asvd_alpha
    covariance = damped(moment, settings.damping)
    return covariance if decomposition == "co-svd" else square_root(covariance)


class Cut:
    """A model whose layers can be cut and mended again."""

    def __init__(self, vlm: VLM) -> None:
        self.vlm = vlm
        self.linears = vlm.language_linears()
        self.weights = {name: linear.weight.detach().clone() for name, linear in self.linears.items()}

    @torch.no_grad()
    def mend(self) -> None:
        """The weights as they were."""
        for name, weight in self.weights.items():
            self.linears[name].weight.copy_(weight)

    @torch.no_grad()
    def __call__(self, components: Mapping[str, Components], share: float) -> int:
        """Leave out this share of every layer's components; returns how many in the smallest layer."""
        self.mend()
        for name, one in components.items():
            if discarded := round(share * len(one.right)):
                self.linears[name].weight.copy_(one.without(discarded))
        return min(round(share * len(one.right)) for one in components.values())

    def output_error(self, moments: Mapping[str, Tensor]) -> float:
        """‖(W − W′) X‖² ÷ ‖W X‖², mean over layers."""
        errors = []
        for name, weight in self.weights.items():
            lost = (weight - self.linears[name].weight.detach()).double()
            errors.append((_energy(lost, moments[name]) / _energy(weight.double(), moments[name])).item())
        return fmean(errors)


def _energy(weight: Tensor, moment: Tensor) -> Tensor:
    return ((weight @ moment) * weight).sum()


def run(model: ModelRef, settings: DiscardSettings, say: layers.Say) -> DiscardResult:
    """Curves for every decomposition, and CO-SVD with C from each dimension."""
    vlm = load_vlm(model)
    data = settings.data
    asked = layers.kept_questions(data)
    shares, decompositions = settings.shares, get_args(Decomposition)
    total = len(decompositions) * len(shares) + len(asked) * len(settings.source_shares)
    examples = layers.injection(data).prior(data, settings.samples, 0)
    moments = layers.moments(vlm, examples, settings.tokens)
    magnitudes = layers.mean_inputs(vlm, examples, absolute=True, tokens=settings.tokens)
    cut, done = Cut(vlm), 0

    def scored(components: Mapping[str, Components], share: float, what: str) -> tuple[int, dict[str, float]]:
        nonlocal done
        rank = cut(components, share)
        kept = layers.retention(vlm, asked)
        done += 1
        say(f"{what}, {share:.1%} discarded", done, total)
        return rank, kept

    def curve(decomposition: Decomposition) -> DiscardCurve:
        components = _components(cut, decomposition, moments, magnitudes, settings)
        points = []
        for share in shares:
            rank, kept = scored(components, share, decomposition)
            error = cut.output_error(moments)
            points.append(DiscardPoint(share=share, rank=rank, retention=kept, output_error=error))
        return DiscardCurve(decomposition=decomposition, points=tuple(points))

    curves = tuple(curve(decomposition) for decomposition in decompositions)
    sources: list[SourcePoint] = []
    for source in asked if settings.source_shares else ():
        cut.mend()
        own = layers.injection(data).dimension_prior(data, source, settings.samples, 0)
        components = _components(cut, "co-svd", layers.moments(vlm, own, settings.tokens), magnitudes, settings)
        for share in settings.source_shares:
            kept = scored(components, share, f"co-svd from {source}")[1]
            sources.append(SourcePoint(source=source, share=share, retention=kept))
    return DiscardResult(settings=settings, curves=curves, by_source=tuple(sources))


def _components(
    cut: Cut,
    decomposition: Decomposition,
    moments: Mapping[str, Tensor],
    magnitudes: Mapping[str, Tensor],
    settings: DiscardSettings,
) -> dict[str, Components]:
    """Every layer decomposed, each scale computed once per distinct input."""
    scales: dict[int, Tensor | None] = {}
    found: dict[str, Components] = {}
    for name, weight in cut.weights.items():
        moment = moments[name]
        if id(moment) not in scales:
            scales[id(moment)] = scale_of(decomposition, moment, magnitudes[name], settings)
        found[name] = decompose(weight, scales[id(moment)])
    return found
