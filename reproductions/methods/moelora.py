"""MoELoRA: several small adapters per layer, mixed for every token by a learned router.

CoIN's linear variant (Chen et al. 2024, arXiv:2403.08350): the rank is shared out over E experts, `h = W x + s Σ_i
w_i B_i A_i x` with `w = softmax(G x)`. All experts and routers learn on every task; no load balancing.

Variant: A_i ~ N(0, 0.01²), B_i = 0, router G as PyTorch initialises a linear layer, s = alpha / rank. KORE cites Luo
et al.'s contrastive MoELoRA (arXiv:2402.12851) but takes its baselines from MCITlib, whose MoELoRA is CoIN's: so is
this. The experts are stacked, so a layer costs the matrix products of one adapter plus the router's. A mixture per
token is not a linear map: no plain adapter computes it, and the export is for this package.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import Field
from safetensors.torch import save_file
from torch import Tensor, nn

from reproductions import tuning
from reproductions.method import Context, Method
from reproductions.vlm import VLM

INITIAL_STD = 0.01


class ExpertLinear(nn.Module):
    """A frozen linear layer with E experts beside it: x (…, in) → (…, out)."""

    def __init__(self, base_layer: nn.Linear, *, rank: int, experts: int, scale: float) -> None:
        super().__init__()
        self.base_layer = base_layer
        self.experts = experts
        self.scale = scale
        device = base_layer.weight.device
        self.down = nn.Parameter(INITIAL_STD * torch.randn(rank, base_layer.in_features).to(device))
        self.up = nn.Parameter(torch.zeros(base_layer.out_features, rank, device=device))
        self.router = nn.Linear(base_layer.in_features, experts, bias=False).to(device)

    def gates(self, x: Tensor) -> Tensor:
        """Weights of the experts (…, E), summing to 1."""
        return self.router(x).softmax(-1)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output plus the mixture's, computed in the experts' own precision."""
        output = self.base_layer(x)
        x = x.to(self.down.dtype)
        hidden = nn.functional.linear(x, self.down).unflatten(-1, (self.experts, -1))  # (…, E, rank / E)
        mixed = (hidden * self.gates(x).unsqueeze(-1).to(hidden.dtype)).flatten(-2)
        return output + (self.scale * nn.functional.linear(mixed, self.up)).to(output.dtype)


class MoELoRA(Method):
    """A dense mixture of low-rank experts in place of each adapter."""

    plain_export: ClassVar[bool] = False

    experts: int = Field(4, ge=1)

    def prepare(self, vlm: VLM, context: Context) -> None:
        """Put experts beside every target layer; nothing else learns."""
        settings = context.tuning
        tuning.require(settings, "lora", "moelora")
        if settings.rank % self.experts:
            raise ValueError(f"method moelora: rank {settings.rank} cannot be shared out over {self.experts} experts")
        if settings.projector:
            raise ValueError("method moelora: tuning.projector is not supported; set it to false")
        self._context = context
        vlm.model.requires_grad_(False)
        scale = 1.0 if settings.alpha is None else settings.alpha / settings.rank
        linears = vlm.language_linears()
        with tuning.seeded(vlm, context.seed):
            for name in tuning.target_layers(vlm, settings):
                layer = ExpertLinear(linears[name], rank=settings.rank, experts=self.experts, scale=scale)
                vlm.base.set_submodule(name, layer)

    def export(self, vlm: VLM, folder: Path) -> None:
        """Write `experts.safetensors` and `experts.json`; `load` puts them back."""
        folder.mkdir(parents=True, exist_ok=True)
        weights = {name: weight.detach().cpu().contiguous() for name, weight in tuning.learning(vlm).items()}
        save_file(weights, folder / "experts.safetensors")
        facts = {"experts": self.experts, "rank": self._context.tuning.rank, "base": vlm.digest()}
        (folder / "experts.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")

    def load(self, vlm: VLM, folder: Path) -> None:
        """Read an export into a model that this method was prepared on."""
        from safetensors.torch import load_file

        weights: dict[str, Any] = load_file(folder / "experts.safetensors")
        tuning.restore(vlm, weights)


METHOD = MoELoRA
