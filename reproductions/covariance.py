"""What the linear layers of the language model see: second moments of their inputs, streamed.

`C = Σ x xᵀ` over all real tokens of some examples, not centred, as in CorDA (arXiv:2406.05223) and KORE
(arXiv:2510.19316). Their released code first divides each sample by the absolute value of its largest entry; we follow
the papers' formula. Sums are kept in float64, one per distinct input: query, key and value share theirs. Of several
processes each reads a share of the examples, and the sums are added up; where all sums together do not fit, some layers
are measured after the others, with one more reading of the examples each time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from itertools import pairwise
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
    vlm: VLM,
    examples: Sequence[Example],
    *,
    tokens: Tokens = "prompt",
    batch_size: int = 32,
    layers: Collection[str] | None = None,
) -> dict[str, Tensor]:
    """Layer name → `Σ x xᵀ` (in × in, float64, on the model's device). Layers with one input share one tensor.

    `layers`: only these.

    Raises:
        ValueError: no examples, or fewer than processes.
    """
    ranks.require_one_each(examples, "covariance")
    linears = vlm.language_linears()
    watcher = _Watcher(linears if layers is None else {name: linears[name] for name in layers})
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


def in_passes(
    vlm: VLM, examples: Sequence[Example], *, passes: int, tokens: Tokens = "prompt", batch_size: int = 32
) -> Iterator[dict[str, Tensor]]:
    """The same in parts, for memory: whole decoder layers at a time, the examples read once for each part.

    Use one part before the next is asked for; what is kept of it keeps its memory.
    """
    for layers in layer_groups(list(vlm.language_linears()), passes):
        yield second_moments(vlm, examples, tokens=tokens, batch_size=batch_size, layers=layers)


def layer_groups(names: Sequence[str], n: int) -> list[list[str]]:
    """Names in `n` groups of consecutive decoder layers, as even as it goes; fewer groups if there are fewer layers."""
    layers: dict[str, list[str]] = {}
    for name in names:
        found = re.match(r".*?\.layers\.\d+\.", name)
        layers.setdefault(found[0] if found else name, []).append(name)
    members = list(layers.values())
    n = min(n, len(members))
    bounds = [len(members) * part // n for part in range(n + 1)]
    return [[name for layer in members[start:end] for name in layer] for start, end in pairwise(bounds)]


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
