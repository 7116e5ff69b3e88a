"""How alike the dimensions are, as the layers see them: second moments of their inputs, compared.

KORE, Figure 4 (c), Figures 8 and 9: the paper shows covariance matrices of POPE, HallusionBench and MMBench as
pictures and circles outliers that the first two share; it computes no number. Ours, for dimensions a and b:

    cosine        ⟨C_a, C_b⟩ / (‖C_a‖ ‖C_b‖), Frobenius, C = mean of x xᵀ
    correlation   the same of C − μ μᵀ, where μ is the mean input: all tasks share its direction
    null overlap  ‖U_aᵀ U_b‖² / r, with the eigenvectors U of the r smallest eigenvalues: what KORE's constraint is made
                  of; 1 if one null space serves both, r / width by chance

Each dimension's samples are two disjoint halves, and a value is the mean over the two pairings of different halves.
So the diagonal is what two samples of the same dimension reach, the ceiling that other values are to be read against.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reproductions import frozen_a
from reproductions.analyses import layers
from reproductions.analyses.spec import SimilarityOfLayers, SimilarityResult, SimilaritySettings
from reproductions.examples import Example
from reproductions.spec import ModelRef
from reproductions.vlm import VLM, load_vlm

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Seen:
    """What one layer sees of one half of a dimension's samples."""

    moment: Tensor
    centred: Tensor
    null: Tensor
    """in × r, orthonormal."""


def cosine(first: Tensor, second: Tensor) -> float:
    """Of two matrices, Frobenius."""
    return ((first * second).sum() / (first.norm() * second.norm())).item()


def overlap(first: Tensor, second: Tensor) -> float:
    """Share that two subspaces (in × r, orthonormal) have in common."""
    return ((first.T @ second).square().sum() / first.shape[1]).item()


def matrix(halves: Sequence[tuple[Seen, Seen]], alike: Callable[[Seen, Seen], float]) -> Tensor:
    """Dimension × dimension: mean over the pairings of different halves; on the diagonal there is one."""
    size = len(halves)
    found = torch.zeros(size, size, dtype=torch.float64)
    for a in range(size):
        for b in range(a, size):
            pairs = ((halves[a][0], halves[b][1]), (halves[a][1], halves[b][0]))
            found[a, b] = found[b, a] = sum(alike(*pair) for pair in pairs) / 2
    return found


def run(model: ModelRef, settings: SimilaritySettings, say: layers.Say) -> SimilarityResult:
    """Matrices by kind of layer, and over all layers."""
    vlm = load_vlm(model)
    data, source = settings.data, layers.injection(settings.data)
    dimensions = tuple(layers.kept_questions(data.model_copy(update={"n_retention_per_dimension": 1})))
    narrowest = min(linear.in_features for linear in vlm.language_linears().values())
    rank = layers.rank_for(settings.rank, [narrowest])
    halves: list[tuple[dict[str, Seen], dict[str, Seen]]] = []
    kinds: tuple[layers.Kind, ...] = ()
    for place, dimension in enumerate(dimensions):
        drawn = source.dimension_prior(data, dimension, 2 * settings.samples, 0)
        first, kinds = seen(vlm, drawn[: settings.samples], settings, rank)
        second, _ = seen(vlm, drawn[settings.samples :], settings, rank)
        halves.append((first, second))
        say(f"{dimension} read", place + 1, len(dimensions))
    by_layers = tuple(_of(kind.name, kind.leaders, halves, rank) for kind in kinds)
    everything = [leader for kind in kinds for leader in kind.leaders]
    return SimilarityResult(
        settings=settings,
        dimensions=dimensions,
        by_layers=by_layers,
        average=_of("all", everything, halves, rank),
    )


def seen(
    vlm: VLM, examples: Sequence[Example], settings: SimilaritySettings, rank: int
) -> tuple[dict[str, Seen], tuple[layers.Kind, ...]]:
    """What the layers see of these examples: one per distinct input."""
    moments = layers.moments(vlm, examples, settings.tokens)
    means = layers.mean_inputs(vlm, examples, absolute=False, tokens=settings.tokens)
    kinds = layers.kinds(moments)
    found: dict[str, Seen] = {}
    for leader in (leader for kind in kinds for leader in kind.leaders):
        moment, mean = moments[leader], means[leader]
        null, _ = frozen_a.directions(moment, rank, "null", torch.Generator())
        found[leader] = Seen(moment, moment - torch.outer(mean, mean), null)
    return found, kinds


def _of(
    name: str, leaders: Sequence[str], halves: Sequence[tuple[dict[str, Seen], dict[str, Seen]]], rank: int
) -> SimilarityOfLayers:
    """Means over these layers."""

    def mean(alike: Callable[[Seen, Seen], float]) -> Matrix:
        each = [matrix([(first[layer], second[layer]) for first, second in halves], alike) for layer in leaders]
        return tuple(tuple(row) for row in torch.stack(each).mean(0).tolist())

    return SimilarityOfLayers(
        layers=name,
        n_layers=len(leaders),
        width=min(len(halves[0][0][leader].moment) for leader in leaders),
        cosine=mean(lambda a, b: cosine(a.moment, b.moment)),
        correlation=mean(lambda a, b: cosine(a.centred, b.centred)),
        null_overlap=mean(lambda a, b: overlap(a.null, b.null)),
        rank=rank,
    )
