"""How much every weight matters to what a model already does, and the pull that holds it: EWC, MAS and relatives.

Importances are per-example: the gradient of each example alone is squared (or its absolute value taken) before the
mean. Squaring the gradient of a whole batch, as several libraries do, gives numbers that shrink with the batch (van
de Ven, arXiv:2502.11756). For a linear layer the gradient of one example is `Σ_t δ_t x_tᵀ`, so whole batches can be
read at once. Measured at the effective weight: with adapters that is `W + B A`, without need to merge. Of several
processes each reads a share of the examples, and the sums are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from reproductions import ranks
from reproductions.examples import Example
from reproductions.vlm import VLM

Weights = dict[str, Tensor]
"""Layer name → a number for each entry of its weight (out × in)."""
Objective = Callable[[Tensor, Tensor], Tensor]
"""Logits (answer tokens × vocabulary) and labels (answer tokens) → a scalar that is a sum over examples."""


def log_likelihood(logits: Tensor, labels: Tensor) -> Tensor:
    """Log-probability of the true answers."""
    return -F.cross_entropy(logits, labels, reduction="sum")


def sampled_log_likelihood(generator: torch.Generator) -> Objective:
    """Log-probability of answer tokens drawn from the model itself, each after the true ones before it.

    The draw depends on the order in which examples are read, so several processes draw other tokens than one.
    """

    def objective(logits: Tensor, labels: Tensor) -> Tensor:
        chances = logits.detach().softmax(-1).cpu()
        drawn = torch.multinomial(chances, 1, generator=generator)[:, 0].to(labels.device)
        return log_likelihood(logits, drawn)

    return objective


def output_norm(logits: Tensor, labels: Tensor) -> Tensor:
    """Squared length of the answer tokens' logits; needs no labels."""
    return logits.square().sum()


def importance(
    vlm: VLM,
    examples: Sequence[Example],
    objective: Objective = log_likelihood,
    reduce: Literal["square", "absolute"] = "square",
    batch_size: int = 16,
) -> Weights:
    """Mean over examples of the squared (or absolute) gradient of each example's objective, by layer.

    Raises:
        ValueError: no examples, or fewer than processes.
    """
    ranks.require_one_each(examples, "importance")
    reader = _PerExample(vlm.language_linears(), torch.square if reduce == "square" else torch.abs)
    encoded = sorted((vlm.encode(example) for example in ranks.share(examples)), key=lambda one: len(one.ids))
    vlm.model.eval()
    with reader:
        for start in range(0, len(encoded), batch_size):
            logits, labels = vlm.answer_logits(vlm.collate(encoded[start : start + batch_size]))
            objective(logits, labels).backward()
    vlm.model.zero_grad(set_to_none=True)
    ranks.add_up(reader.totals.values())
    return {name: total / len(examples) for name, total in reader.totals.items()}


class _PerExample:
    """Hooks on linear layers that see inputs and output gradients (batch × length × width)."""

    def __init__(self, linears: Mapping[str, nn.Linear], reduce: Callable[[Tensor], Tensor]) -> None:
        self.linears = linears
        self.reduce = reduce
        self.totals: Weights = {}

    def __enter__(self) -> None:
        self.handles = [
            linear.register_forward_hook(partial(self._forward, name)) for name, linear in self.linears.items()
        ]

    def __exit__(self, *_: object) -> None:
        for handle in self.handles:
            handle.remove()

    def _forward(self, name: str, _: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        if not output.requires_grad:  # nothing before it learns: the gradient is still wanted here
            output.requires_grad_()
        output.register_hook(partial(self._backward, name, inputs[0].detach()))

    def _backward(self, name: str, inputs: Tensor, gradient: Tensor) -> None:
        each = self.reduce(torch.bmm(gradient.float().transpose(1, 2), inputs.float())).sum(0)  # (out, in)
        self.totals[name] = self.totals[name] + each if name in self.totals else each


def normalised(weights: Weights) -> Weights:
    """Scaled to a mean of 1 over all entries of all layers, so that one strength means the same for every estimator."""
    entries = sum(one.numel() for one in weights.values())
    mean = sum(one.double().sum() for one in weights.values()) / entries
    return {name: (one / mean).to(one.dtype) for name, one in weights.items()}


def mean_gradient(vlm: VLM, examples: Sequence[Example], batch_size: int = 16) -> Weights:
    """Gradient of the mean loss per answer token with respect to each layer's effective weight (out × in)."""
    linears = vlm.language_linears()
    learned = {name: linear.weight.requires_grad for name, linear in linears.items()}
    weights = [linear.weight.requires_grad_() for linear in linears.values()]
    totals = [torch.zeros_like(weight, dtype=torch.float32) for weight in weights]
    vlm.model.eval()
    n_tokens = 0
    for start in range(0, len(examples), batch_size):
        batch = vlm.collate([vlm.encode(example) for example in examples[start : start + batch_size]])
        logits, labels = vlm.answer_logits(batch)
        for total, gradient in zip(totals, torch.autograd.grad(-log_likelihood(logits, labels), weights), strict=True):
            total.add_(gradient)
        n_tokens += len(labels)
    for name, linear in linears.items():
        linear.weight.requires_grad_(learned[name])
    return {name: total / max(1, n_tokens) for name, total in zip(linears, totals, strict=True)}


class Pull:
    """A sum of quadratics `½ Σ F (Δ − c)²` over changes of weights, kept as one.

    The sum of several, each with its own importance F and centre c, is again one up to a constant: importances add up
    and the centre is their weighted mean. So nothing is approximated, and memory does not grow with the stream.
    """

    def __init__(self) -> None:
        self.importance: Weights = {}
        self.centre: Weights = {}

    def add(self, importance: Weights, centre: Mapping[str, Tensor] | None = None) -> None:
        """One more quadratic; without a centre it pulls back to no change at all."""
        for name, new in importance.items():
            old = self.importance.get(name, torch.zeros_like(new))
            total = old + new
            if centre is not None or name in self.centre:
                here = old * self.centre.get(name, torch.zeros_like(new))
                if centre is not None and name in centre:
                    here = here + new * centre[name].detach()
                self.centre[name] = torch.where(total > 0, here / total, 0)
            self.importance[name] = total

    def __call__(self, changes: Mapping[str, Tensor]) -> Tensor:
        """The penalty at these changes; differentiable, zero if nothing is held."""
        terms = [
            _Quadratic.apply(change, self.importance[name], self.centre.get(name))
            for name, change in changes.items()
            if name in self.importance
        ]
        return torch.stack(terms).sum() if terms else torch.zeros(())


class _Quadratic(torch.autograd.Function):
    """½ Σ F (Δ − c)², whose gradient F (Δ − c) is at hand already: a third of what automatic differentiation takes."""

    @staticmethod
    def forward(ctx: Any, change: Tensor, importance: Tensor, centre: Tensor | None) -> Tensor:  # noqa: ANN401
        away = change if centre is None else change - centre
        gradient = importance * away
        ctx.save_for_backward(gradient)
        return 0.5 * torch.dot(gradient.flatten(), away.flatten())

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401 - PyTorch's protocol
        (gradient,) = ctx.saved_tensors
        return grad_outputs[0] * gradient, None, None
