"""What a run has done so far, on disk between two stages, so that a killed run goes on where it was."""

from __future__ import annotations

import os
import pickle
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any

import torch
from torch import nn
from transformers.modeling_utils import PreTrainedModel
from transformers.utils.output_capturing import _CAN_RECORD_REGISTRY, install_output_capuring_hook

from reproductions.method import Context, Method
from reproductions.records import Answer, Step
from reproductions.training import TrainingTrace
from reproductions.vlm import VLM


@dataclass
class State:
    """Everything a run has done so far; what is on disk between two stages."""

    identity: str
    learned: int = 0
    steps: list[Step] = field(default_factory=list)
    """The base model's first."""
    answers: list[Answer] = field(default_factory=list)
    """Without the base model's."""
    traces: list[TrainingTrace] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    peak_bytes: int = 0
    trainable: int = 0
    base_digest: str = ""
    vlm: VLM | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    """What the method remembers."""

    def add(self, what: str, seconds: float) -> None:
        """Count time."""
        self.seconds[what] = self.seconds.get(what, 0.0) + seconds


class Timed:
    """Adds the wall time of a block to a state."""

    def __init__(self, state: State, what: str) -> None:
        self.state, self.what = state, what

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.state.add(self.what, time.perf_counter() - self.start)


def memory(method: Method) -> dict[str, Any]:
    """What a method remembers, without its context, which holds functions."""
    private = method.__pydantic_private__ or {}
    return {name: value for name, value in private.items() if name != "_context"}


def remember(method: Method, state: Mapping[str, Any], context: Context) -> None:
    """Put a method where another one of its kind was."""
    private = method.__pydantic_private__ or {}
    private.update(state)
    private["_context"] = context


def save(path: Path, state: State) -> None:
    """Write the state atomically. A method that cannot be pickled simply starts again after a kill."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        torch.save(state, fresh, pickle_module=_WITH_HOOKS)
        fresh.replace(path)
    except (AttributeError, TypeError, RuntimeError, pickle.PicklingError):
        path.unlink(missing_ok=True)
    finally:
        fresh.unlink(missing_ok=True)


class _Pickler(pickle.Pickler):
    """Also pickles the hooks that transformers puts on its modules to capture hidden states: made anew on loading."""

    def reducer_override(self, obj: Any) -> Any:  # noqa: ANN401 - the library's protocol
        if getattr(obj, "__qualname__", "").startswith(f"{install_output_capuring_hook.__name__}.<locals>"):
            settings = dict(
                zip(obj.__code__.co_freevars, (cell.cell_contents for cell in obj.__closure__), strict=True)
            )
            return _capturing_hook, (settings["key"], settings["index"], settings["capture_initial_hidden_state"])
        return NotImplemented


_WITH_HOOKS: Any = SimpleNamespace(Pickler=_Pickler, __name__=pickle.__name__)


def _capturing_hook(key: str, index: int, initial: bool) -> Callable[..., None]:
    module = nn.Module()
    install_output_capuring_hook(module, key, index, initial)
    return next(iter(module._forward_hooks.values()))


def load(path: Path, identity: str) -> State | None:
    """The saved state, if it belongs to this run; one that is damaged or of other code is as good as none."""
    try:
        state = torch.load(path, weights_only=False, map_location="cpu")
    except FileNotFoundError:
        return None
    except Exception:  # a damaged pickle may raise anything
        return None
    if not isinstance(state, State) or state.identity != identity:
        return None
    if state.vlm is not None:
        _announce(state.vlm)
    return state


def _announce(vlm: VLM) -> None:
    """Tell transformers which hidden states these classes give; building a model does, unpickling one does not."""
    for module in vlm.model.modules():
        if isinstance(module, PreTrainedModel):
            _CAN_RECORD_REGISTRY[module] = module._can_record_outputs
