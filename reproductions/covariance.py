"""What the linear layers of the language model see: second moments of their inputs, streamed.

`C = Σ x xᵀ` over all real tokens of some examples, not centred, as in CorDA (arXiv:2406.05223) and KORE
(arXiv:2510.19316). Their released code first divides each sample by the absolute value of its largest entry; we follow
the papers' formula. Sums are kept in float64, one per distinct input: query, key and value share theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from reproductions import ranks
from reproductions.examples import Example
from reproductions.vlm import VLM

Tokens = Literal["prompt", "conversation"]
"""`prompt`: up to the last question, as KORE's code does; `conversation`: the answers too."""


@torch.no_grad()
def second_moments(
    vlm: VLM, examples: Sequence[Example], *, tokens: Tokens = "prompt", batch_size: int = 32
) -> dict[str, Tensor]:
    """Layer name → `Σ x xᵀ` (in × in, float64, on the model's device). Layers with one input share one tensor.

    Raises:
        ValueError: no examples.
    """
    if not examples:
        raise ValueError("covariance: no examples to measure on")
    watcher = _Watcher(vlm.language_linears())
    mine = ranks.share(examples)
    encoded = sorted((vlm.encode(example, ask=tokens == "prompt") for example in mine), key=lambda e: len(e.ids))
    vlm.model.eval()
    with watcher:
        for start in range(0, len(encoded), batch_size):
            batch = vlm.collate(encoded[start : start + batch_size])
            watcher.real = batch.mask
            vlm.base.model(**batch.inputs)
    ranks.add_up(watcher.moments.values())
    return watcher.moments


class _Watcher:
    """Adds up moments while the model runs; layers called with the very same tensor are recognised."""

    def __init__(self, linears: dict[str, nn.Linear]) -> None:
        self.linears = linears
        self.moments: dict[str, Tensor] = {}
        self.real = torch.empty(0)
        self.previous: tuple[Any, str] = (None, "")

    def __enter__(self) -> None:
        self.handles = [
            linear.register_forward_pre_hook(partial(self._hook, name)) for name, linear in self.linears.items()
        ]

    def __exit__(self, *_: object) -> None:
        self.previous = (None, "")
        for handle in self.handles:
            handle.remove()

    def _hook(self, name: str, _: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        self.see(name, inputs[0])

    def see(self, name: str, inputs: Tensor) -> None:
        """Inputs of one layer (batch × length × in)."""
        seen, owner = self.previous
        if seen is inputs:
            self.moments[name] = self.moments[owner]
            return
        self.previous = (inputs, name)
        x = inputs[self.real].double()  # (real tokens, in)
        if name in self.moments:
            self.moments[name].addmm_(x.T, x)
        else:
            self.moments[name] = x.T @ x
