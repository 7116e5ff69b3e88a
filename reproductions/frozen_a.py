"""Adapters whose A is computed instead of learned: the family of KORE's constraint, LoRA-Null v2 and KeepLoRA.

The papers' code rewrites the base weight: it freezes `W − B₀A` and trains B from B₀. As
`(W − B₀A) + B A = W + (B − B₀) A` and AdamW without weight decay does not mind where B starts, that is plain LoRA with
A frozen, B = 0 and W untouched. So this family leaves ordinary adapters behind. Only where A learns too does the start
matter: then a second, frozen adapter `−B₀A₀` takes the shift back, and the export is one adapter of twice the rank.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

import torch
from scipy.linalg import eigh
from torch import Tensor

from reproductions import tuning
from reproductions.spec import Tuning
from reproductions.vlm import VLM

Subspace = Literal["null", "random", "top"]
"""Directions that the inputs use least, any, or most."""
ORIGIN = "origin"
"""Name of the frozen adapter that takes the initial product back."""


def directions(moment: Tensor, rank: int, subspace: Subspace, generator: torch.Generator) -> tuple[Tensor, float]:
    """An orthonormal basis of `rank` input directions (in × rank, float64), and their share of the inputs' energy.

    `null`: eigenvectors of the smallest eigenvalues of the second moment (in × in), smallest first.

    Raises:
        ValueError: fewer directions than the rank.
    """
    width = len(moment)
    if rank > width:
        raise ValueError(f"tuning: rank {rank} is more than the {width} inputs of a layer; lower it")
    if subspace == "random":
        noise = torch.randn(width, rank, generator=generator, dtype=torch.float64).to(moment.device)
        basis = torch.linalg.qr(noise)[0]
    else:
        basis = _eigenvectors(moment, slice(0, rank) if subspace == "null" else slice(width - rank, width))
    energy = torch.trace(basis.T @ moment @ basis) / torch.trace(moment)
    return basis, energy.item()


def _eigenvectors(moment: Tensor, wanted: slice) -> Tensor:
    """Eigenvectors (in × wanted) by ascending eigenvalue; on a CPU no others are computed, three times faster."""
    if moment.device.type != "cpu":
        return torch.linalg.eigh(moment)[1][:, wanted]
    vectors = eigh(moment.numpy(), subset_by_index=(wanted.start, wanted.stop - 1), driver="evr", check_finite=False)[1]
    return torch.from_numpy(vectors)


def project(weight: Tensor, basis: Tensor) -> tuple[Tensor, Tensor]:
    """B (out × rank) and A (rank × in) with `B A = W U Uᵀ`, balanced by √S; U is the basis (in × rank). Float64.

    The papers take the SVD of `W U Uᵀ` (out × in). As U is orthonormal, that of the thin `W U` has the same singular
    values and left vectors, and its right vectors times Uᵀ are the others: exact, and far cheaper.
    """
    left, values, right = torch.linalg.svd(weight.double() @ basis, full_matrices=False)
    root = values.sqrt()
    return left * root, root[:, None] * (right @ basis.T)


def orthonormal_rows(down: Tensor) -> Tensor:
    """An orthonormal basis of the rows' span (rank × in)."""
    return torch.linalg.qr(down.T)[0].T


def principal_directions(columns: Tensor, energy: float) -> Tensor:
    """Fewest left singular vectors (in × k) that hold this share of the squared singular values of (in × n)."""
    left, values, _ = torch.linalg.svd(columns, full_matrices=False)
    shares = values.square().cumsum(0) / values.square().sum()
    return left[:, : int((shares < energy).sum()) + 1]


def complement_basis(columns: Tensor, kept: Tensor, rank: int, layer: str) -> Tensor:
    """First left singular vectors (in × rank) of the columns (in × n) outside an orthonormal basis `kept` (in × k).

    Raises:
        ValueError: fewer than `rank` directions are free.
    """
    width, n_kept = kept.shape
    if width - n_kept < rank:
        raise ValueError(f"{layer}: {width - n_kept} of {width} input directions are free; lower the rank ({rank})")
    rest = columns - kept @ (kept.T @ columns)
    left = torch.linalg.svd(rest, full_matrices=False)[0][:, :rank]
    # Where the rest has a smaller rank, its last vectors are arbitrary: take them out of the kept span again.
    left = left - kept @ (kept.T @ left)
    return torch.linalg.qr(left)[0]


@dataclass(frozen=True)
class Provided:
    """Factors B (out × rank) and A (rank × in) by layer, float64."""

    factors: dict[str, tuple[Tensor, Tensor]]
    energy: float
    """Share of the inputs' energy in the directions that are learned, mean over layers."""


def from_moments(
    vlm: VLM, layers: Iterable[str], moments: Mapping[str, Tensor], rank: int, *, subspace: Subspace, seed: int
) -> Provided:
    """Project every layer's weight on directions chosen from its inputs' second moment (in × in)."""
    return from_passes(vlm, layers, [moments], rank, subspace=subspace, seed=seed)


def from_passes(
    vlm: VLM,
    layers: Iterable[str],
    passes: Iterable[Mapping[str, Tensor]],
    rank: int,
    *,
    subspace: Subspace,
    seed: int,
) -> Provided:
    """The same where moments come in parts, each forgotten before the next is measured."""
    generator = torch.Generator().manual_seed(seed)
    linears = vlm.language_linears()
    wanted = list(layers)
    factors: dict[str, tuple[Tensor, Tensor]] = {}
    energies: list[float] = []
    for moments in passes:
        bases: dict[int, tuple[Tensor, float]] = {}  # by moment: query, key and value share theirs
        for layer in (one for one in wanted if one in moments):
            moment = moments[layer]
            if id(moment) not in bases:
                bases[id(moment)] = directions(moment, rank, subspace, generator)
            basis, energy = bases[id(moment)]
            factors[layer] = project(tuning.plain_weight(linears[layer]), basis)
            energies.append(energy)
        del moments
    return Provided(factors, fmean(energies))


def install(
    vlm: VLM, factors: Mapping[str, tuple[Tensor, Tensor]], settings: Tuning, *, freeze: bool, seed: int
) -> None:
    """Give the learning adapter these factors (B, A by layer). The model computes what it computed before.

    With `freeze`, only B learns, from zero. Otherwise both learn from the given factors.
    """
    adapter = tuning.adapter(vlm)
    with torch.no_grad():
        for layer, one in adapter.items():
            one.down.copy_(factors[layer][1])
    if freeze:
        for one in adapter.values():
            one.down.requires_grad_(False)
        return
    tuning.add_adapter(vlm, tuning.lora_config(vlm, settings), seed=seed, name=ORIGIN)
    origin = tuning.adapter(vlm, ORIGIN)
    with torch.no_grad():
        for layer, (up, down) in factors.items():
            adapter[layer].up.copy_(up / adapter[layer].scale)
            origin[layer].up.copy_(-up / origin[layer].scale)
            origin[layer].down.copy_(down)
    tuning.activate(vlm, [tuning.LEARNING, ORIGIN], learning=tuning.LEARNING)
