"""Statistics of the inputs of linear layers that the analyses share: means beside second moments, kinds of layers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from reproductions import plugins
from reproductions.benchmark import Injection, Retention
from reproductions.covariance import Tokens, second_moments
from reproductions.evaluation import evaluate
from reproductions.examples import Example
from reproductions.spec import Data
from reproductions.vlm import VLM

Say = Callable[[str, int, int], None]
"""What is being done, how many of how many."""


@dataclass(frozen=True)
class Kind:
    """Layers at all depths that have the same place: `q_proj, k_proj, v_proj` share their input."""

    name: str
    leaders: tuple[str, ...]
    """One layer per depth, whose moment is that of all that share its input."""


def kinds(moments: Mapping[str, Tensor]) -> tuple[Kind, ...]:
    """Kinds of layers in the order of the model. Layers with one input share one tensor of `moments`."""
    members: dict[int, list[str]] = {}
    for layer, moment in moments.items():
        members.setdefault(id(moment), []).append(layer)
    named = [(", ".join(layer.rsplit(".", 1)[-1] for layer in group), group[0]) for group in members.values()]
    order = {name: place for place, (name, _) in reversed(list(enumerate(named)))}
    named.sort(key=lambda one: order[one[0]])
    return tuple(Kind(name, tuple(leader for _, leader in group)) for name, group in groupby(named, lambda one: one[0]))


@torch.no_grad()
def mean_inputs(
    vlm: VLM, examples: Sequence[Example], *, absolute: bool, tokens: Tokens, batch_size: int = 32
) -> dict[str, Tensor]:
    """Layer → mean of its inputs (in, float64) over all real tokens; with `absolute`, of their absolute values."""
    totals: dict[str, Tensor] = {}
    real = torch.empty(0)
    n_tokens = 0

    def see(name: str, _: nn.Module, inputs: tuple[Any, ...]) -> None:
        x = inputs[0][real].double()
        total = (x.abs() if absolute else x).sum(0)
        totals[name] = totals[name] + total if name in totals else total

    handles = [linear.register_forward_pre_hook(partial(see, name)) for name, linear in vlm.language_linears().items()]
    encoded = sorted((vlm.encode(example, ask=tokens == "prompt") for example in examples), key=lambda e: len(e.ids))
    vlm.model.eval()
    try:
        for start in range(0, len(encoded), batch_size):
            batch = vlm.collate(encoded[start : start + batch_size])
            real = batch.mask
            n_tokens += int(real.sum())
            vlm.base.model(**batch.inputs)
    finally:
        for handle in handles:
            handle.remove()
    return {name: total / n_tokens for name, total in totals.items()}


def moments(vlm: VLM, examples: Sequence[Example], tokens: Tokens) -> dict[str, Tensor]:
    """Layer → mean of `x xᵀ` (in × in, float64); layers with one input share one tensor."""
    sums = second_moments(vlm, examples, tokens=tokens)
    n_tokens = sum(len(vlm.encode(example, ask=tokens == "prompt").ids) for example in examples)
    for moment in {id(one): one for one in sums.values()}.values():
        moment.div_(n_tokens)
    return sums


def injection(data: Data) -> Injection:
    """The benchmark that knows the prior."""
    return plugins.load("benchmarks", data.injection)


def kept_questions(data: Data) -> dict[str, tuple[Retention, Sequence[Example]]]:
    """Dimension → who scores it and its questions."""
    found: dict[str, tuple[Retention, Sequence[Example]]] = {}
    for name in data.retention:
        benchmark: Retention = plugins.load("benchmarks", name)
        for dimension, questions in benchmark.questions(data).items():
            found[dimension] = (benchmark, questions)
    return found


def retention(vlm: VLM, asked: Mapping[str, tuple[Retention, Sequence[Example]]]) -> dict[str, float]:
    """Dimension → accuracy, by the same evaluation as in every run."""

    def ask(examples: Sequence[Example], longest: int) -> list[str]:
        return vlm.answer(examples, max_new_tokens=longest)

    return evaluate(ask, (), asked, after=-1).step.retention


def rank_for(wanted: int, widths: Iterable[int]) -> int:
    """The rank, but at most a quarter of the narrowest layer's inputs."""
    return max(1, min(wanted, min(widths) // 4))
