"""Which weights learn, how far they have moved, and how to hand them on: the axis that methods do not care about.

Adapters are PEFT's LoRA. Several may be active at once: then all but the learning one are frozen, and the effective
weight of a layer is `W + Σ scale · B A`. Layer names are relative to the base model, without PEFT's wrapping.
"""

from __future__ import annotations

import copy
import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from torch import Tensor, nn

from reproductions.spec import Tuning
from reproductions.vlm import VLM

INT8_LARGEST = 127
LEARNING = "default"
"""Name of the adapter that learns."""


@dataclass(frozen=True)
class Factors:
    """One adapter of one layer: `ΔW = scale · up @ down`; up (out × rank) is LoRA's B, down (rank × in) its A."""

    up: nn.Parameter
    down: nn.Parameter
    scale: float

    def product(self) -> Tensor:
        """ΔW (out × in), differentiable, in the factors' own precision."""
        return (self.up if self.scale == 1 else self.scale * self.up) @ self.down


def apply(vlm: VLM, tuning: Tuning, *, seed: int) -> None:
    """Make exactly the chosen weights trainable; new adapters start as the identity.

    The vision tower never learns. `full` is the language model and the projector, after LLaVA's full fine-tuning.
    """
    vlm.model.requires_grad_(False)
    if tuning.kind == "lora":
        add_adapter(vlm, lora_config(vlm, tuning), seed=seed)
        return
    refuse_quantised(vlm, f"tuning.kind {tuning.kind}")
    for name, weight in vlm.base.named_parameters():
        weight.requires_grad_(_learns(name, vlm, tuning))


def _learns(name: str, vlm: VLM, tuning: Tuning) -> bool:
    is_projector = name.startswith(vlm.family.projector)
    if is_projector or tuning.kind == "projector":
        return is_projector and tuning.kind != "language-model"
    return not name.startswith(vlm.family.vision)


def target_layers(vlm: VLM, tuning: Tuning) -> list[str]:
    """Names of the layers that an adapter of this tuning is for."""
    family = vlm.family
    pattern = re.compile(family.attention_linears if tuning.targets == "attention" else family.language_linears)
    return [name for name in vlm.language_linears() if pattern.fullmatch(name)]


def refuse_quantised(vlm: VLM, what: str) -> None:
    """Raise ValueError if the base is quantised: weights in 4 or 8 bits have no gradients."""
    if getattr(vlm.base, "quantization_method", None) is not None:
        raise ValueError(
            f"{what} needs the weights themselves, and the base is quantised; set model.quantisation to none"
        )


def plain_weight(linear: nn.Linear) -> Tensor:
    """A layer's weight (out × in), unpacked if the base is quantised; the layer stays as it is."""
    layer: Any = linear
    weight, kind = layer.weight, type(layer.weight).__name__
    if kind == "Int8Params":
        scales = weight.SCB if layer.state.SCB is None else layer.state.SCB  # moved at the first forward pass
        return weight.detach().float() * scales.float()[:, None] / INT8_LARGEST
    if kind == "Params4bit":
        functional = importlib.import_module("bitsandbytes.functional")
        packed, state = weight.detach(), copy.copy(weight.quant_state)
        if getattr(state, "packing_format_for_cpu", False):  # laid out anew for answering on a processor
            packed, state = functional._convert_weight_packed_for_cpu_inverse(packed, state)
        return functional.dequantize_4bit(packed, state)
    return weight.detach()


def require(tuning: Tuning, kind: str, method: str) -> None:
    """Raise ValueError unless the tuning is of this kind: some methods are a tuning themselves."""
    if tuning.kind != kind:
        raise ValueError(f"method {method}: tuning.kind is {tuning.kind!r}; it needs {kind!r}")


def lora_config(vlm: VLM, tuning: Tuning) -> LoraConfig:
    """PEFT's configuration for this tuning; alpha defaults to the rank, so that the scale is 1.

    Raises:
        ValueError: the rank is larger than the narrowest layer it is for.
    """
    family = vlm.family
    narrowest = min(min(linear.in_features, linear.out_features) for linear in vlm.language_linears().values())
    if tuning.rank > narrowest:
        raise ValueError(f"tuning: rank {tuning.rank} is more than the narrowest layer has ({narrowest}); lower it")
    return LoraConfig(
        r=tuning.rank,
        lora_alpha=tuning.rank if tuning.alpha is None else tuning.alpha,  # pyright: ignore[reportArgumentType]
        target_modules=family.attention_linears if tuning.targets == "attention" else family.language_linears,
        modules_to_save=[family.projector.rstrip(".").rsplit(".", 1)[-1]] if tuning.projector else None,
    )


def add_adapter(vlm: VLM, config: LoraConfig, *, seed: int, name: str = LEARNING) -> None:
    """Add an adapter and let it learn, alone; those that are there already stay active, frozen.

    The initial weights depend on the seed only; the global random state is left as it was.
    """
    earlier = adapters(vlm)
    with seeded(vlm, seed):
        if isinstance(vlm.model, PeftModel):
            vlm.model.add_adapter(name, config)
        else:
            vlm.model = get_peft_model(vlm.model, config, adapter_name=name)  # pyright: ignore[reportArgumentType]
    activate(vlm, [*earlier, name], learning=name)


