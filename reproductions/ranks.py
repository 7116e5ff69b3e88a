"""Several processes that do one run together; alone, everything here does nothing.

Each process reads its share of every batch, and gradients are added up, so that losses are those of a single process.
The same holds for what is measured (covariances, importances) and asked (answers). Processes are started by
`aki reproduce launch together`, or by torchrun or accelerate on `reproductions.launch.worker`.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

if TYPE_CHECKING:
    from reproductions.vlm import VLM

SHARD_VARIABLE = "AKI_SHARD"
"""Set to 1: weights, gradients and optimiser are shared out too (FSDP)."""
_Item = TypeVar("_Item")


def together() -> bool:
    """Whether this process is one of several."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """Which of them; 0 alone."""
    return dist.get_rank() if together() else 0


def world_size() -> int:
    """How many there are."""
    return dist.get_world_size() if together() else 1


def begin() -> None:
    """Join the others, if the environment says that there are any (torchrun's variables)."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or dist.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def end() -> None:
    """Leave the others."""
    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()


def share(items: Sequence[_Item]) -> Sequence[_Item]:
    """This process's part of some items; every item is somebody's."""
    return items[rank() :: world_size()] if together() else items


def require_one_each(items: Sequence[object], what: str) -> None:
    """Raise ValueError unless there is something for every process."""
    if not items:
        raise ValueError(f"{what}: no examples to measure on")
    if len(items) < world_size():
        raise ValueError(f"{what}: {len(items)} examples for {world_size()} processes; measure on more, or with fewer")


def total(number: float) -> float:
    """Sum of everybody's number."""
    if not together():
        return number
    device = torch.device("cuda") if dist.get_backend() == "nccl" else torch.device("cpu")
    held = torch.tensor(number, dtype=torch.float64, device=device)
    dist.all_reduce(held)
    return float(held)


def add_up(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by the sum of everybody's. Tensors that occur twice are added up once."""
    if not together():
        return
    for tensor in {id(one): one for one in tensors}.values():
        dist.all_reduce(tensor)


def add_up_gradients(weights: Iterable[nn.Parameter]) -> None:
    """Sum everybody's gradients; weights that are shared out have theirs summed already."""
    if not together():
        return
    for weight in weights:
        if _is_sharded(weight):
            continue
        if weight.grad is None:
            weight.grad = torch.zeros_like(weight)
        dist.all_reduce(weight.grad)


def answers(ask: Callable[[Sequence[_Item], int], list[str]], asked: Sequence[_Item], longest: int) -> list[str]:
    """Ask one's share, and collect what the others were told; in the order of the questions."""
    if not together():
        return ask(asked, longest)
    mine = ask(share(asked), longest)
    told: list[Any] = [None] * world_size()
    dist.all_gather_object(told, mine)
    collected = [""] * len(asked)
    for place, part in enumerate(told):
        collected[place :: world_size()] = part
    return collected


# Weights shared out


@contextmanager
def sharded(vlm: VLM) -> Iterator[None]:
    """While learning, each process holds a part of the weights, their gradients and optimiser states (FSDP).

    Outside, everybody has the whole model again. Methods that compute with the weights themselves (penalties on them)
    do not work on parts and say so.
    """
    if not together() or not sharding_wanted():
        yield
        return
    whole = vlm.model
    whole.to("cpu")  # pyright: ignore[reportArgumentType]
    vlm.model = _shard(copy.deepcopy(whole))
    try:
        yield
        _collect(vlm.model, whole)
    finally:
        vlm.model = whole
        whole.to(vlm.device)  # pyright: ignore[reportArgumentType]


def sharding_wanted() -> bool:
    """Whether weights are to be shared out: by our own variable, or by accelerate's for FSDP or for ZeRO stage 3.

    Raises:
        ValueError: another stage of ZeRO, or moving weights off the accelerator.
    """
    if os.environ.get(SHARD_VARIABLE) == "1" or os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true":
        return True
    if os.environ.get("ACCELERATE_USE_DEEPSPEED", "").lower() != "true":
        return False
    stage = os.environ.get("ACCELERATE_DEEPSPEED_ZERO_STAGE", "")
    moved = [os.environ.get(f"ACCELERATE_DEEPSPEED_OFFLOAD_{part}_DEVICE", "none") for part in ("OPTIMIZER", "PARAM")]
    if stage != "3" or any(device not in {"", "none"} for device in moved):
        raise ValueError("DeepSpeed: only ZeRO stage 3 without offloading; see reproductions/launch/configs/zero3.yaml")
    return True


def _shard(model: Any) -> Any:  # noqa: ANN401 - a model of transformers or PEFT
    """Decoder layers one by one, then the two entrances that are called: the model below its head, and the head."""
    from torch.distributed.fsdp import fully_shard

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    layers = next(module for name, module in base.named_modules() if name.endswith("layers") and _is_language(name))
    parts = [*layers, base.lm_head, base.model]
    if base.lm_head.weight is base.get_input_embeddings().weight:
        raise ValueError("sharding: input and output embeddings are one tensor here; run this model unsharded")
    for part in parts:
        fully_shard(part)
        part.set_gradient_divide_factor(1.0)
        part.set_force_sum_reduction_for_comms(True)
    return model


def _is_language(name: str) -> bool:
    return "language_model" in name or "text_model" in name


def _is_sharded(weight: Tensor) -> bool:
    return hasattr(weight, "full_tensor")


@torch.no_grad()
def _collect(parts: nn.Module, whole: nn.Module) -> None:
    """Put what the parts have learned into the whole."""
    home = dict(whole.named_parameters())
    for name, weight in parts.named_parameters():
        held: Any = weight
        full = held.full_tensor() if _is_sharded(weight) else weight
        if home[name].requires_grad:
            home[name].copy_(full.to(home[name].device))
