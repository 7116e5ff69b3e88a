"""How many examples the covariance needs: the null space from n of them against the one from thousands.

KORE, Figure 4 (b) and Table 8: the number of samples matters little, 32 are enough to keep scores after discarding
components. Here the null space itself is watched, by its principal angles to the null space of many other examples:
`cos θ_i` are the singular values of `Uᵀ U_ref`. What matters for retention is the energy of old inputs inside it,
`tr(Uᵀ C_ref U) / tr(C_ref)`; U_ref has the least that r directions can have. What it means for a method is in the
ablations `kore-tree-samples-*`.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from reproductions import frozen_a
from reproductions.analyses import layers
from reproductions.analyses.spec import SamplesOfLayers, SamplesPoint, SamplesResult, SamplesSettings
from reproductions.spec import ModelRef
from reproductions.vlm import load_vlm

REFERENCE_SEED = 1_000_000
"""Of the draw of the reference; the draws that are compared count from 0."""


def principal_angles(first: Tensor, second: Tensor) -> Tensor:
    """Angles between two subspaces (in × r, orthonormal), in degrees, smallest first.

    From sines, where they are small: an arc cosine near one loses half of the digits.
    """
    cosines = torch.linalg.svdvals(first.T @ second).clamp(0, 1)
    sines = torch.linalg.svdvals(second - first @ (first.T @ second)).clamp(0, 1).flip(0)
    return torch.rad2deg(torch.where(cosines**2 > 0.5, torch.asin(sines), torch.acos(cosines)))


def null_space(moment: Tensor, rank: int) -> Tensor:
    """Eigenvectors of the smallest eigenvalues (in × r)."""
    return frozen_a.directions(moment, rank, "null", torch.Generator())[0]


def energy(basis: Tensor, moment: Tensor) -> float:
    """Share of the inputs' energy in a subspace."""
    return (torch.trace(basis.T @ moment @ basis) / torch.trace(moment)).item()


def run(model: ModelRef, settings: SamplesSettings, say: layers.Say) -> SamplesResult:
    """All numbers, all draws, all kinds of layers."""
    vlm = load_vlm(model)
    data, source = settings.data, layers.injection(settings.data)
    total = settings.draws * len(settings.numbers) + 1
    reference = layers.moments(vlm, source.prior(data, settings.reference, REFERENCE_SEED), settings.tokens)
    kinds = layers.kinds(reference)
    say(f"reference of {settings.reference} examples", 1, total)
    rank = layers.rank_for(settings.rank, [len(moment) for moment in reference.values()])
    leaders = [leader for kind in kinds for leader in kind.leaders]
    targets = {leader: null_space(reference[leader], rank) for leader in leaders}
    measured: dict[tuple[int, int], dict[str, tuple[float, float, float]]] = {}
    for place, number in enumerate(settings.numbers):
        for draw in range(settings.draws):
            moments = layers.moments(vlm, source.prior(data, number, draw), settings.tokens)
            measured[number, draw] = _measure(moments, reference, targets, rank)
            say(f"{number} examples, draw {draw + 1}", 2 + place * settings.draws + draw, total)

    def of_kind(kind: layers.Kind) -> SamplesOfLayers:
        def values(number: int, which: int) -> tuple[float, ...]:
            draws = [measured[number, draw] for draw in range(settings.draws)]
            return tuple(sum(one[layer][which] for layer in kind.leaders) / len(kind.leaders) for one in draws)

        least = [energy(targets[layer], reference[layer]) for layer in kind.leaders]
        return SamplesOfLayers(
            layers=kind.name,
            n_layers=len(kind.leaders),
            width=len(reference[kind.leaders[0]]),
            rank=rank,
            least_energy=sum(least) / len(least),
            points=tuple(
                SamplesPoint(
                    samples=number,
                    overlap=values(number, 0),
                    largest_angle=values(number, 1),
                    energy=values(number, 2),
                )
                for number in settings.numbers
            ),
        )

    return SamplesResult(settings=settings, by_layers=tuple(of_kind(kind) for kind in kinds))


def _measure(
    moments: Mapping[str, Tensor], reference: Mapping[str, Tensor], targets: Mapping[str, Tensor], rank: int
) -> dict[str, tuple[float, float, float]]:
    """Layer → overlap, largest angle, energy of the reference inputs."""
    found = {}
    for layer, target in targets.items():
        basis = null_space(moments[layer], rank)
        angles = principal_angles(basis, target)
        overlap = torch.deg2rad(angles).cos().square().mean().item()
        found[layer] = (overlap, angles.max().item(), energy(basis, reference[layer]))
    return found