@contextmanager
def seeded(vlm: VLM, seed: int) -> Iterator[None]:
    """Random numbers from this seed alone; the global state is afterwards as it was."""
    with torch.random.fork_rng(devices=[vlm.device] if vlm.device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def adapters(vlm: VLM) -> list[str]:
    """Names of the adapters, oldest first."""
    return list(vlm.model.peft_config) if isinstance(vlm.model, PeftModel) else []


def activate(vlm: VLM, names: Sequence[str], *, learning: str | None) -> None:
    """Sum these adapters; only `learning` has gradients."""
    tuner: Any = vlm.model.base_model
    tuner.set_adapter(list(names))
    for name in names:
        for factors in adapter(vlm, name).values():
            factors.up.requires_grad_(name == learning)
            factors.down.requires_grad_(name == learning)


def lora_layers(vlm: VLM) -> dict[str, LoraLayer]:
    """Layers that carry adapters, by name."""
    return {name: module for name, module in vlm.base.named_modules() if isinstance(module, LoraLayer)}


def adapter(vlm: VLM, name: str = LEARNING) -> dict[str, Factors]:
    """Factors of one adapter, by layer."""
    return {
        layer: Factors(_weight(module.lora_B[name]), _weight(module.lora_A[name]), module.scaling[name])
        for layer, module in lora_layers(vlm).items()
        if name in module.lora_A
    }


def adapter_of(vlm: VLM, layer: str, name: str) -> Factors:
    """Factors of one adapter of one layer."""
    module: Any = vlm.base.get_submodule(layer)
    return Factors(_weight(module.lora_B[name]), _weight(module.lora_A[name]), module.scaling[name])


def _weight(module: nn.Module) -> nn.Parameter:
    weight = module.weight
    assert isinstance(weight, nn.Parameter)
    return weight


def learning(vlm: VLM) -> dict[str, nn.Parameter]:
    """The weights that have gradients, by name in `vlm.model`."""
    return {name: weight for name, weight in vlm.model.named_parameters() if weight.requires_grad}


# How far weights have moved


class Drift:
    """Change of each layer's effective weight since this was made, whatever the tuning: calling gives name → out × in.

    Covers adapters, and linear layers of the language model that learn directly. For adapters the change is counted
    from the base model, so make it before the first step. Differentiable.
    """

    def __init__(self, vlm: VLM) -> None:
        self.vlm = vlm
        self.start = {
            name: linear.weight.detach().clone()
            for name, linear in vlm.language_linears().items()
            if linear.weight.requires_grad
        }

    def __call__(self) -> dict[str, Tensor]:
        """Name → change (out × in) of every layer that has an adapter or learns."""
        linears = self.vlm.language_linears() if self.start else {}
        moved = {name: linears[name].weight - start for name, start in self.start.items()}
        for name in adapters(self.vlm):
            for layer, factors in adapter(self.vlm, name).items():
                moved[layer] = moved[layer] + factors.product() if layer in moved else factors.product()
        return moved


Snapshot = Mapping[str, Tensor]


def snapshot(vlm: VLM) -> Snapshot:
    """A copy of the weights that learn."""
    return {name: weight.detach().clone() for name, weight in learning(vlm).items()}


def restore(vlm: VLM, weights: Snapshot) -> None:
    """Put the weights that learn back to a snapshot."""
    with torch.no_grad():
        for name, weight in learning(vlm).items():
            weight.copy_(weights[name])


@contextmanager
def weights_of(vlm: VLM, weights: Snapshot) -> Iterator[None]:
    """The model as it was at a snapshot, for a forward pass without gradients; afterwards everything is as before.

    Only pointers move, so this is free, also between a forward pass and its backward pass.
    """
    now = {name: weight.data for name, weight in learning(vlm).items()}
    parameters = learning(vlm)
    try:
        for name, weight in parameters.items():
            weight.data = weights[name]
        with torch.no_grad():
            yield
    finally:
        for name, weight in parameters.items():
            weight.data = now[name]


# What is left behind


def export(vlm: VLM, folder: Path) -> None:
    """Write what was learned, to be loaded with transformers and PEFT alone; relative to the untouched base model.

    One adapter is saved by PEFT; several become one adapter of the summed rank, which computes the same. Weights that
    learned directly are saved as a whole model with its tokenizer.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = adapters(vlm)
    if not isinstance(vlm.model, PeftModel) or not lora_layers(vlm):
        export_merged(vlm, folder)
    elif len(names) == 1:
        vlm.model.save_pretrained(str(folder))
    else:
        export_factors(vlm, folder, [adapter(vlm, name) for name in names])


def export_merged(vlm: VLM, folder: Path) -> None:
    """The whole model with adapters merged into its weights, and its tokenizer."""
    twin = vlm.copy().model
    merged: Any = twin.merge_and_unload() if isinstance(twin, PeftModel) else twin
    merged.save_pretrained(folder)
    vlm.save_processor(folder)


def export_factors(vlm: VLM, folder: Path, parts: Sequence[Mapping[str, Factors]]) -> None:
    """One PEFT adapter that is the sum of the parts: rows of A and columns of B side by side, scales folded into B."""
    weights: dict[str, Tensor] = {}
    ranks: dict[str, int] = {}
    for layer in parts[0]:
        down = torch.cat([part[layer].down.detach() for part in parts])  # (summed rank, in)
        up = torch.cat([part[layer].scale * part[layer].up.detach() for part in parts], dim=1)  # (out, summed rank)
        weights[f"base_model.model.{layer}.lora_A.weight"] = down.contiguous().cpu()
        weights[f"base_model.model.{layer}.lora_B.weight"] = up.contiguous().cpu()
        ranks[layer] = len(down)
    assert len(set(ranks.values())) == 1, "adapters have one rank in all layers"
    rank = next(iter(ranks.values()))
    config = LoraConfig(r=rank, lora_alpha=rank, target_modules=sorted(ranks), inference_mode=True)
    config.base_model_name_or_path = str(getattr(vlm.base.config, "_name_or_path", "") or "")
    config.save_pretrained(str(folder))
    save_file(weights, folder / "adapter_model.safetensors", metadata={"format": "pt"})
